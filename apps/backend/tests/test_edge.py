"""Around a request: ids, headers, limits of time and size, and what nobody expected."""

import asyncio
import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from mnist_backend.app import create_app
from mnist_backend.edge import Edge
from mnist_backend.predictor import Recognition, Values
from mnist_backend.settings import Settings

from .conftest import CertainPredictor, MakeClient, always, serving_of

PREDICT = "/api/v1/predict"
BLANK = {"image": [0.0] * 784}
JSON = (b"content-type", b"application/json")


class Broken(CertainPredictor):
    """Fails on ink, in a way that nobody expected."""

    def recognise(self, values: Values) -> Recognition:
        """See a seven, or fail."""
        if values.sum() > 1:
            message = "a secret of the machine"
            raise RuntimeError(message)
        return super().recognise(values)


def converse(
    folder: Path, messages: list[Message], headers: list[tuple[bytes, bytes]], **settings: object
) -> list[Message]:
    """Send raw messages to an application and return its raw answers."""
    app = create_app(Settings(models_dir=folder, state_dir=folder, **settings), always)  # type: ignore[arg-type]  # any setting
    answers: list[Message] = []
    waiting = iter(messages)

    async def receive() -> Message:
        for message in waiting:
            return message
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: Message) -> None:
        answers.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": PREDICT,
        "raw_path": PREDICT.encode(),
        "query_string": b"",
        "headers": headers,
    }

    async def run() -> None:
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)

    asyncio.run(run())
    return answers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", PREDICT, 200),
        ("POST", f"{PREDICT}/batch", 415),
        ("GET", PREDICT, 405),
        ("GET", "/api/v1/models", 200),
        ("GET", "/api/v1/predictions/none", 422),
        ("GET", "/nowhere", 404),
        ("GET", "/ready", 200),
    ],
)
def test_every_answer_has_the_headers(
    client: TestClient, method: str, path: str, status: int
) -> None:
    """Request id, model version, and what keeps browsers from guessing, framing and keeping."""
    body = BLANK if status == 200 and method == "POST" else None
    answer = client.request(method, path, json=body)
    assert answer.status_code == status
    assert len(answer.headers["x-request-id"]) == 16
    assert answer.headers["x-model-version"] == "0.1.0+test"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_request_keeps_its_own_id(client: TestClient) -> None:
    """An id that came with a request comes back; one that is no id is replaced."""
    for sent, kept in (("abc-123:4.5_6", True), ("a", False), ("a b c d e f g", False)):
        answer = client.get("/health", headers={"x-request-id": sent})
        assert (answer.headers["x-request-id"] == sent) == kept


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_on_the_short_way_is_refused(client: TestClient, method: str) -> None:
    """The short way takes POST alone; the answer to others is the framework's, and says so."""
    answer = client.request(method, PREDICT)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert method == "HEAD" or answer.json()["status"] == 405


def test_the_short_way_and_the_route_answer_alike(client: TestClient) -> None:
    """Mounted elsewhere, where the short way does not reach, the route gives the same answers."""
    outer = FastAPI()
    outer.mount("/mounted", client.app)
    mounted = TestClient(outer, raise_server_exceptions=False)
    for sent in (BLANK, {"image": [[0.0] * 28] * 28}, {"image": [2.0]}, {}):
        one, other = client.post(PREDICT, json=sent), mounted.post(f"/mounted{PREDICT}", json=sent)
        assert one.status_code == other.status_code
        assert one.headers.keys() == other.headers.keys()
        for name in ("digit", "probabilities", "model_version", "errors", "type"):
            assert one.json().get(name) == other.json().get(name)


def test_what_nobody_expected_tells_nothing(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is a bare problem with all headers; the log has the trace and the request's id."""
    client = make_client(lambda model, _: Broken(model.card))
    for path in (PREDICT, f"{PREDICT}/batch"):
        body = {"image": [1.0] * 784}
        sent = body if path == PREDICT else {"images": [body["image"]]}
        answer = client.post(path, json=sent, headers={"x-request-id": "request-77"})
        assert answer.status_code == 500
        assert answer.json()["type"] == "about:blank"
        assert answer.headers["x-model-version"] == "0.1.0+test"
        assert answer.headers["x-request-id"] == "request-77"
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
    failures = [record for record in caplog.records if record.exc_info]
    assert [record.__dict__["request_id"] for record in failures] == ["request-77"] * 2


def test_an_answer_that_breaks_off_is_broken_off(client: TestClient) -> None:
    """What fails after its first byte is not answered a second time."""

    async def failing(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        message = "too late"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="too late"):
        TestClient(Edge(failing, serving_of(client))).get("/health")


def test_a_body_that_drips_is_given_up(tmp_path: Path) -> None:
    """The time for a body is for all of it; the connection is closed after the answer."""
    dripping: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]
    start, body = converse(tmp_path, dripping, [JSON], body_seconds=0.05)
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert json.loads(body["body"])["type"] == "urn:mnist-backend:problem:body-too-slow"


