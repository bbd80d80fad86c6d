"""Around every request: its id, its time, its headers; and the short way to a prediction.

Contract: every answer carries `X-Request-Id`, and `X-Model-Version` once a model is served; every
request is counted under its route's template, never under its path. Whatever nobody expected is
logged with its trace and answered with a problem body that tells nothing of it. `POST
/api/v1/predict` is answered here, by the same function as its route, without a walk through the
framework. Does not know: what the other routes do.
"""

import asyncio
import logging
import os
import re
import time
from collections.abc import Mapping

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mnist_backend import problems
from mnist_backend.errors import (
    BackendError,
    BodyTooLargeError,
    BodyTooSlowError,
    BodyUnparsableError,
    MediaTypeUnsupportedError,
)
from mnist_backend.keys import Scope as Needed
from mnist_backend.lifecycle import Serving
from mnist_backend.predicting import Unit

log = logging.getLogger("mnist_backend.requests")

PREDICT = "/api/v1/predict"
JSON = b"application/json"
PROBLEM = problems.MEDIA_TYPE.encode()
SESSION_LENGTH = 64
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ID = re.compile(rb"[\w.:-]{8,64}")
TRACE = re.compile(rb"(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}")
KEY = "mnist"  # of the exchange, in an ASGI scope
ALWAYS_LOGGED = (401, 403)
FAILURE = 500
UNAVAILABLE = 503
RETRY_SECONDS = "5"  # until it is worth asking again, where nobody knows better
LENGTH_DIGITS = 18
PAGES = ("/docs", "/static-offline-docs/")  # for people; the rest is for programs
RawHeaders = list[tuple[bytes, bytes]]
FOR_ALL: RawHeaders = [(b"x-content-type-options", b"nosniff"), (b"x-frame-options", b"DENY")]
FOR_PROGRAMS: RawHeaders = [
    *FOR_ALL,
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
CLOSE = (b"connection", b"close")

Headers = Mapping[bytes, bytes]
Answer = tuple[int, bytes, bytes]  # status, media type, body


class Exchange:
    """One request and its answer, as far as they are known."""

    __slots__ = ("extra", "headers", "model_version", "request_id", "started", "status", "trace_id")

    def __init__(self, headers: Headers) -> None:
        """Take the request's id from its headers, or make one."""
        asked, parent = headers.get(b"x-request-id"), headers.get(b"traceparent")
        self.headers = headers
        known = asked if asked and ID.fullmatch(asked) else None
        self.request_id = known or os.urandom(8).hex().encode()
        self.model_version = ""
        self.extra: RawHeaders = []
        self.status = 500  # of what is answered if nothing else is
        self.started = False
        trace = TRACE.fullmatch(parent) if parent else None
        self.trace_id = trace[1].decode() if trace else ""


class Edge:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, serving: Serving) -> None:
        """Wrap an application."""
        self._app = app
        self._serving = serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = scope[KEY] = Exchange(dict(scope["headers"]))
        method = scope["method"] if scope["method"] in METHODS else "other"
        telemetry = self._serving.telemetry
        if telemetry is None:
            await self._measured(scope, receive, send, method)
            return
        with telemetry.request(method, exchange.headers) as span:
            exchange.trace_id = span.trace_id
            try:
                await self._measured(scope, receive, send, method)
            finally:
                version = exchange.model_version or self._serving.version
                span.end(method, route_of(scope), exchange.status, version)

    async def _measured(self, scope: Scope, receive: Receive, send: Send, method: str) -> None:
        exchange: Exchange = scope[KEY]
        metrics = self._serving.metrics
        start = time.perf_counter()
        metrics.in_flight += 1
        try:
            await self._answered(scope, receive, send)
        finally:
            metrics.in_flight -= 1
            seconds = time.perf_counter() - start
            metrics.count_request(method, route_of(scope), exchange.status, seconds)
            self._log(scope, exchange, method, seconds)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope[KEY]

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status, exchange.started = message["status"], True
                message["headers"] = [*message.get("headers", ()), *self._headers(scope)]
            await send(message)

        try:
            if scope["path"] == PREDICT and scope["method"] == "POST":
                scope["route_path"] = PREDICT
                await self._send(scope, send, await predicted(self._serving, scope, receive))
            else:
                await self._app(scope, receive, noted)
        except Exception:
            told = {"request_id": exchange.request_id.decode(), "trace_id": exchange.trace_id}
            log.exception("a request failed in a way that nobody expected", extra=told)
            if exchange.started:
                raise  # too late for another answer: the server breaks the connection
            content = problems.of_status(FAILURE, scope["path"]).model_dump_json(exclude_none=True)
            await self._send(scope, send, (FAILURE, PROBLEM, content.encode()))

    async def _send(self, scope: Scope, send: Send, answer: Answer) -> None:
        exchange: Exchange = scope[KEY]
        exchange.status, media_type, content = answer
        exchange.started = True
        headers = self._headers(scope)
        headers += ((b"content-type", media_type), (b"content-length", b"%d" % len(content)))
        await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _headers(self, scope: Scope) -> RawHeaders:
        exchange: Exchange = scope[KEY]
        version = exchange.model_version or self._serving.version
        named = [(b"x-model-version", version.encode())] if version else []
        kind = FOR_ALL if scope["path"].startswith(PAGES) else FOR_PROGRAMS
        last = [CLOSE] if self._serving.draining else []
        return [(b"x-request-id", exchange.request_id), *named, *kind, *exchange.extra, *last]

    def _log(self, scope: Scope, exchange: Exchange, method: str, seconds: float) -> None:
        status, policy = exchange.status, self._serving.settings.access_log
        failed = status >= FAILURE or status in ALWAYS_LOGGED
        if policy == "off" or (policy == "failures" and not failed):
            return
        told = {
            "request_id": exchange.request_id.decode(),
            "trace_id": exchange.trace_id,
            "method": method,
            "route": route_of(scope),
            "status": status,
            "seconds": round(seconds, 6),
        }
        log.log(logging.WARNING if failed else logging.INFO, "request", extra=told)


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered; paths are not bounded."""
    mounted: str = scope.get("root_path", "") or "unmatched"
    return str(scope.get("route_path") or getattr(scope.get("route"), "path", mounted))


async def predicted(serving: Serving, scope: Scope, receive: Receive) -> Answer:
    """Return the answer to a request for a prediction."""
    exchange: Exchange = scope[KEY]
    try:
        unit = await unit_of(serving, scope, "predict")
        body = await read(serving, scope, receive, serving.settings.body_limit_bytes)
        predicting = serving.predicting
        answer = predicting.at_once(body, unit)
        if answer is None:  # a picture to unpack, or a long list of what is wrong
            answer = await anyio.to_thread.run_sync(
                predicting.carefully, body, unit, limiter=serving.careful
            )
        content, exchange.model_version = answer
    except BackendError as error:
        return failure(error, scope)
    return 200, JSON, content


def failure(error: BackendError, scope: Scope) -> Answer:
    """Return the problem body for an error, and keep the headers that go with it."""
    exchange: Exchange = scope[KEY]
    headers = {"Retry-After": RETRY_SECONDS} if error.status == UNAVAILABLE else {}
    headers |= error.headers
    exchange.extra += [(n.lower().encode(), v.encode()) for n, v in headers.items()]
    problem = problems.of_error(error, scope["path"])
    return error.status, PROBLEM, problem.model_dump_json(exclude_none=True).encode()


async def unit_of(serving: Serving, scope: Scope, needed: Needed) -> Unit:
    """Return for whom a request is, once it may be answered.

    Raises:
        UnauthenticatedError: nobody known asks.
        ForbiddenError: the caller may not do this.
        RateLimitedError: the caller asked too often.
    """
    exchange: Exchange = scope[KEY]
    address = (scope.get("client") or ("",))[0]
    admission = serving.admission
    admitted = admission.admit_now(exchange.headers, address, needed)
    if admitted is None:
        admitted = await admission.admit(exchange.headers, address, needed)
    exchange.extra += admitted.headers
    session = exchange.headers.get(b"x-session-id", b"")[:SESSION_LENGTH].decode("latin-1")
    return Unit(admitted.caller.id, session or admitted.caller.id or address)


async def read(serving: Serving, scope: Scope, receive: Receive, limit_bytes: int) -> bytes:
    """Return the JSON body of a request.

    Raises:
        MediaTypeUnsupportedError: it is declared to be something else.
        BodyTooLargeError: it has more bytes than the limit, whatever it declares.
        BodyTooSlowError: it did not arrive in time.
        BodyUnparsableError: the client went away.
    """
    headers = scope[KEY].headers
    media_type = headers.get(b"content-type", b"")
    if media_type != JSON and media_type.partition(b";")[0].strip().lower() != JSON:
        told = media_type.decode("latin-1")[:SESSION_LENGTH] or "a body without a media type"
        message = f"send {JSON.decode()}, not {told}"
        raise MediaTypeUnsupportedError(message)
    declared = headers.get(b"content-length", b"0")
    if len(declared) > LENGTH_DIGITS or not declared.isdigit() or int(declared) > limit_bytes:
        message = f"a body may have {limit_bytes} bytes"
        raise BodyTooLargeError(message)
    loop = asyncio.get_running_loop()
    reading = asyncio.Task(_gathered(receive, limit_bytes), loop=loop, eager_start=True)
    if reading.done():  # it came with the headers, as nearly every body does
        return reading.result()
    seconds = serving.settings.body_seconds
    try:
        async with asyncio.timeout(seconds):
            return await reading
    except TimeoutError as error:
        message = f"a body must arrive within {seconds:g} s"
        slow = BodyTooSlowError(message)
        slow.headers = {"Connection": "close"}  # the rest of it is not waited for
        raise slow from error


async def _gathered(receive: Receive, limit_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            told = "the client went away before the body was complete"
            raise BodyUnparsableError(told)
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit_bytes:  # a chunked body declares nothing
            told = f"a body may have {limit_bytes} bytes"
            raise BodyTooLargeError(told)
        if not message.get("more_body", False):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)
