#!/opt/venv/bin/python
"""Runs a module's functions with the published client, which costs less here.

Contract: the client does what it always does, and only work that changes nothing is left out: of a
call that the engine answers from its cache, most of the time was the client's own. Arguments'
types are mypy's business, not looked at again in each call. Does not know the module.
"""

import asyncio
import gc
import itertools
import sys
from typing import Any

import beartype
import gql
import httpx

gc.disable()  # until all is imported, which makes much and throws nothing away
sys.modules.setdefault("sniffio", None)  # httpcore would look for it on the disk in each request
checked = beartype.beartype
beartype.beartype = lambda *_, **__: lambda kind: kind
from dagger.client import _core, _session  # noqa: E402  what it imports is changed above
from dagger.mod.cli import app  # noqa: E402

beartype.beartype = checked
POOLS = 20  # of connections: for each request a pool looks through all that it has, and all waiting
PLAIN = (None, str, int, float, bool, _core.Scalar)
ONCE = {"id", "sync", "entrypoint", "defaultArgs", "user"}  # what an object is does not change
OBJECTS_BETWEEN_COLLECTIONS = 50_000  # 700 otherwise
pool = _session.TelemetryTransport
made = _core.make_converter
plain = made(None)
ask = _core.Context.execute
asked: dict[str, asyncio.Task[Any]] = {}


class Converter:
    """Made for each field that is selected; what builds objects is made only where one is built."""

    def __init__(self, context: _core.Context) -> None:
        """Belong to a selection."""
        self.context = context

    def unstructure(self, value: Any) -> Any:  # noqa: ANN401  as the one in whose place it is
        """Make JSON of an argument."""
        return plain.unstructure(value)

    def structure(self, value: Any, kind: Any) -> Any:  # noqa: ANN401
        """Make an answer of JSON."""
        return (plain if kind in PLAIN else made(self.context)).structure(value, kind)


class Transport(httpx.AsyncBaseTransport):
    """Many small pools in place of a large one: a call asks for hundreds of things at once."""

    def __init__(self) -> None:
        """Make the pools, which connect when they are asked."""
        self.pools = [pool() for _ in range(POOLS)]
        self.turns = itertools.cycle(self.pools)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request by the pool whose turn it is."""
        return await next(self.turns).handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        for each in self.pools:
            await each.aclose()


async def ask_once(context: _core.Context, kind: Any = None) -> Any:  # noqa: ANN401
    """Ask the engine, but not again what it has been asked, or is being asked, of one object."""
    if context.selections[-1].name not in ONCE:
        return await ask(context, kind)
    await context.resolve_ids()
    question = repr(context.selections)
    if question not in asked or (asked[question].done() and not answered(asked[question])):
        asked[question] = asyncio.ensure_future(ask(context, kind))
    return await asyncio.shield(asked[question])


def answered(task: asyncio.Task[Any]) -> bool:
    """Tell whether an answer came; what failed is asked again."""
    return not task.cancelled() and task.exception() is None


_core.make_converter = Converter
_core.Context.execute = ask_once
gql.Client.validate = lambda *_: None  # the engine does, too
_session.TelemetryTransport = Transport
gc.freeze()
gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
gc.enable()
sys.exit(app())
