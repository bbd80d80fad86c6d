"""The client and the backend's openapi.json: what one sends and believes, the other promises."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from conftest import ANSWER, FEEDBACK, MODELS, PREDICTION_ID
from mnist_frontend import client

DOCUMENT = json.loads(
    (Path(__file__).parents[2] / "backend/openapi.json").read_text(encoding="utf-8")
)
VISITOR = client.Visitor("a-visit")
CALLS = {
    client.PREDICT_PATH: ("post", ANSWER),
    client.FEEDBACK_PATH: ("post", FEEDBACK),
    client.MODELS_PATH: (
        "get",
        {"models": [{**MODELS["models"][0], "card": {"model_version": "1"}}]},
    ),
}
PROBLEM = {
    "type": "about:blank",
    "title": "No",
    "status": 400,
    "detail": "No.",
    "instance": None,
    "errors": [{"field": "image", "rule": "must be", "value": None}],
}
KINDS = {401: client.KeyRefusedError, 403: client.KeyRefusedError, 429: client.BackendBusyError}


def called(path: str, answer: httpx.Response) -> tuple[object, list[httpx.Request]]:
    """Make the call of a path, and return what came of it and what was sent."""
    sent: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answer

    http = httpx.Client(base_url="http://backend", transport=httpx.MockTransport(respond))
    backend = client.BackendClient(http, pause=lambda _: None)
    calls: dict[str, Any] = {
        client.PREDICT_PATH: lambda: backend.predict((0.5,) * 784, VISITOR),
        client.FEEDBACK_PATH: lambda: backend.tell(PREDICTION_ID, 1, VISITOR),
        client.MODELS_PATH: lambda: backend.models(VISITOR),
    }
    try:
        return calls[path](), sent
    except client.BackendCallError as error:
        return error, sent


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of the document with what it refers to."""
    return {**schema, "components": DOCUMENT["components"]}


def schema_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an answer's only kind of body."""
    [content] = answer["content"].values()
    return resolved(content["schema"])


def failures() -> Iterator[tuple[str, int]]:
    """Every failure that the document lists for a call of the page's."""
    for path, (method, _) in CALLS.items():
        for status in DOCUMENT["paths"][path][method]["responses"]:
            if status != "200":
                yield path, int(status)


@pytest.mark.parametrize("path", CALLS)
def test_what_is_sent_is_what_the_document_asks_for(path: str) -> None:
    """The body of each call holds to the schema of its request, and the method to the path's."""
    method, answer = CALLS[path]
    _, [request] = called(path, httpx.Response(200, json=answer))
    assert request.method.lower() == method
    if method == "post":
        schema = resolved(
            DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        )
        jsonschema.validate(json.loads(request.content), schema)


@pytest.mark.parametrize("path", CALLS)
def test_what_the_document_promises_is_believed(path: str) -> None:
    """An answer that holds to the schema becomes an answer of the client's, and no failure."""
    method, answer = CALLS[path]
    jsonschema.validate(answer, schema_of(DOCUMENT["paths"][path][method]["responses"]["200"]))
    outcome, _ = called(path, httpx.Response(200, json=answer))
    assert isinstance(outcome, client.Answer)


@pytest.mark.parametrize(("path", "status"), [*failures()])
def test_every_documented_failure_has_a_kind_of_its_own(path: str, status: int) -> None:
    """No status that the document lists ends as an answer that makes no sense."""
    body = {**PROBLEM, "status": status}
    method, _ = CALLS[path]
    jsonschema.validate(body, schema_of(DOCUMENT["paths"][path][method]["responses"][str(status)]))
    answer = httpx.Response(status, json=body, headers={"content-type": client.PROBLEM_TYPE})
    outcome, _ = called(path, answer)
    usual = client.BackendFaultyError if status >= 500 else client.RequestRefusedError
    assert type(outcome) is KINDS.get(status, usual)
