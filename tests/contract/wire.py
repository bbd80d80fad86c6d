"""Speaks to the service without a library that would put right what is wrong.

Contract: `exchange` sends bytes and returns what comes back until the answer is complete or the
connection is closed, bounded by a time. Does not know what a good request is.
"""

import asyncio
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Heard:
    """What came back: the status, or none where the connection was closed without one."""

    status: int | None
    raw: bytes


def place(url: str) -> tuple[str, int]:
    """Return host and port of an address."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def complete(raw: bytes) -> bool:
    """Whether a whole answer is there."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    length = LENGTH.search(head + b"\r\n")
    return bool(separator) and (not length or len(body) >= int(length[1]))


def heard(raw: bytes) -> Heard:
    """Read the status of what came back."""
    match = STATUS.match(raw)
    return Heard(int(match[1]) if match else None, raw)


def exchange(url: str, parts: Iterable[bytes], pause_seconds: float = 0.0) -> Heard:
    """Send parts, with a pause after each, until they end or the service has said enough."""
    raw = b""
    with socket.create_connection(place(url), PATIENCE_SECONDS) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                connection.settimeout(max(pause_seconds, 0.001))
                raw += arrived(connection)
                if raw:
                    break
                connection.settimeout(PATIENCE_SECONDS)
            connection.settimeout(PATIENCE_SECONDS)
            while not complete(raw) and (more := connection.recv(65536)):
                raw += more
        except (ConnectionResetError, BrokenPipeError) as error:
            return Heard(heard(raw).status, raw or repr(error).encode())
    return heard(raw)


def arrived(connection: socket.socket) -> bytes:
    """Return what is there within the connection's time; nothing where nothing is."""
    try:
        return connection.recv(65536)
    except TimeoutError:
        return b""


async def together(url: str, request: bytes, count: int) -> list[Heard]:
    """Open so many connections, and only when all stand, send one request on each of them."""
    streams = await asyncio.gather(*(asyncio.open_connection(*place(url)) for _ in range(count)))

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Heard:
        writer.write(request)
        raw = b""
        while not complete(raw) and (more := await reader.read(65536)):
            raw += more
        writer.close()
        return heard(raw)

    return await asyncio.gather(*(ask(*stream) for stream in streams))
