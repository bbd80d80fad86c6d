"""Waits until addresses answer 200, then becomes the given command; runs inside a container.

    python readiness.py LIMIT_SECONDS NAME=URL ... -- COMMAND ARGUMENT ...

Contract: standard library only. Where an address is not ready in time, or its service has ended,
it prints what it answered last and the end of the service's log, and exits with 124; the last line
then begins with "NOT READY". It opens /service-logs to the services; their logs are NAME.log there,
and NAME.exit once they have ended. Does not know what the services are.
"""

import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

LOGS = Path("/service-logs")
NOT_READY = "NOT READY"
EXIT_CODE = 124  # as of a time-out: the recorder takes it for no answer, so it is asked anew
POLL_SECONDS = 0.25
ENDED_GRACE_SECONDS = 3.0  # an earlier run's mark is gone by then
TAIL_LINES = 40


def answer(url: str) -> str:
    """What an address answers, as one line; "200" alone is good."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  addresses are ours
            return str(response.status)
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read(300).decode(errors='replace')}"
    except OSError as error:
        return str(error)


def ended(name: str, logs: Path) -> str:
    """How a service ended, or nothing while it lives."""
    mark = logs / f"{name}.exit"
    return mark.read_text().strip() if mark.is_file() else ""


def unready(addresses: dict[str, str], limit_seconds: float, logs: Path) -> dict[str, str]:
    """Polls until every address answers 200 or time is up: what the others answered last."""
    began = time.monotonic()
    waiting = dict.fromkeys(addresses, "which was never asked")
    while True:
        answers = {name: answer(addresses[name]) for name in waiting}
        waiting = {
            name: f"answered last: {text}" for name, text in answers.items() if text != "200"
        }
        passed = time.monotonic() - began
        for name in waiting:
            code = ended(name, logs)
            if code and passed > ENDED_GRACE_SECONDS:
                return {name: f"which ended with exit code {code}"}
        if not waiting or passed > limit_seconds:
            return waiting
        time.sleep(POLL_SECONDS)


def tail(path: Path) -> str:
    """The end of a log, or that there is none."""
    if not path.is_file():
        return "(no log)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-TAIL_LINES:])


def main(arguments: list[str]) -> int:
    """Waits, then replaces this process by the command; returns only where it could not wait."""
    split = arguments.index("--")
    limit, *pairs = arguments[:split]
    addresses = dict(pair.split("=", 1) for pair in pairs)
    if LOGS.is_dir():
        LOGS.chmod(0o1777)  # each service runs as a user of its own
    late = unready(addresses, float(limit), LOGS)
    if not late:
        command = arguments[split + 1 :]
        os.execvp(command[0], command)  # noqa: S606  no shell is wanted
    for name in late:
        sys.stdout.write(f"--- log of {name}\n{tail(LOGS / f'{name}.log')}\n")
    for name, text in late.items():
        line = " ".join(text.split())
        sys.stdout.write(f"{NOT_READY} within {limit} s: {name}, {line}\n")
    return EXIT_CODE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
