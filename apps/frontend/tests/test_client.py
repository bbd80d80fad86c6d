"""The client: every kind of answer and of silence has its own outcome."""

import json
from collections.abc import Callable

import httpx
import pytest

from conftest import ANSWER, FEEDBACK, MODELS, PREDICTION_ID, LocalBackend
from mnist_frontend import client
from mnist_frontend.settings import Settings

IMAGE = (0.5,) * 784
VISITOR = client.Visitor("a-visit")
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

    @property
    def asked(self) -> client.BackendClient:
        """The real client in front of this backend."""
        http = httpx.Client(base_url="http://backend", transport=httpx.MockTransport(self))
        return client.BackendClient(http, pause=self.pauses.append)

    def predict(self) -> client.Prediction:
        """Ask this backend for a prediction through the real client."""
        return self.asked.predict(IMAGE, VISITOR)


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
    assert request.headers["x-session-id"] == "a-visit"


def test_the_true_digit_is_told() -> None:
    """Feedback names the prediction and the digit, and comes back as it was noted."""
    backend = Backend(httpx.Response(200, json=FEEDBACK))
    noted = backend.asked.tell(PREDICTION_ID, 1, VISITOR)
    assert (noted.digit, noted.right) == (1, False)
    [request] = backend.requests
    assert request.url.path == "/api/v1/feedback"
    assert json.loads(request.content) == {"prediction_id": PREDICTION_ID, "digit": 1}


def test_one_model_has_no_role_to_tell() -> None:
    """Where there is nothing to confuse, there is nothing to say."""
    backend = Backend(httpx.Response(200, json=MODELS))
    assert backend.asked.models(VISITOR).roles == {}
    assert backend.requests[0].method == "GET"


def test_two_models_are_told_apart_by_their_roles() -> None:
    """Models without a role are not among them."""
    models = [
        {"aliases": ["champion"], "card": {"model_version": "a"}},
        {"aliases": [], "card": {"model_version": "b"}},
        {"aliases": ["challenger"], "card": {"model_version": "c"}},
    ]
    answer = Backend(httpx.Response(200, json={"models": models})).asked.models(VISITOR)
    assert answer.roles == {"a": "champion", "c": "challenger"}


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("gone"),
        httpx.ReadError(""),
        httpx.Response(502),
        httpx.Response(503),
        httpx.Response(504),
    ],
)
def test_what_a_restart_causes_is_tried_once_more(
    fault: httpx.TransportError | httpx.Response,
) -> None:
    """A broken connection or an edge without a backend is forgiven once, after a spread pause."""
    backend = Backend(fault, httpx.Response(200, json=ANSWER))
    assert backend.predict().digit == 7
    [pause] = backend.pauses
    assert client.PAUSE_SECONDS <= pause <= 2 * client.PAUSE_SECONDS


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


@pytest.mark.parametrize(("status", "attempts"), [(500, 1), (502, 2), (503, 2), (504, 2)])
def test_a_server_error_is_a_fault_of_the_backend(status: int, attempts: int) -> None:
    """Any 5xx is the backend's own fault; only a passing one is worth a second attempt."""
    backend = Backend(*[httpx.Response(status, text="<html>")] * attempts)
    with pytest.raises(client.BackendFaultyError, match=str(status)):
        backend.predict()
    assert len(backend.requests) == attempts


@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_or_poor_key_is_a_kind_of_its_own(status: int) -> None:
    """The page can then ask for a better one."""
    with pytest.raises(client.KeyRefusedError, match=str(status)):
        Backend(problem(status, {"title": "Unauthorized"})).predict()


@pytest.mark.parametrize("key", ["clé", "two\nlines", "\U0001f600"])
def test_a_key_that_cannot_be_sent_is_a_refused_key(key: str) -> None:
    """It never reaches a header, and the backend is not asked."""
    backend = Backend()
    with pytest.raises(client.KeyRefusedError, match="characters"):
        backend.asked.predict(IMAGE, client.Visitor("a-visit", key))
    assert backend.requests == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7), ("0", 1), ("", 1), ("Wed, 21 Oct 2026 07:28:00 GMT", 1), ("9" * 40, 3600), ("²", 1)],
)
def test_a_busy_backend_says_how_long_to_wait(said: str, seconds: int) -> None:
    """Retry-After is believed within reason."""
    answer = httpx.Response(429, headers=[(b"retry-after", said.encode())])
    with pytest.raises(client.BackendBusyError) as caught:
        Backend(answer).predict()
    assert caught.value.wait_seconds == seconds


def test_a_problem_body_is_told_in_its_own_words() -> None:
    """Title, detail, field and rule of the problem reach the reader."""
    with pytest.raises(client.RequestRefusedError) as caught:
        Backend(problem(422, PROBLEM)).predict()
    assert str(caught.value) == (
        "Invalid image. The image has the wrong length. image: must have 784 numbers"
    )


def test_a_problem_body_with_a_title_alone_is_enough() -> None:
    """Detail and errors are optional in RFC 9457."""
    with pytest.raises(client.RequestRefusedError, match=r"^Too large$"):
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
    "markup in the id": lambda: {**ANSWER, "id": "<b>1</b>"},
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
    local_backend.headers["content-encoding"] = "gzip"
    with pytest.raises(client.AnswerInvalidError):
        client.open_client(Settings(backend_url=local_backend.url)).predict(IMAGE, VISITOR)


def test_the_environments_proxy_is_not_used(
    local_backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy for the internet does not stand between the page and its neighbour."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    opened = client.open_client(Settings(backend_url=local_backend.url))
    assert opened.predict(IMAGE, VISITOR).digit == 7


@pytest.mark.parametrize(
    ("pages", "visitors", "sent"),
    [("", "", None), ("mnist_page", "", "mnist_page"), ("mnist_page", "mnist_mine", "mnist_mine")],
)
def test_the_visitors_key_comes_before_the_pages_own(
    local_backend: LocalBackend, pages: str, visitors: str, sent: str | None
) -> None:
    """Where neither has an API key, the backend is told none."""
    opened = client.open_client(Settings(backend_url=local_backend.url, api_key=pages))
    opened.predict(IMAGE, client.Visitor("a-visit", visitors))
    opened.tell(PREDICTION_ID, 7, client.Visitor("a-visit", visitors))
    assert local_backend.keys == [sent, sent]
