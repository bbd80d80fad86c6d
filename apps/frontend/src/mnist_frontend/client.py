"""The page's one way to the backend.

Contract: a call returns a validated answer or raises the `BackendCallError` of what happened, never
a half-checked answer. The timeout bounds each phase of a request (connect, write, read). What a
restart or a deployment of the backend causes, a broken connection or a 502, 503 or 504, is tried
once more after a pause: no call does harm when it is made twice. Bodies are those of the backend's
openapi.json. Does not know the page or how the image was drawn.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Self, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mnist_frontend.settings import Settings

PREDICT_PATH = "/api/v1/predict"
FEEDBACK_PATH = "/api/v1/feedback"
MODELS_PATH = "/api/v1/models"
PROBLEM_TYPE = "application/problem+json"
PASSING = frozenset({502, 503, 504})  # as a restart causes them
PAUSE_SECONDS = 0.2  # and up to as much again, so that pages do not come back all at once
WAIT_LIMIT_SECONDS = 3600
SUM_TOLERANCE = 0.01

Wanted = TypeVar("Wanted", bound=BaseModel)
Pause = Callable[[float], None]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Digit = Annotated[int, Field(ge=0, le=9)]
Version = Annotated[str, Field(pattern=r"^[\w.+:@-]{1,200}$")]


class BackendCallError(Exception):
    """There is no answer; the subclass says why."""


class BackendUnreachableError(BackendCallError):
    """No connection could be made or kept, also not at the second attempt."""


class BackendTimedOutError(BackendCallError):
    """The backend did not answer in time."""


class BackendFaultyError(BackendCallError):
    """The backend answered with a server error (5xx)."""


class BackendBusyError(BackendCallError):
    """Too many requests: the backend asks to wait."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"wait {wait_seconds} s")
        self.wait_seconds = wait_seconds


class KeyRefusedError(BackendCallError):
    """The backend wants an API key, or a better one (401, 403)."""


class RequestRefusedError(BackendCallError):
    """The backend refused the request with a problem body (RFC 9457)."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


class AnswerInvalidError(BackendCallError):
    """The answer is not what the API promises."""


class Answer(BaseModel):
    """What answers have in common: strict, frozen, and free to grow."""

    model_config = ConfigDict(frozen=True, strict=True)


class Prediction(Answer):
    """What the recogniser read, checked against itself."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    digit: Digit
    probabilities: Annotated[tuple[Probability, ...], Field(min_length=10, max_length=10)]
    model_version: Version
    time_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def digit_agrees_with_probabilities(self) -> Self:
        """Refuse an answer whose digit is not its most probable one or whose sum is not one."""
        if abs(sum(self.probabilities) - 1) > SUM_TOLERANCE:
            raise ValueError("the probabilities do not add up to 1")
        if self.probabilities[self.digit] < max(self.probabilities):
            raise ValueError("the digit is not the most probable one")
        return self


class Feedback(Answer):
    """What the backend noted about a prediction."""

    digit: Digit
    right: bool


class Card(Answer):
    """The part of a model's card that names it."""

    model_version: Version


class Model(Answer):
    """A model of the backend's store, and the roles that it has."""

    aliases: tuple[str, ...]
    card: Card


class Models(Answer):
    """Every model of the backend's store."""

    models: tuple[Model, ...]

    @property
    def roles(self) -> dict[str, str]:
        """The role of each version that has one, where there are two roles to tell apart."""
        named = {m.card.model_version: " + ".join(m.aliases) for m in self.models if m.aliases}
        return named if len(named) > 1 else {}


class BrokenRule(BaseModel):
    """One entry of a problem's `errors`."""

    field: str
    rule: str


class Problem(BaseModel):
    """The part of an RFC 9457 body that a person can use."""

    title: str
    detail: str = ""
    errors: tuple[BrokenRule, ...] = ()

    def __str__(self) -> str:
        rules = "; ".join(f"{error.field}: {error.rule}" for error in self.errors)
        return ". ".join(part.rstrip(".") for part in (self.title, self.detail, rules) if part)


