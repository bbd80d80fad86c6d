#!/opt/venv/bin/python
"""Runs a module's functions with the published client, which costs less here.

Contract: the client does what it always does, and only work that changes nothing is left out: of a
call that the engine answers from its cache, most of the time was the client's own. Does not know
the module.
"""

import functools
import sys
from typing import Any

import gql
import httpx
from dagger.client import _core, _session
from dagger.mod.cli import app

CONNECTIONS = 100  # as many are kept as may be open: a call asks for hundreds of things at once
PLAIN = (None, str, int, float, bool, _core.Scalar)
made = _core.make_converter
plain = made(None)


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


_core.make_converter = Converter
gql.Client.validate = lambda *_: None  # the engine does, too
_session.TelemetryTransport = functools.partial(
    _session.TelemetryTransport,
    limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
)
sys.exit(app())
