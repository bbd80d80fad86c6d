"""One deployer at a time: a folder on the host, with who holds it and until when.

Contract: whoever finds a lock that has run out takes it over, from when on what the former holder
still sends is refused by the host; the lock is renewed while it is held, so it runs out only when
its deployer is gone. Does not know what is done under it.
"""

import logging
import secrets
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mnist_deploy.errors import CommandFailedError, DeployError, LockHeldError
from mnist_deploy.ssh import Host

TAKEN = 98
LIFE_SECONDS = 90
RENEW_SECONDS = 20
RENEW = f"echo $(($(date +%s) + {LIFE_SECONDS})) >lock/until.new && mv lock/until.new lock/until"
# Of a deployer that was cut off before it could say, the lock runs out as if it had been renewed.
UNTIL = f"cat lock/until 2>/dev/null || echo $(($(stat --format=%Y lock) + {LIFE_SECONDS}))"
TAKE = f"""\
exec 9>.guard; flock 9
[ "$(cat lock/token 2>/dev/null)" != TOKEN ] || exit 0
[ ! -d lock ] || [ "$({UNTIL})" -ge "$(date +%s)" ] || rm -r lock
mkdir lock 2>/dev/null || exit {TAKEN}
echo TOKEN >lock/token; printf %s WHO >lock/who; {RENEW}"""
HOLDER = f"""\
[ -d lock ] || exit 0
cat lock/who 2>/dev/null || printf 'somebody who was cut off'
echo; echo $(($({UNTIL}) - $(date +%s)))"""

log = logging.getLogger(__name__)


def holder(host: Host) -> str:
    """Who holds the lock, in words; empty if nobody does."""
    said = host.read(HOLDER).split("\n")
    return f"{said[0]} holds the lock, for another {said[1]} s" if said[1:2] else ""


@contextmanager
def held(host: Host, who: str) -> Iterator[None]:
    """Holds the lock, and renews it.

    Raises:
        LockHeldError: somebody else holds it.
    """
    token = secrets.token_hex(16)
    try:
        host.read(TAKE.replace("TOKEN", token).replace("WHO", shlex.quote(who)))
    except CommandFailedError as error:
        if error.code != TAKEN:
            raise
        message = f"{holder(host)}; wait, or break it with `unlock` if that deployer is gone"
        raise LockHeldError(message) from error
    host.token = token
    stop = threading.Event()
    renewing = threading.Thread(target=renew, args=(host, stop), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        stop.set()
        renewing.join()
        free(host)


def renew(host: Host, stop: threading.Event) -> None:
    """Renews the lock until told to stop; a line that is broken for a while does no harm."""
    while not stop.wait(RENEW_SECONDS):
        try:
            host.change(RENEW)
        except LockHeldError:
            return  # the next command of the deployer itself is refused, and tells it
        except DeployError as error:
            log.warning("the lock could not be renewed: %s", error)


def free(host: Host) -> None:
    """Gives the lock back; where the host cannot be reached it runs out by itself."""
    try:
        host.change("rm -r lock")
    except DeployError as error:
        log.warning("the lock was not given back: %s", error)
    host.token = ""


def broken(host: Host) -> str:
    """Breaks the lock, whoever holds it; tells who did."""
    known = holder(host)
    host.read("exec 9>.guard; flock 9; rm -rf lock")
    return known
