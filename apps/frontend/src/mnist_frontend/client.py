"""The page's one way to the backend.

Contract: `predict` returns a validated `Prediction` or raises a `PredictionFailedError` of the
kind that happened, never a half-checked answer. The timeout bounds each phase of a request
(connect, write, read). A broken connection is tried once more: predicting twice changes nothing.
Does not know the page or how the image was drawn.
"""

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Self

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mnist_frontend.settings import Settings

PREDICT_PATH = "/api/v1/predict"
PROBLEM_TYPE = "application/problem+json"
RETRY_PAUSE_SECONDS = 0.2
SUM_TOLERANCE = 0.01

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class PredictionFailedError(Exception):
    """There is no prediction; the subclass says why."""


class BackendUnreachableError(PredictionFailedError):
    """No connection could be made or kept, also not at the second attempt."""


class BackendTimedOutError(PredictionFailedError):
    """The backend did not answer in time."""


class BackendFaultyError(PredictionFailedError):
    """The backend answered with a server error (5xx)."""


class ImageRejectedError(PredictionFailedError):
    """The backend refused the request with a problem body (RFC 9457)."""


class AnswerInvalidError(PredictionFailedError):
    """The answer is not what the API promises."""


class Prediction(BaseModel):
    """What the recogniser read, checked against itself."""

    model_config = ConfigDict(frozen=True, strict=True)

    digit: int = Field(ge=0, le=9)
    probabilities: tuple[Probability, ...] = Field(min_length=10, max_length=10)
    model_version: str = Field(pattern=r"^[\w.+:@-]{1,200}$")
    time_ms: float = Field(ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def digit_agrees_with_probabilities(self) -> Self:
        """Refuse an answer whose digit is not its most probable one or whose sum is not one."""
        if abs(sum(self.probabilities) - 1) > SUM_TOLERANCE:
            raise ValueError("the probabilities do not add up to 1")
        if self.probabilities[self.digit] < max(self.probabilities):
            raise ValueError("the digit is not the most probable one")
        return self


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


class BackendClient:
    """Asks the backend for predictions over one pool of connections; safe to share by threads."""

    def __init__(self, http: httpx.Client, pause: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._pause = pause

    def predict(self, image: Sequence[float]) -> Prediction:
        """Ask which digit the 784 ink values show."""
        response = self._send({"image": list(image)})
        if response.status_code == httpx.codes.OK:
            return _prediction(response)
        if response.is_server_error:
            raise BackendFaultyError(f"status {response.status_code}")
        raise _refusal(response)

    def _send(self, body: dict[str, list[float]]) -> httpx.Response:
        try:
            return self._post(body)
        except BackendUnreachableError:
            self._pause(RETRY_PAUSE_SECONDS)
        return self._post(body)

    def _post(self, body: dict[str, list[float]]) -> httpx.Response:
        try:
            return self._http.post(PREDICT_PATH, json=body)
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


def _prediction(response: httpx.Response) -> Prediction:
    try:
        return Prediction.model_validate_json(response.content)
    except ValidationError as error:
        raise AnswerInvalidError(str(error)) from error


def _refusal(response: httpx.Response) -> PredictionFailedError:
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    if kind != PROBLEM_TYPE:
        return AnswerInvalidError(f"status {response.status_code} without a problem body")
    try:
        return ImageRejectedError(str(Problem.model_validate_json(response.content)))
    except ValidationError as error:
        return AnswerInvalidError(f"problem body of status {response.status_code}: {error}")
