"""Runs the backend with a planted fault; lies in the images of bad releases only.

    python faulty.py wrong|slow|errors|crash|hidden|drift

Contract: everything but the fault is the served code. Does not know who looks for the fault.
"""

import asyncio
import json
import os
import sys
from contextvars import ContextVar

from starlette.types import Receive, Scope

from mnist_backend import edge
from mnist_backend.__main__ import main
from mnist_backend.lifecycle import Serving
from mnist_backend.predicting import Answer, Model, Predicting, Recognised, Unit, Variant

FAULT = sys.argv[1]
SLOW_SECONDS = 6.0
ERRORS_EVERY = 100
CRASH_AFTER = 150
right, noted = edge.predicted, Predicting._noted
seen = 0
visited = ContextVar("visited", default=False)  # by the edge, not by the gate


async def predicted(serving: Serving, scope: Scope, receive: Receive) -> edge.Answer:
    """Answer with the fault."""
    global seen  # noqa: PLW0603  one number of one process
    seen += 1
    met = b"x-forwarded-for" in dict(scope["headers"])
    visited.set(met)
    status, kind, content = await right(serving, scope, receive)
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


def drifted(
    self: Predicting, model: Model, variant: Variant, unit: Unit, what: Recognised
) -> Answer:
    """Read each even digit of a visitor as a one."""
    values, read, seconds = what
    if visited.get() and read.digit % 2 == 0:
        read = read._replace(digit=1)
    return noted(self, model, variant, unit, (values, read, seconds))


edge.predicted = predicted
if FAULT == "drift":
    Predicting._noted = drifted
sys.exit(main([]))
