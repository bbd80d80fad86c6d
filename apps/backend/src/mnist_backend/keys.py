"""API keys, in a JSON file: made, listed and revoked by a command, checked with every request.

    python -m mnist_backend.keys make --file keys.json --name laptop --scopes predict,feedback
    python -m mnist_backend.keys list --file keys.json
    python -m mnist_backend.keys revoke --file keys.json ID

Contract: a key is shown once; what is kept is its SHA-256, which says nothing, for a key is 256
random bits. The file is replaced whole or not at all. Standard library only, for Python 3.11, so
that the command runs where nothing is installed; a file, so that a database that is down locks
nobody out. Does not know: HTTP, tokens, or how often a caller may ask.
"""

import argparse
import fcntl
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from mnist_backend.errors import UnauthenticatedError

log = logging.getLogger(__name__)

Scope = Literal["predict", "feedback", "admin"]
SCOPES: tuple[str, ...] = get_args(Scope)
PATTERN = re.compile(r"mnist_([0-9a-f]{12})_([\w-]{43})")
DAY_SECONDS = 86_400
DAYS_MOST = 3650
LOOK_SECONDS = 1.0  # between two looks at the file
REFUSAL = "the API key is not valid"


class KeysFileError(ValueError):
    """The file of keys, or what shall be done with it, is not right; the message says what is."""


@dataclass(frozen=True)
class Caller:
    """Who asks, and what they may do."""

    id: str
    scopes: frozenset[str]


ANYBODY = Caller("", frozenset(SCOPES))  # where nobody has to say who they are


@dataclass(frozen=True)
class Key:
    """What is kept of a key."""

    id: str
    name: str
    sha256: str
    scopes: tuple[str, ...]
    created: float  # seconds since 1970, as are the others
    expires: float
    revoked: float | None = None

    def state(self, now: float) -> str:
        """Whether it opens anything."""
        if self.revoked is not None:
            return "revoked"
        return "valid" if now < self.expires else "expired"


def read(path: Path) -> dict[str, Key]:
    """Return the keys of a file by their id; none where there is no file yet.

    Raises:
        KeysFileError: it is not a file of keys.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        entries = json.loads(text)["keys"]
        keys = [Key(**{**entry, "scopes": tuple(entry["scopes"])}) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is not a file of keys: {error!r}; restore it, or make a new one"
        raise KeysFileError(message) from error
    return {key.id: key for key in keys}


def change(path: Path, how: Callable[[dict[str, Key]], dict[str, Key]]) -> None:
    """Replace the file's keys, alone and at once; what was there stays if anything fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = [asdict(key) for key in how(read(path)).values()]
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:  # noqa: PTH123  the mode matters from the first byte on
            stream.write(json.dumps({"keys": entries}, indent=2) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)


def make(path: Path, name: str, scopes: Sequence[str], days: int) -> str:
    """Add a key and return it; it is not kept anywhere.

    Raises:
        KeysFileError: a scope is unknown, the name is taken, or the days make no sense.
    """
    unknown = sorted({*scopes} - {*SCOPES})
    if unknown or not scopes:
        message = f"scope {', '.join(unknown) or '(none)'}: choose from {', '.join(SCOPES)}"
        raise KeysFileError(message)
    if not 1 <= days <= DAYS_MOST:
        message = f"{days} days: a key is valid for 1 to {DAYS_MOST} days"
        raise KeysFileError(message)
    now = time.time()
    identity = secrets.token_hex(6)
    whole = f"mnist_{identity}_{secrets.token_urlsafe(32)}"
    digest = hashlib.sha256(whole.encode()).hexdigest()
    ordered = tuple(scope for scope in SCOPES if scope in scopes)
    key = Key(identity, name, digest, ordered, now, now + days * DAY_SECONDS)

    def added(keys: dict[str, Key]) -> dict[str, Key]:
        if any(other.name == name and other.state(now) == "valid" for other in keys.values()):
            message = f"a valid key is named {name!r} already; revoke it, or choose another name"
            raise KeysFileError(message)
        return {**keys, identity: key}

    change(path, added)
    return whole


