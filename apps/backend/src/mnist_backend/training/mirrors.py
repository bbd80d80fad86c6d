"""Fetches files of known SHA-256 from whichever mirror has them.

Contract: what is returned has the hash that was asked for, whoever sent it. A broken transfer goes
on where it ended, at the same mirror or the next; a wrong file is thrown away. Time and size are
bounded. Where no mirror helps, the error names each with its reason.
Does not know: what is in the files.
"""

import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from mnist_backend.errors import ConfigurationError
from mnist_backend.training.errors import MirrorsExhaustedError

log = logging.getLogger(__name__)

LIMIT_BYTES = 16 * 1024 * 1024  # MNIST's largest file has 9.9 MB
TRIES = 4  # at one mirror, as long as each brings something new
QUIET_SECONDS = 30.0
TOTAL_SECONDS = 600.0  # for one file from one mirror
OK, PARTIAL, RANGE_REFUSED = 200, 206, 416


@dataclass(frozen=True, slots=True)
class Pinned:
    """A file and what it must be."""

    name: str
    sha256: str


class TransferFailedError(Exception):
    """A mirror does not give the file; the message says why."""


def fetch(wanted: Pinned, mirrors: Sequence[str], cache: Path) -> bytes:
    """Return a file from the cache, or from the first mirror that has it.

    Raises:
        MirrorsExhaustedError: none has.
        ConfigurationError: the cache cannot be used.
    """
    whole, partial = cache / wanted.name, cache / f"{wanted.name}.partial"
    if whole.is_file() and _sha256(whole) == wanted.sha256:
        return whole.read_bytes()
    _make(cache)
    reasons = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{wanted.name}"
        try:
            _fetch_from(url, partial, wanted.sha256)
        except TransferFailedError as error:
            log.info("%s: %s", url, error)
            reasons.append(f"{url}: {error}")
            continue
        partial.replace(whole)
        log.info("%s: fetched", url)
        return whole.read_bytes()
    told = "; ".join(reasons) or "the list of mirrors is empty"
    message = (
        f"{wanted.name} is not to be had: {told}. Name a mirror that answers with "
        f"mirrors=URL, put the file into {cache}, or train with source=digits"
    )
    raise MirrorsExhaustedError(message)


def _make(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cache={cache}: {error.strerror}; give a folder that can be written"
        raise ConfigurationError(message) from error


def _fetch_from(url: str, partial: Path, sha256: str) -> None:
    resumed = _size(partial) > 0
    _complete(url, partial)
    if resumed and _sha256(partial) != sha256:  # what was there before may have been wrong
        partial.unlink()
        _complete(url, partial)
    found = _sha256(partial)
    if found != sha256:
        partial.unlink()
        message = f"its SHA-256 is {found}, not {sha256}"
        raise TransferFailedError(message)


def _complete(url: str, partial: Path) -> None:
    """Ask until the file has arrived, or until asking brings nothing more."""
    deadline = time.monotonic() + TOTAL_SECONDS
    remaining = TRIES
    while True:
        before, remaining = _size(partial), remaining - 1
        try:
            _ask(url, partial, before, deadline)
            return
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            if not remaining or _size(partial) <= before:
                message = f"{type(error).__name__}: {str(error) or 'no answer'}"
                raise TransferFailedError(message) from error
            log.info("%s: broke off after %d bytes, going on there", url, _size(partial))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _ask(url: str, partial: Path, start: int, deadline: float) -> None:
    headers = {"Accept-Encoding": "identity"}  # the hash is that of the packed file
    if start:
        headers["Range"] = f"bytes={start}-"
    timeout = httpx2.Timeout(QUIET_SECONDS, connect=10.0)
    with httpx2.stream(
        "GET", url, headers=headers, timeout=timeout, follow_redirects=True
    ) as answer:
        if answer.status_code == RANGE_REFUSED and start:
            return  # nothing is left to send; the hash tells whether it is whole
        going_on = answer.status_code == PARTIAL and start
        if not going_on and answer.status_code != OK:
            message = f"answers {answer.status_code} {answer.reason_phrase}".rstrip()
            raise TransferFailedError(message)
        if going_on and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            message = f"sends {answer.headers.get('Content-Range')!r}, asked for byte {start} on"
            raise TransferFailedError(message)
        _keep(answer, partial, start if going_on else 0, deadline)


def _keep(answer: httpx2.Response, partial: Path, start: int, deadline: float) -> None:
    size = start
    with partial.open("ab" if start else "wb") as stream:
        for chunk in answer.iter_raw():
            size += len(chunk)
            if size > LIMIT_BYTES:
                partial.unlink()
                message = f"sends more than {LIMIT_BYTES} bytes"
                raise TransferFailedError(message)
            if time.monotonic() > deadline:
                message = f"takes more than {TOTAL_SECONDS:.0f} s"
                raise TransferFailedError(message)
            stream.write(chunk)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
