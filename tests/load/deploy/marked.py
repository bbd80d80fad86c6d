"""Runs the backend so that each of its answers names the release; lies in tried releases only.

    python marked.py RELEASE [FAULT]

Contract: everything but the name is the served code; a fault is one of those of faulty.py, which
lies beside it. Does not know who counts.
"""

import json
import runpy
import sys

from starlette.types import Receive, Scope

from mnist_backend import edge
from mnist_backend.__main__ import main
from mnist_backend.lifecycle import Serving

RELEASE, *FAULT = sys.argv[1:]
served = edge.predicted


async def predicted(serving: Serving, scope: Scope, receive: Receive) -> edge.Answer:
    """Answer, and say which release does."""
    status, kind, content = await served(serving, scope, receive)
    if status == 200:
        content = json.dumps(json.loads(content) | {"release": RELEASE}).encode()
    return status, kind, content


edge.predicted = predicted
if FAULT:
    sys.argv = ["faulty.py", *FAULT]
    runpy.run_path("/app/faulty.py", run_name="__main__")
sys.exit(main([]))
