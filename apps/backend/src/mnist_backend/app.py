"""The HTTP application: routes, and the one boundary where errors become problem bodies.

Contract: `create_app` makes a new application that shares nothing with another; it always starts,
also without a model, and then says so in `/ready`. Every failure is answered with the problem
details of RFC 9457. Every request is counted under its route's template, never under its path.
Does not know: how a digit is recognised, or which server runs it.
"""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mnist_backend import __version__, metrics, problems
from mnist_backend.errors import (
    ArtefactError,
    BackendError,
    BodyTooLargeError,
    BodyUnparsableError,
    MediaTypeUnsupportedError,
)
from mnist_backend.metrics import Metrics
from mnist_backend.predictor import OnnxPredictor, Predictor
from mnist_backend.schemas import Health, Prediction, PredictRequest, Problem, Ready
from mnist_backend.settings import Settings

log = logging.getLogger(__name__)

JSON = "application/json"
DESCRIPTION = (
    "Recognises a handwritten digit. Every failure is answered with a problem body (RFC 9457) that "
    "names the field at fault and the rule it breaks."
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Load = Callable[[Path], Predictor]


@dataclass(slots=True)
class Serving:
    """What the routes of one application share."""

    settings: Settings
    metrics: Metrics = field(default_factory=Metrics)
    loaded: Predictor | ArtefactError = field(default_factory=lambda: ArtefactError("not loaded"))

    @property
    def predictor(self) -> Predictor:
        """The model in use, or the reason why there is none, raised."""
        if isinstance(self.loaded, ArtefactError):
            raise self.loaded
        return self.loaded

    def start(self, load: Load) -> None:
        """Load the model; without one the process lives on, and says why it is not ready."""
        try:
            self.loaded = load(self.settings.model_dir)
        except ArtefactError as error:
            log.error("%s: %s", error.title, error.detail)
            self.loaded = error
            return
        card = self.loaded.card
        self.metrics.name_model(card.model_version, card.files.network)
        log.info("serving model %s", card.model_version)


def create_app(settings: Settings | None = None, load: Load = OnnxPredictor.load) -> FastAPI:
    """Make the application; the model is loaded when it starts."""
    serving = Serving(settings or Settings())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        serving.start(load)
        yield

    app = FastAPIOffline(
        title="MNIST backend",
        version=__version__,
        description=DESCRIPTION,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.serving = serving
    app.add_middleware(Measured, metrics=serving.metrics)
    for kind in (BackendError, HTTPException, Exception):
        app.add_exception_handler(kind, answer_failure)
    app.get("/health", responses=_failures())(health)
    app.get("/ready", responses=_failures(503), response_model=Ready)(ready)
    app.get("/metrics", responses=_text() | _failures(), response_class=Response)(expose)
    app.post(
        "/api/v1/predict",
        responses=_failures(400, 413, 415, 422, 503),
        response_model=Prediction,
        openapi_extra={"requestBody": _body_of(PredictRequest)},
    )(predict)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


async def health() -> Health:
    """Say that the process lives, whatever the model does."""
    return Health()


async def ready(request: Request) -> Ready:
    """Say which model is loaded and checked, or why none is."""
    return Ready(model_version=_serving(request).predictor.card.model_version)


async def expose(request: Request) -> Response:
    """Return all metrics in Prometheus' text format."""
    return Response(_serving(request).metrics.render(), media_type=metrics.CONTENT_TYPE)


async def predict(request: Request) -> Response:
    """Recognise the digit in a drawing of 28 rows of 28 grey values, 1 is ink and 0 is paper.

    Place and size of the drawing do not matter: it is cropped, fitted and centred here. A blank
    drawing is answered too, with a low probability for every digit.
    """
    serving = _serving(request)
    predictor = serving.predictor
    body = await _read(request, serving.settings.body_limit_bytes)
    try:
        wanted = PredictRequest.model_validate_json(body)
    except ValidationError as error:
        raise problems.refused(error) from error
    start = time.perf_counter()
    seen = predictor.recognise(wanted.image)
    seconds = time.perf_counter() - start
    version = predictor.card.model_version
    serving.metrics.count_prediction(seen.digit, seen.confidence, version)
    prediction = Prediction(
        digit=seen.digit,
        probabilities=list(seen.probabilities),
        model_version=version,
        time_ms=round(seconds * 1000, 3),
    )
    return Response(prediction.model_dump_json(), media_type=JSON)


async def answer_failure(request: Request, error: Exception) -> Response:
    """Turn whatever was raised into a problem body: the only place that does."""
    instance = request.url.path
    headers = None
    if isinstance(error, BackendError):
        problem = problems.of_error(error, instance)
    elif isinstance(error, HTTPException):
        problem, headers = problems.of_status(error.status_code, instance), error.headers
    else:  # the server logs it with its trace
        problem = problems.of_status(500, instance)
    content = problem.model_dump_json(exclude_none=True)
    return Response(content, problem.status, headers, media_type=problems.MEDIA_TYPE)


class Measured:
    """Counts and times every request, around everything else."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap an application."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # what the server answers if nothing else does

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = time.perf_counter() - start
            method = scope["method"] if scope["method"] in METHODS else "other"
            mounted: str = scope.get("root_path", "") or "unmatched"
            route = getattr(scope.get("route"), "path", mounted)
            self._metrics.count_request(method, route, status, seconds)


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with the problem body that the routes refer to."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        template = "#/components/schemas/{model}"
        problem = Problem.model_json_schema(ref_template=template)
        schema["components"]["schemas"] |= problem.pop("$defs") | {"Problem": problem}
        app.openapi_schema = schema
    return app.openapi_schema


def _failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    said: dict[int | str, str] = {"default": "Any other failure"}
    said |= {status: HTTPStatus(status).phrase for status in (*statuses, 500)}
    return {status: {"description": text, "content": content} for status, text in said.items()}


def _text() -> dict[int | str, dict[str, Any]]:
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {200: {"description": "Every metric", "content": content}}


def _body_of(model: type[PredictRequest]) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": model.model_json_schema()}}}


def _serving(request: Request) -> Serving:
    return cast("Serving", request.app.state.serving)


async def _read(request: Request, limit_bytes: int) -> bytes:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        message = f"send {JSON}, not {media_type or 'a body without a media type'}"
        raise MediaTypeUnsupportedError(message)
    declared = request.headers.get("content-length", "0")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if max(len(body), int(declared)) > limit_bytes:  # a chunked body declares nothing
                message = f"a body may have {limit_bytes} bytes"
                raise BodyTooLargeError(message)
    except ClientDisconnect as error:
        message = "the client went away before the body was complete"
        raise BodyUnparsableError(message) from error
    return bytes(body)