@pytest.mark.parametrize("declared", [b"65537", b"9" * 30, b"9" * 5000, b"-1", b"1e3", b"\xb2"])
def test_a_length_beyond_the_limit_is_refused_unread(tmp_path: Path, declared: bytes) -> None:
    """Whatever is no small number is too large, and not a byte of it is read."""
    start, _ = converse(tmp_path, [], [JSON, (b"content-length", declared)])
    assert start["status"] == 413


def test_a_body_in_pieces_is_put_together(tmp_path: Path) -> None:
    """Chunks are read in their order, to the limit and not beyond."""
    whole = json.dumps(BLANK).encode()
    pieces: list[Message] = [
        {"type": "http.request", "body": whole[n : n + 700], "more_body": n + 700 < len(whole)}
        for n in range(0, len(whole), 700)
    ]
    start, _ = converse(tmp_path, pieces, [JSON])
    assert start["status"] == 503  # read to the end: only the model is missing
    large: list[Message] = [
        {"type": "http.request", "body": b" " * 40_000, "more_body": True} for _ in range(9)
    ]
    start, _ = converse(tmp_path, large, [JSON])
    assert start["status"] == 413


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"image":' + b"[" * 60_000,
        b'{"image":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"image": [' + b"NaN," * 783 + b"NaN]}",
        b'{"image": [' + b"Infinity," * 783 + b"-Infinity]}",
        b'{"image": [' + b"1" * 5000 + b"]}",
        b'{"image": "' + b"A" * 60_000 + b'"}',
        b'{"image": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"\x00" * 1000,
    ],
    ids=lambda body: repr(body[:16]),
)
@pytest.mark.parametrize("path", [PREDICT, f"{PREDICT}/batch", "/api/v1/feedback"])
def test_a_hostile_body_is_the_callers_fault(client: TestClient, path: str, body: bytes) -> None:
    """Depth, numbers that are none and broken text end in a problem body, never in a 500."""
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 413, 422}
    assert answer.json()["status"] == answer.status_code


def test_of_two_values_of_one_name_the_last_counts(client: TestClient) -> None:
    """The quick way and the careful way read a doubled key alike."""
    numbers, rows = json.dumps([0.0] * 784), json.dumps([[0.0] * 28] * 28)
    headers = {"content-type": "application/json"}
    for last in (numbers, rows):
        body = f'{{"image": 7, "image": {last}}}'
        assert client.post(PREDICT, content=body, headers=headers).status_code == 200
    codes = [
        client.post(PREDICT, content=f'{{"image": {a}, "image": {b}}}', headers=headers).status_code
        for a, b in ((numbers, "7"), (rows, "7"))
    ]
    assert codes == [422, 422]


def test_an_unready_answer_says_when_to_come_again(make_client: MakeClient) -> None:
    """Without a model, and while the process ends, 503 comes with Retry-After."""
    missing = make_client(models_dir=Path("/nothing"))
    for answer in (missing.get("/ready"), missing.post(PREDICT, json=BLANK)):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "x-model-version" not in answer.headers
    ending = make_client()
    serving_of(ending).draining = True
    answer = ending.get("/ready")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    answer = ending.post(PREDICT, json=BLANK)
    assert answer.status_code == 200
    assert answer.headers["connection"] == "close"


def test_the_documentation_can_be_turned_off(make_client: MakeClient) -> None:
    """One setting takes away the pages and the document, and nothing else."""
    client = make_client(docs=False)
    for path in ("/docs", "/openapi.json", "/redoc", "/static-offline-docs/swagger-ui.css"):
        assert client.get(path).status_code == 404
    assert client.post(PREDICT, json=BLANK).status_code == 200
    shown = make_client()
    assert shown.get("/docs").headers["x-frame-options"] == "DENY"
    assert shown.get("/openapi.json").status_code == 200
