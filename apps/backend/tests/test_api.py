"""What the API answers, and how it refuses."""

import asyncio
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from starlette.requests import ClientDisconnect
from starlette.types import Message

from mnist_backend.app import create_app
from mnist_backend.errors import ArtefactTamperedError
from mnist_backend.predictor import Recognition, Values
from mnist_backend.settings import Settings

from .conftest import CertainPredictor, MakeClient, always

PATH = "/api/v1/predict"
BLANK = [0.0] * 784
LIMIT_BYTES = 64 * 1024


def post(client: TestClient, body: object, media_type: str = "application/json") -> Response:
    """Send a body, as it is or as JSON that may hold NaN."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(PATH, content=content, headers={"content-type": media_type})


def problem(response: Response, status: int) -> dict[str, Any]:
    """Return the problem body, once it is seen to be one."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body


def test_health_answers_without_a_model(make_client: MakeClient) -> None:
    """The process lives whatever the model does."""

    def fail(*_: object) -> CertainPredictor:
        message = "another file"
        raise ArtefactTamperedError(message)

    response = make_client(fail).get("/health")
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


def test_ready_names_the_model(client: TestClient) -> None:
    """A loaded model is named by its version."""
    response = client.get("/ready")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "model_version": "0.1.0+test"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/ready"), ("POST", PATH)])
def test_a_missing_model_is_told(make_client: MakeClient, method: str, path: str) -> None:
    """Without a model the server says where it looked for one."""
    client = make_client(models_dir=Path("/nothing"))
    body = problem(client.request(method, path, json={"image": BLANK}), 503)
    assert body["type"] == "urn:mnist-backend:problem:model-unavailable"
    assert "/nothing is the champion" in body["detail"]
    assert body["instance"] == path


def test_a_model_is_not_ready_before_the_start(tmp_path: Path) -> None:
    """An application that was not started serves no model."""
    client = TestClient(create_app(Settings(models_dir=tmp_path, state_dir=tmp_path), always))
    assert problem(client.get("/ready"), 503)["detail"] == "not loaded yet"


def test_a_drawing_is_recognised(client: TestClient) -> None:
    """The answer holds the digit, ten probabilities, the model's version and the time."""
    response = post(client, {"image": BLANK})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"id", "digit", "probabilities", "model_version", "time_ms"}
    assert body["digit"] == 7
    assert math.isclose(sum(body["probabilities"]), 1)
    assert body["model_version"] == "0.1.0+test"
    assert 0 <= body["time_ms"] < 1000


def test_whole_numbers_and_a_character_set_are_accepted(client: TestClient) -> None:
    """Zero and one need no decimal point, and a media type may have parameters."""
    response = post(client, {"image": [0, 1] * 392}, "Application/JSON; charset=utf-8")
    assert response.status_code == 200


def replaced(value: object) -> dict[str, object]:
    """Return a request whose fourth pixel is another value."""
    return {"image": [*BLANK[:3], value, *BLANK[4:]]}


@pytest.mark.parametrize(
    ("body", "field", "rule", "value"),
    [
        (replaced(math.nan), "image[3]", "must be a finite number", "nan"),
        (replaced(math.inf), "image[3]", "must be a finite number", "inf"),
        (replaced(-math.inf), "image[3]", "must be a finite number", "-inf"),
        (replaced(1.5), "image[3]", "must be at most 1.0", 1.5),
        (replaced(-0.1), "image[3]", "must be at least 0.0", -0.1),
        (replaced("0.5"), "image[3]", "must be a number", "0.5"),
        (replaced("x" * 1000), "image[3]", "must be a number", "x" * 64),
        (replaced(True), "image[3]", "must be a number", True),
        (replaced(None), "image[3]", "must be a number", None),
        (replaced([1]), "image[3]", "must be a number", "a list of 1"),
        ({"image": BLANK[1:]}, "image", "must hold at least 784 items", "a list of 783"),
        ({"image": [*BLANK, 0]}, "image", "must hold at most 784 items", "a list of 785"),
        ({"image": []}, "image", "must hold at least 784 items", "a list of 0"),
        ({"image": "0"}, "image", "must be a PNG in base64", None),
        (replaced(2**70), "image[3]", "must be at most 1.0", "a number of 71 bits"),
        ({"image": [[0.5] * 28] * 27}, "image", "must hold at least 28 items", "a list of 27"),
        (
            {"image": [[0.5] * 27] + [[0] * 28] * 27},
            "image[0]",
            "must hold at least 28 items",
            "a list of 27",
        ),
        ({"image": {"0": 1}}, "image", "must be a list", None),
        ({"image": BLANK, "colour": "red"}, "colour", "is not a known field", "red"),
        ({}, "image", "is required", None),
        ([], "(body)", "must be an object", "a list of 0"),
        (None, "(body)", "must be an object", None),
    ],
)
def test_a_wrong_value_is_named(
    client: TestClient, body: object, field: str, rule: str, value: object
) -> None:
    """A request that breaks a rule is told the field, the rule and the value."""
    answer = problem(post(client, body), 422)
    expected = {"field": field, "rule": rule} | ({} if value is None else {"value": value})
    assert answer["errors"] == [expected]
    assert answer["detail"] == f"{field} {rule}"
    assert answer["type"] == "urn:mnist-backend:problem:request-invalid"