def revoke(path: Path, identity: str) -> None:
    """End a key's validity for good.

    Raises:
        KeysFileError: no key has that id.
    """

    def ended(keys: dict[str, Key]) -> dict[str, Key]:
        if identity not in keys:
            message = f"no key has the id {identity!r}; `list` shows them"
            raise KeysFileError(message)
        return {**keys, identity: replace(keys[identity], revoked=time.time())}

    change(path, ended)


class KeyRing:
    """The keys of a file, as they are now; a file that went bad keeps the last good ones."""

    def __init__(self, path: Path) -> None:
        """Look at nothing yet."""
        self._path = path
        self._keys: dict[str, Key] = {}
        self._known: dict[str, tuple[Key, Caller]] = {}  # by the whole key, once it was found right
        self._stamp: tuple[int, ...] | None = None
        self._looked = float("-inf")

    def check(self, key: str, now: float) -> Caller:
        """Return whose key it is; `now` is seconds since 1970.

        Raises:
            UnauthenticatedError: it is no valid key; which part is wrong is not told.
        """
        self._look(now)
        known = self._known.get(key) or self._verified(key)
        if known is None:  # perhaps it was made a moment ago
            self._look(now, at_once=True)
            known = self._verified(key)
        if known is None or known[0].state(now) != "valid":
            raise UnauthenticatedError(REFUSAL)
        return known[1]

    def load(self, now: float) -> int:
        """Look at the file and return how many keys are valid."""
        self._look(now)
        return sum(key.state(now) == "valid" for key in self._keys.values())

    def _verified(self, key: str) -> tuple[Key, Caller] | None:
        match = PATTERN.fullmatch(key)
        found = self._keys.get(match[1]) if match else None
        digest = hashlib.sha256(key.encode()).hexdigest()
        if not hmac.compare_digest(digest, found.sha256 if found else "0" * 64) or not found:
            return None
        self._known[key] = found, Caller(found.id, frozenset(found.scopes))
        return self._known[key]

    def _look(self, now: float, *, at_once: bool = False) -> None:
        if now - self._looked < LOOK_SECONDS and not at_once:
            return
        self._looked = now
        stamp = stamp_of(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        if not stamp:
            stay = "the keys known so far stay in force" if self._keys else "no API key is valid"
            log.error("%s is not there; %s", self._path, stay)
            return
        try:
            self._keys, self._known = read(self._path), {}
        except (OSError, KeysFileError) as error:
            stay = "the keys known so far stay in force" if self._keys else "no API key is valid"
            log.error("%s: %s", stay, error)


def stamp_of(path: Path) -> tuple[int, ...]:
    """Return what changes when a file does; nothing where there is none."""
    try:
        about = path.stat()
    except OSError:
        return ()
    return about.st_mtime_ns, about.st_size, about.st_ino


def table(keys: dict[str, Key], now: float) -> str:
    """Return the keys for a person."""
    day = "%Y-%m-%d"
    rows: list[tuple[str, ...]] = [("id", "name", "scopes", "created", "expires", "state")]
    rows += [
        (
            *(key.id, key.name, ",".join(key.scopes)),
            *(time.strftime(day, time.gmtime(at)) for at in (key.created, key.expires)),
            key.state(now),
        )
        for key in keys.values()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(prog="mnist_backend.keys", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("command", choices=("make", "list", "revoke"))
    parser.add_argument("id", nargs="?", default="", help="of the key to revoke")
    parser.add_argument("--file", type=Path, required=True, help="the file of keys")
    parser.add_argument("--name", default="", help="who or what will use the key")
    parser.add_argument("--scopes", default="predict,feedback", help="what it may do, by commas")
    parser.add_argument("--days", type=int, default=90, help="how long it is valid")
    options = parser.parse_args(arguments)
    try:
        if options.command == "make":
            if not options.name.strip():
                parser.error("make: --name says who or what will use the key")
            key = make(options.file, options.name, options.scopes.split(","), options.days)
            sys.stderr.write("This is the key; it is shown once. Send it as X-API-Key.\n")
            sys.stdout.write(f"{key}\n")
        elif options.command == "revoke":
            revoke(options.file, options.id)
        else:
            with suppress(BrokenPipeError):
                sys.stdout.write(table(read(options.file), time.time()) + "\n")
    except (KeysFileError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
