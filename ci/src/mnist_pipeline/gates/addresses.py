"""Addresses of a stack that runs elsewhere, as a container can use them, and whose keys it takes.

Contract: an address of the caller's own machine is one that a service leads to, or is refused; keys
are those of all holders, or none. Does not know what answers there.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

HERE = {"localhost", "127.0.0.1", "::1"}  # hosts that mean another machine inside a container
NEEDED = {"backend"}
HOLDERS = ("first", "second", "admin")  # of the keys that the tests use, in the order of --keys


class StackUnreachableError(ValueError):
    """An address cannot be one of a stack that a container reaches."""


class KeysIncompleteError(ValueError):
    """A holder's key is missing, or there is one too many."""


def holders(count: int) -> tuple[str, ...]:
    """Whose keys so many keys are.

    Raises:
        KeysIncompleteError: they are neither none nor those of all holders.
    """
    if count not in {0, len(HOLDERS)}:
        message = f"--keys has {count}, and not one each of {', '.join(HOLDERS)}, in this order"
        raise KeysIncompleteError(message)
    return HOLDERS[:count]


def reachable(name: str, url: str, ways: Collection[int]) -> str:
    """An address as a container has it; empty where none was given.

    Args:
        name: of the part that answers there.
        url: as it was given; a host of HERE becomes here-PORT, which a service is bound to.
        ways: the ports of this machine that a service leads to.

    Raises:
        StackUnreachableError: it is no address, or of this machine with no way there.
    """
    if not url and name not in NEEDED:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = f"--{name}-url={url}: an address begins with http:// or https:// and a host"
        raise StackUnreachableError(message)
    if parts.hostname not in HERE:
        return url.rstrip("/")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if port not in ways:
        message = (
            f"--{name}-url={url} is this machine, which containers reach by --here alone: "
            f"add --here=tcp://{parts.hostname}:{port}"
        )
        raise StackUnreachableError(message)
    return parts._replace(netloc=f"here-{port}:{port}").geturl().rstrip("/")