def test_a_long_list_of_faults_is_cut(client: TestClient) -> None:
    """Ten faults are listed, all are counted."""
    answer = problem(post(client, {"image": [2] * 784}), 422)
    assert len(answer["errors"]) == 10
    assert "784 rules are broken in all, 10 are listed" in answer["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"image": [0,]}', b"[" * 5000])
def test_a_body_that_is_not_json_is_refused(client: TestClient, body: bytes) -> None:
    """What cannot be parsed is another problem than what breaks a rule."""
    answer = problem(post(client, body), 400)
    assert answer["type"] == "urn:mnist-backend:problem:body-unparsable"
    assert answer["errors"][0]["field"] == "(body)"


def test_a_declared_large_body_is_refused(client: TestClient) -> None:
    """The declared length is enough to refuse a body."""
    answer = problem(post(client, b" " * (LIMIT_BYTES + 1)), 413)
    assert answer["detail"] == "a body may have 65536 bytes"


def test_a_chunked_large_body_is_refused(client: TestClient) -> None:
    """A body that declares no length is counted as it comes, and not read to its end."""
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 1024

    response = client.post(PATH, content=chunks(), headers={"content-type": "application/json"})
    assert "content-length" not in response.request.headers
    problem(response, 413)


def test_the_largest_body_is_read(client: TestClient) -> None:
    """A body of exactly the limit is parsed."""
    body = json.dumps({"image": BLANK}).encode()
    assert post(client, body.ljust(LIMIT_BYTES)).status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain", "", "application/json-seq"])
def test_another_media_type_is_refused(client: TestClient, media_type: str) -> None:
    """Only JSON is read."""
    answer = problem(post(client, {"image": BLANK}, media_type), 415)
    assert "application/json" in answer["detail"]


@pytest.mark.parametrize("path", ["/", "/api/v1/nothing", "/health/", "/../etc/passwd"])
def test_an_unknown_path_is_a_problem(client: TestClient, path: str) -> None:
    """A path without a route is answered with a problem body too."""
    assert problem(client.get(path), 404)["type"] == "about:blank"


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("GET", PATH, "POST"), ("DELETE", "/health", "GET")]
)
def test_another_method_is_a_problem(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    """A method a route does not have is refused, and the answer says which it has."""
    response = client.request(method, path)
    problem(response, 405)
    assert response.headers["allow"] == allowed


def test_an_unexpected_error_tells_nothing(make_client: MakeClient) -> None:
    """A bug is answered with a problem body that holds nothing of the machine."""

    class BrokenPredictor(CertainPredictor):
        def recognise(self, values: Values) -> Recognition:
            if values.sum() <= 1:
                return super().recognise(values)
            message = f"secret {len(values)}"
            raise RuntimeError(message)

    response = post(
        make_client(lambda model, _: BrokenPredictor(model.card)), {"image": [1.0] * 784}
    )
    assert problem(response, 500)["type"] == "about:blank"
    assert "secret" not in response.text


def test_a_client_that_goes_away_is_no_server_error(tmp_path: Path) -> None:
    """A body that never ends well counts as the client's failure."""
    app = create_app(Settings(models_dir=tmp_path, state_dir=tmp_path), always)
    answers: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }

    async def converse() -> None:
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)

    asyncio.run(converse())
    assert answers[0]["status"] == 400
    assert not any(isinstance(answer, ClientDisconnect) for answer in answers)


def test_the_documentation_needs_no_other_host(client: TestClient) -> None:
    """The page of the documentation and all it loads come from this server."""
    page = client.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    for path in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/static-offline-docs/{path}" in page
        assert client.get(f"/static-offline-docs/{path}").status_code == 200
