"""The HTTP application: its routes, their document, and how errors are answered.

Contract: `create_app` makes a new application that shares nothing with another. Every failure is
answered with the problem details of RFC 9457. What asks the database runs beside the event loop.
Does not know: how a digit is recognised, who may ask, or which server runs it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import anyio
from fastapi import Depends, FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware

from mnist_backend import __version__, document, edge, problems
from mnist_backend.database import Feedback as Told
from mnist_backend.database import StoredPrediction as Stored
from mnist_backend.database import shadow_of
from mnist_backend.edge import Edge
from mnist_backend.errors import ArtefactError, BackendError, PredictionUnknownError
from mnist_backend.experiment import Variant
from mnist_backend.keys import Scope
from mnist_backend.lifecycle import Load, Serving, loaded
from mnist_backend.predicting import Unit, parsed
from mnist_backend.schemas import (
    BATCH_LIMIT,
    Batch,
    BatchRequest,
    Feedback,
    FeedbackRequest,
    Health,
    Model,
    Models,
    Prediction,
    PredictionId,
    PredictRequest,
    PromoteRequest,
    Promotion,
    Ready,
    StoredPrediction,
)
from mnist_backend.settings import Settings

JSON = "application/json"
FLUSH_SECONDS = 2.0  # a prediction that is told about may still be on its way to the database
SMALL_BODY_BYTES = 1024
OWN_TELEMETRY = {"tracing": False, "metrics": False, "logs": False}  # the edge's, not FastAPI's

Id = Annotated[PredictionId, Path(description="The id that came with the prediction.")]
Version = Annotated[str, Path(max_length=64, description="A version of the store.")]


def create_app(settings: Settings | None = None, load: Load = loaded) -> FastAPI:
    """Make the application; models are loaded when it starts.

    Raises:
        BackendError: a setting cannot be used.
    """
    serving = Serving(settings or Settings(), load)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(serving.start)
        async with anyio.create_task_group() as group:
            group.start_soon(serving.watch)
            yield
            group.cancel_scope.cancel()
        await serving.admission.end()
        await anyio.to_thread.run_sync(serving.stop)

    about: dict[str, Any] = {
        "title": "MNIST backend",
        "version": __version__,
        "description": document.DESCRIPTION,
        "redoc_url": None,
        "lifespan": lifespan,
        "redirect_slashes": False,
        "telemetry": OWN_TELEMETRY,
    }
    offline = serving.settings.docs
    app = FastAPIOffline(**about) if offline else FastAPI(openapi_url=None, **about)
    app.state.serving = serving
    for kind in (BackendError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer_failure)
    _add_routes(app)
    # the edge takes the place of Starlette's outermost layer, which answers what nobody expected
    outermost = cast("ServerErrorMiddleware", app.build_middleware_stack())
    app.middleware_stack = Edge(outermost.app, serving)
    app.openapi = lambda: document.of(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def _add_routes(app: FastAPI) -> None:
    add, said = app.add_api_route, document.failures
    asks = document.asks
    api = "/api/v1"
    add("/health", health, responses=said())
    add("/ready", ready, responses=said(503))
    post: dict[str, Any] = {"methods": ["POST"]}
    add(edge.PREDICT, predict, **post, **asks(PredictRequest, Prediction, 503))
    add(f"{api}/predict/batch", predict_batch, **post, **asks(BatchRequest, Batch, 503))
    add(f"{api}/feedback", feedback, **post, **asks(FeedbackRequest, Feedback, 404, 409, 503))
    found = said(401, 403, 404, 422, 429, 503)
    add(f"{api}/predictions/{{id}}", prediction, responses=found, **document.SECURED)
    add(f"{api}/models", models, responses=said(401, 403, 429, 503), **document.SECURED)
    add(
        f"{api}/models/{{version}}/promote",
        promote,
        **post,
        **asks(PromoteRequest, Promotion, 404, 409, 503),
    )


def serving_of(request: Request) -> Serving:
    """Return what the application shares."""
    return cast("Serving", request.app.state.serving)


def admitted(scope: Scope) -> Callable[[Request], Awaitable[Unit]]:
    """Return what admits a request that needs a scope."""

    async def admit(request: Request) -> Unit:
        return await edge.unit_of(serving_of(request), request.scope, scope)

    return admit


Predicts = Annotated[Unit, Depends(admitted("predict"))]
Tells = Annotated[Unit, Depends(admitted("feedback"))]
Administers = Annotated[Unit, Depends(admitted("admin"))]


async def health() -> Health:
    """Say that the process lives, whatever the model does."""
    return Health()


async def ready(request: Request) -> Ready:
    """Say which model is loaded and checked, or why requests should go elsewhere."""
    serving = serving_of(request)
    if serving.draining:
        message = "the process is about to end; ask another"
        raise ArtefactError(message)
    return Ready(model_version=serving.predicting.champion.version)


async def predict(request: Request) -> Response:
    """Recognise the digit in one drawing.

    Place and size of the drawing do not matter: it is cropped, fitted and centred here. A blank
    drawing is answered too, with a low probability for every digit.
    """
    scope, receive = request.scope, request.receive
    status, media_type, content = await edge.predicted(serving_of(request), scope, receive)
    return Response(content, status, media_type=media_type.decode())


async def predict_batch(request: Request, unit: Predicts) -> Response:
    """Recognise the digits in up to 64 drawings."""
    serving = serving_of(request)
    limit = serving.settings.body_limit_bytes * BATCH_LIMIT // 4
    body = await edge.read(serving, request.scope, request.receive, limit)
    content, version = await anyio.to_thread.run_sync(
        serving.predicting.many, body, unit, limiter=serving.careful
    )
    request.scope[edge.KEY].model_version = version
    return Response(content, media_type=JSON)


async def feedback(request: Request, unit: Tells) -> Feedback:
    """Tell the true digit of a prediction, so that accuracy in production is known.

    The same digit may be told again; another one is refused.
    """
    serving = serving_of(request)
    body = await edge.read(serving, request.scope, request.receive, SMALL_BODY_BYTES)
    told = parsed(FeedbackRequest, body)

    def tell() -> Feedback:
        stored = _found(serving, told.prediction_id, unit)
        known = serving.database.tell(told.prediction_id, unit.owner, told.digit)
        right = stored.record.digit == known.digit
        if known.first:
            serving.metrics.count_feedback(stored.record.model_version, right=right)
            _tell_shadow(serving, known, unit)
        return Feedback(
            prediction_id=told.prediction_id,
            predicted=stored.record.digit,
            digit=known.digit,
            right=right,
        )

    return await anyio.to_thread.run_sync(tell)


async def prediction(request: Request, id: Id, unit: Predicts) -> StoredPrediction:
    """Return a prediction of the caller, as it was written down."""
    stored = await anyio.to_thread.run_sync(_found, serving_of(request), id, unit)
    record = stored.record
    return StoredPrediction(
        id=record.id,
        created=datetime.fromtimestamp(record.created, UTC),
        digit=record.digit,
        probabilities=list(record.probabilities),
        model_version=record.model_version,
        variant=cast("Variant", record.variant),
        feedback=stored.feedback.digit if stored.feedback else None,
    )


async def models(request: Request, _: Predicts) -> Models:
    """Return every model of the store: its card, and the aliases that name it."""
    registry = serving_of(request).registry

    def listed() -> Models:
        aliases = registry.aliases()
        return Models(
            models=[
                Model(
                    aliases=sorted(
                        a for a, version in aliases.items() if version == c.model_version
                    ),
                    card=c.model_dump(mode="json"),
                )
                for c in registry.cards()
            ]
        )

    return await anyio.to_thread.run_sync(listed)


async def promote(request: Request, version: Version, unit: Administers) -> Promotion:
    """Make a model the champion or the challenger; it is checked before anybody meets it."""
    serving = serving_of(request)
    body = await edge.read(serving, request.scope, request.receive, SMALL_BODY_BYTES)
    alias = parsed(PromoteRequest, body).alias
    before = await anyio.to_thread.run_sync(serving.promote, version, alias, unit.owner)
    return Promotion(alias=alias, model_version=version, before=before)


def _tell_shadow(serving: Serving, told: Told, unit: Unit) -> None:
    """Count the true digit of a drawing for the challenger, too, if it saw it in shadow mode."""
    if serving.settings.challenger_shadow:
        shadow = _kept(serving, shadow_of(told.prediction_id), unit)
        if shadow:
            right = shadow.record.digit == told.digit
            version = shadow.record.model_version
            serving.metrics.count_feedback(version, right=right, shadow=True)


def _found(serving: Serving, identity: str, unit: Unit) -> Stored:
    """Return a caller's prediction; what a challenger saw in the shadow is nobody's."""
    serving.recorder.has_begun(FLUSH_SECONDS)  # at the very start there are no tables yet
    stored = _kept(serving, identity, unit)
    if stored is None or stored.record.shadow:
        message = f"no prediction {identity} is known"
        raise PredictionUnknownError(message)
    return stored


def _kept(serving: Serving, identity: str, unit: Unit) -> Stored | None:
    """Return what is kept for a caller under an id, once it is written if it is on its way."""
    stored = serving.database.find(identity, unit.owner)
    if stored is None:
        serving.recorder.flush(FLUSH_SECONDS)
        stored = serving.database.find(identity, unit.owner)
    return stored


async def answer_failure(request: Request, error: Exception) -> Response:
    """Turn whatever was raised into a problem body."""
    if isinstance(error, RequestValidationError):
        error = problems.broken(error.errors())
    if isinstance(error, BackendError):
        status, _, content = edge.failure(error, request.scope)
        return Response(content, status, media_type=problems.MEDIA_TYPE)
    failed = cast("HTTPException", error)  # nothing else is sent here
    problem = problems.of_status(failed.status_code, request.url.path)
    content = problem.model_dump_json(exclude_none=True).encode()
    return Response(content, failed.status_code, failed.headers, media_type=problems.MEDIA_TYPE)
