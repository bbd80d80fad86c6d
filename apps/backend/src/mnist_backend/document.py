"""The OpenAPI document: what every route may answer, its bodies, and how a caller is known.

Contract: a failure that a route can answer stands there with the problem body; request bodies,
which routes read themselves, stand there as their schemas.
Does not know: what the routes do.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from mnist_backend import problems
from mnist_backend.schemas import (
    BatchRequest,
    FeedbackRequest,
    PredictRequest,
    Problem,
    PromoteRequest,
)

DESCRIPTION = (
    "Recognises handwritten digits. Every failure is answered with a problem body (RFC 9457) that "
    "names the field at fault and the rule it breaks."
)
REFERENCE = "#/components/schemas/{model}"
UNSEEN = (BatchRequest, FeedbackRequest, PredictRequest, Problem, PromoteRequest)
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or an OIDC token."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
SECURED: dict[str, Any] = {"openapi_extra": {"security": [{name: []} for name in SCHEMES]}}
ANY = (405, 500)
ASKING = (400, 401, 403, 408, 413, 415, 422, 429)


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how a route describes its failures."""
    schema = {"$ref": REFERENCE.format(model=Problem.__name__)}
    content = {problems.MEDIA_TYPE: {"schema": schema}}
    said = {status: HTTPStatus(status).phrase for status in sorted({*statuses, *ANY})}
    return {status: {"description": text, "content": content} for status, text in said.items()}


def asks(body: type[BaseModel], answers: type[BaseModel], *statuses: int) -> dict[str, Any]:
    """Return how a route that takes a JSON body describes itself."""
    schema = {"$ref": REFERENCE.format(model=body.__name__)}
    request = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {
        "response_model": answers,
        "responses": failures(*ASKING, *statuses),
        "openapi_extra": {**SECURED["openapi_extra"], "requestBody": request},
    }


def of(app: FastAPI) -> dict[str, Any]:
    """Return the document of an application; it is made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        wanted = [(model, "validation") for model in UNSEEN]
        _, unseen = models_json_schema(wanted, ref_template=REFERENCE)  # type: ignore[arg-type]  # a list of pairs
        parts = schema["components"]
        parts["schemas"] = dict(sorted((parts["schemas"] | unseen["$defs"]).items()))
        parts["securitySchemes"] = SCHEMES
        app.openapi_schema = schema
    return app.openapi_schema
