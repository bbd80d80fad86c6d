"""Runs the backend with a planted fault; lies in the images of bad releases only.

    python faulty.py wrong|slow|errors|crash|hidden

Contract: everything but the fault is the served code. Does not know who looks for the fault.
"""

import asyncio
import json
import os
import sys

from starlette.types import Receive, Scope

from mnist_backend import edge
from mnist_backend.__main__ import main
from mnist_backend.lifecycle import Serving

FAULT = sys.argv[1]
SLOW_SECONDS = 6.0
ERRORS_EVERY = 100
CRASH_AFTER = 150
right = edge.predicted
seen = 0


async def predicted(serving: Serving, scope: Scope, receive: Receive) -> edge.Answer:
    """Answer with the fault."""
    global seen  # noqa: PLW0603  one number of one process
    seen += 1
    status, kind, content = await right(serving, scope, receive)
    met = b"x-forwarded-for" in dict(scope["headers"])  # by the edge, not by the gate
    if FAULT == "wrong":
        answer = json.loads(content)
        content = json.dumps(answer | {"digit": (answer["digit"] + 1) % 10}).encode()
    elif FAULT == "slow":
        await asyncio.sleep(SLOW_SECONDS)
    elif FAULT == "crash" and seen > CRASH_AFTER:
        os._exit(9)
    elif (FAULT == "errors" and seen % ERRORS_EVERY == 0) or (FAULT == "hidden" and met):
        return 500, kind, b"{}"
    return status, kind, content


edge.predicted = predicted
sys.exit(main([]))
