"""The client: every kind of answer and of silence has its own outcome."""

import json
from collections.abc import Callable

import httpx
import pytest

from conftest import ANSWER, LocalBackend
from mnist_frontend import client
from mnist_frontend.settings import Settings

IMAGE = (0.5,) * 784
PROBLEM = {
    "type": "about:blank",
    "title": "Invalid image",
    "status": 422,
    "detail": "The image has the wrong length.",
    "errors": [{"field": "image", "rule": "must have 784 numbers", "value": 3}],
}


class Backend:
    """Answers in memory, counts its calls and the pauses between them."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer the next request with the next prepared answer."""
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    def predict(self) -> client.Prediction:
        """Ask this backend for a prediction through the real client."""
        http = httpx.Client(base_url="http://backend", transport=httpx.MockTransport(self))
        return client.BackendClient(http, pause=self.pauses.append).predict(IMAGE)


def problem(status: int, body: object, kind: str = client.PROBLEM_TYPE) -> httpx.Response:
    """Build an answer with a problem body."""
    return httpx.Response(status, content=json.dumps(body), headers={"content-type": kind})


def test_a_good_answer_becomes_a_prediction() -> None:
    """The 784 numbers go out as JSON, the validated answer comes back."""
    backend = Backend(httpx.Response(200, json=ANSWER))
    prediction = backend.predict()
    assert (prediction.digit, prediction.model_version) == (7, "1.2.0+abc")
    assert prediction.probabilities[7] == 0.91
    [request] = backend.requests
    assert request.url.path == "/api/v1/predict"
    assert json.loads(request.content) == {"image": [0.5] * 784}


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError("refused"), httpx.RemoteProtocolError("gone"), httpx.ReadError("")]
)
def test_a_broken_connection_is_tried_once_more(fault: httpx.TransportError) -> None:
    """One broken connection is forgiven after a pause, as a restart of the backend causes it."""
    backend = Backend(fault, httpx.Response(200, json=ANSWER))
    assert backend.predict().digit == 7
    assert backend.pauses == [client.RETRY_PAUSE_SECONDS]


def test_two_broken_connections_mean_unreachable() -> None:
    """There is exactly one second attempt."""
    backend = Backend(httpx.ConnectError("refused"), httpx.ConnectError("refused"))
    with pytest.raises(client.BackendUnreachableError, match="refused"):
        backend.predict()
    assert len(backend.requests) == 2


@pytest.mark.parametrize("fault", [httpx.ReadTimeout("late"), httpx.ConnectTimeout("late")])
def test_a_timeout_is_not_tried_again(fault: httpx.TransportError) -> None:
    """A slow backend is not made slower by asking twice."""
    backend = Backend(fault)
    with pytest.raises(client.BackendTimedOutError, match="late"):
        backend.predict()
    assert backend.pauses == []


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_is_a_fault_of_the_backend(status: int) -> None:
    """Any 5xx, with or without a body, is the backend's own fault and is not tried again."""
    backend = Backend(httpx.Response(status, text="<html>"))
    with pytest.raises(client.BackendFaultyError, match=str(status)):
        backend.predict()
    assert len(backend.requests) == 1


def test_a_problem_body_is_told_in_its_own_words() -> None:
    """Title, detail, field and rule of the problem reach the reader."""
    with pytest.raises(client.ImageRejectedError) as caught:
        Backend(problem(422, PROBLEM)).predict()
    assert str(caught.value) == (
        "Invalid image. The image has the wrong length. image: must have 784 numbers"
    )


def test_a_problem_body_with_a_title_alone_is_enough() -> None:
    """Detail and errors are optional in RFC 9457."""
    with pytest.raises(client.ImageRejectedError, match=r"^Too large$"):
        Backend(problem(413, {"title": "Too large", "status": 413})).predict()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, text="not here"),
        httpx.Response(302, headers={"location": "http://elsewhere"}),
        problem(422, PROBLEM, kind="text/plain"),
        problem(422, {"detail": "no title"}),
        problem(422, ["not", "an", "object"]),
    ],
)
def test_a_refusal_without_a_proper_problem_body_is_an_invalid_answer(
    answer: httpx.Response,
) -> None:
    """What is not in the API is not guessed at."""
    with pytest.raises(client.AnswerInvalidError):
        Backend(answer).predict()


MALFORMED: dict[str, Callable[[], dict[str, object]]] = {
    "digit out of range": lambda: {**ANSWER, "digit": 10},
    "digit as text": lambda: {**ANSWER, "digit": "7"},
    "digit against its probabilities": lambda: {**ANSWER, "digit": 1},
    "nine probabilities": lambda: {**ANSWER, "probabilities": [0.0] * 8 + [1.0]},
    "probability above one": lambda: {**ANSWER, "probabilities": [0.0] * 9 + [1.5]},
    "sum far from one": lambda: {**ANSWER, "probabilities": [0.5] * 10},
    "no version": lambda: {key: value for key, value in ANSWER.items() if key != "model_version"},
    "markup in the version": lambda: {**ANSWER, "model_version": "<b>1</b>"},
    "negative time": lambda: {**ANSWER, "time_ms": -1},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_prediction_is_an_invalid_answer(name: str) -> None:
    """Nothing that breaks the API's promise is shown as a prediction."""
    with pytest.raises(client.AnswerInvalidError):
        Backend(httpx.Response(200, json=MALFORMED[name]())).predict()


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[]", b'{"digit": NaN}'])
def test_an_answer_that_is_not_the_agreed_json_is_invalid(body: bytes) -> None:
    """Empty, foreign and broken bodies are one and the same to a reader: no prediction."""
    with pytest.raises(client.AnswerInvalidError):
        Backend(httpx.Response(200, content=body)).predict()


def test_an_answer_that_cannot_be_unpacked_is_invalid(local_backend: LocalBackend) -> None:
    """A body that is not compressed as it claims counts as an invalid answer."""
    local_backend.encoding = "gzip"
    with pytest.raises(client.AnswerInvalidError):
        client.open_client(Settings(backend_url=local_backend.url)).predict(IMAGE)


def test_the_environments_proxy_is_not_used(
    local_backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy for the internet does not stand between the page and its neighbour."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    prediction = client.open_client(Settings(backend_url=local_backend.url)).predict(IMAGE)
    assert prediction.digit == 7


@pytest.mark.parametrize(("key", "sent"), [("", None), ("mnist_0123_secret", "mnist_0123_secret")])
def test_the_pages_key_goes_with_every_request(
    local_backend: LocalBackend, key: str, sent: str | None
) -> None:
    """Where the page has an API key, the backend is told; where it has none, nothing is."""
    opened = client.open_client(Settings(backend_url=local_backend.url, api_key=key))
    opened.predict(IMAGE)
    opened.predict(IMAGE)
    assert local_backend.keys == [sent, sent]
