"""What schemathesis cannot know by itself: how a PNG is made, and that every call is to be noted.

Contract: loaded by the program `st` through its configuration. Each call of a made-up case becomes
a line of cases.ndjson in the folder it runs in: operation, phase, kind of data, status. Does not
judge anything.
"""

import base64
import json
import struct
import zlib
from pathlib import Path

import schemathesis
from hypothesis import strategies as st

NOTES = Path("cases.ndjson")
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a part of a PNG."""
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png_of(width: int, height: int, grey: int) -> str:
    """Return a grey picture with a diagonal in it, as a PNG in base64."""
    lines = (
        b"\0" + bytes(255 - grey if x == y else grey for x in range(width)) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(lines)))
    return base64.b64encode(SIGNATURE + parts + chunk(b"IEND", b"")).decode()


sides = st.integers(min_value=1, max_value=40)
schemathesis.openapi.format("png", st.builds(png_of, sides, sides, st.integers(0, 255)))


@schemathesis.hook
def after_call(
    _: schemathesis.HookContext, case: schemathesis.Case, response: schemathesis.Response
) -> None:
    """Note what was asked and what came of it."""
    meta = case.meta
    told = {
        "operation": case.operation.label,
        "phase": meta.phase.name.value if meta else "",
        "mode": meta.generation.mode.value if meta else "",
        "status": response.status_code,
    }
    with NOTES.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(told) + "\n")
