"""One run at a time: a lock that names its holder and that the kernel frees when it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SAY_AGAIN_SECONDS = 30


@contextmanager
def held(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock at `path`, waiting for another run as long as it takes and saying so."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as stream:
            _wait(stream, say)
            if not _is_at(stream, path):
                continue  # the run that was waited for removed the cache, and this file with it
            stream.truncate(0)
            stream.write(f"process {os.getpid()}")
            stream.flush()
            yield
            return


def is_held(path: Path) -> bool:
    """Tell whether another process holds the lock."""
    if not path.exists():
        return False
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def holder(path: Path) -> int:
    """Return the number of the process that took the lock last, 0 before it has said so."""
    number = path.read_text().removeprefix("process ")
    return int(number) if number.isdigit() else 0


def _is_at(stream: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _wait(stream: IO[str], say: Callable[[str], None]) -> None:
    since = time.monotonic()
    said = -float(SAY_AGAIN_SECONDS)
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - since
            if waited - said >= SAY_AGAIN_SECONDS:
                said = waited
                stream.seek(0)
                holder = stream.read() or "another run"
                say(f"waiting for {holder}, which prepares the toolchain ({waited:.0f} s so far)")
            time.sleep(0.2)