@dataclass(frozen=True, slots=True)
class Visitor:
    """For whom the page asks: what keeps a visit with one model, and the visitor's own key."""

    session: str
    key: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say so; without a key of the visitor's the page's own one stands."""
        return {"X-Session-Id": self.session} | ({"X-API-Key": self.key} if self.key else {})


class BackendClient:
    """Asks the backend over one pool of connections; safe to share by threads."""

    def __init__(self, http: httpx.Client, pause: Pause = time.sleep) -> None:
        self._http = http
        self._pause = pause

    def predict(self, image: Sequence[float], visitor: Visitor) -> Prediction:
        """Ask which digit the 784 ink values show."""
        return self._ask(Prediction, PREDICT_PATH, visitor, {"image": list(image)})

    def tell(self, prediction_id: str, digit: int, visitor: Visitor) -> Feedback:
        """Tell which digit was meant; telling the same again changes nothing."""
        body = {"prediction_id": prediction_id, "digit": digit}
        return self._ask(Feedback, FEEDBACK_PATH, visitor, body)

    def models(self, visitor: Visitor) -> Models:
        """Ask which models there are, and which roles they have."""
        return self._ask(Models, MODELS_PATH, visitor)

    def _ask(
        self,
        wanted: type[Wanted],
        path: str,
        visitor: Visitor,
        body: Mapping[str, object] | None = None,
    ) -> Wanted:
        response = self._sent(path, visitor, body)
        if response.status_code != HTTPStatus.OK:
            raise _failure(response)
        try:
            return wanted.model_validate_json(response.content)
        except ValidationError as error:
            raise AnswerInvalidError(str(error)) from error

    def _sent(
        self, path: str, visitor: Visitor, body: Mapping[str, object] | None
    ) -> httpx.Response:
        response = self._first(path, visitor, body)
        if response is not None:
            return response
        self._pause(PAUSE_SECONDS * (1 + random.random()))  # noqa: S311  spreads, protects nothing
        return self._attempt(path, visitor, body)

    def _first(
        self, path: str, visitor: Visitor, body: Mapping[str, object] | None
    ) -> httpx.Response | None:
        """Return the answer of the first attempt, or None where a second one is worth it."""
        try:
            response = self._attempt(path, visitor, body)
        except BackendUnreachableError:
            return None
        return None if response.status_code in PASSING else response

    def _attempt(
        self, path: str, visitor: Visitor, body: Mapping[str, object] | None
    ) -> httpx.Response:
        if not (visitor.key.isascii() and visitor.key.isprintable()):
            raise KeyRefusedError("no key has such characters")
        method = "GET" if body is None else "POST"
        try:
            return self._http.request(method, path, json=body, headers=visitor.headers)
        except httpx.TimeoutException as error:
            raise BackendTimedOutError(str(error)) from error
        except httpx.TransportError as error:
            raise BackendUnreachableError(str(error)) from error
        except httpx.DecodingError as error:
            raise AnswerInvalidError(str(error)) from error


def open_client(settings: Settings) -> BackendClient:
    """Build the client; proxies of the environment are ignored, the backend is a neighbour."""
    http = httpx.Client(
        base_url=settings.backend_url,
        headers={"X-API-Key": settings.api_key} if settings.api_key else None,
        timeout=httpx.Timeout(settings.timeout_seconds),
        trust_env=False,
    )
    return BackendClient(http)


def _failure(response: httpx.Response) -> BackendCallError:
    status = response.status_code
    if response.is_server_error:
        return BackendFaultyError(f"status {status}")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return KeyRefusedError(f"status {status}")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return BackendBusyError(_wait_seconds(response.headers.get("retry-after", "")))
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    if kind != PROBLEM_TYPE:
        return AnswerInvalidError(f"status {status} without a problem body")
    try:
        return RequestRefusedError(status, str(Problem.model_validate_json(response.content)))
    except ValidationError as error:
        return AnswerInvalidError(f"problem body of status {status}: {error}")


def _wait_seconds(retry_after: str) -> int:
    """Return the seconds of a Retry-After; one where it says a date, or nothing."""
    seconds = int(retry_after) if retry_after.isascii() and retry_after.isdigit() else 1
    return min(max(seconds, 1), WAIT_LIMIT_SECONDS)
