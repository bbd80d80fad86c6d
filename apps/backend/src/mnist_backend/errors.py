"""The errors this package raises, each with the answer it deserves.

Contract: every expected failure is a `BackendError`; its class fixes the HTTP status, the slug that
names the problem and a title that never varies, its message tells what happened this time.
Does not know: HTTP bodies, the web framework, or who catches the error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule that one field of a request breaks."""

    field: str
    rule: str
    value: Scalar = None


class BackendError(Exception):
    """The root of all expected failures."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, faults: tuple[Fault, ...] = ()) -> None:
        """Keep the detail for a person and the faults for a program."""
        super().__init__(detail)
        self.detail = detail
        self.faults = faults
        self.headers: Mapping[str, str] = {}  # that go with the answer


class BodyUnparsableError(BackendError):
    """The body is not JSON."""

    status = 400
    slug = "body-unparsable"
    title = "The body is not JSON"


class BodyTooLargeError(BackendError):
    """The body is longer than the limit, whatever its headers say."""

    status = 413
    slug = "body-too-large"
    title = "The body is too large"


class BodyTooSlowError(BackendError):
    """The body did not arrive in time."""

    status = 408
    slug = "body-too-slow"
    title = "The body took too long"


class MediaTypeUnsupportedError(BackendError):
    """The body is declared to be something other than JSON."""

    status = 415
    slug = "media-type-unsupported"
    title = "The media type is not supported"


class RequestInvalidError(BackendError):
    """The body is JSON, but not a valid request."""

    status = 422
    slug = "request-invalid"
    title = "The request is not valid"


class ArtefactError(BackendError):
    """No model can be served."""

    status = 503
    slug = "model-unavailable"
    title = "The model is not available"


class ArtefactMissingError(ArtefactError):
    """A file of the model artefact does not exist or cannot be read."""

    slug = "model-missing"
    title = "The model is missing"


class ArtefactInvalidError(ArtefactError):
    """The card of the model artefact cannot be understood."""

    slug = "model-card-invalid"
    title = "The model's card is not valid"


class ArtefactTamperedError(ArtefactError):
    """A file of the model artefact is not the one its card describes."""

    slug = "model-tampered"
    title = "The model is not the one its card describes"


class UnauthenticatedError(BackendError):
    """No valid API key or token came with the request."""

    status = 401
    slug = "unauthenticated"
    title = "Who asks is not known"


class ForbiddenError(BackendError):
    """Who asks is known, but may not do this."""

    status = 403
    slug = "forbidden"
    title = "The caller may not do this"


class PredictionUnknownError(BackendError):
    """No prediction of this caller has that id."""

    status = 404
    slug = "prediction-unknown"
    title = "There is no such prediction"


class ModelUnknownError(BackendError):
    """The store holds no model of that version or alias."""

    status = 404
    slug = "model-unknown"
    title = "There is no such model"


class FeedbackConflictError(BackendError):
    """Another true digit was told for the same prediction before."""

    status = 409
    slug = "feedback-conflict"
    title = "The feedback contradicts an earlier one"


class PromotionConflictError(BackendError):
    """The model cannot take that alias now."""

    status = 409
    slug = "promotion-conflict"
    title = "The model cannot be promoted"


class RateLimitedError(BackendError):
    """The caller asked more often than the limit allows."""

    status = 429
    slug = "rate-limited"
    title = "Too many requests"


class DatabaseUnavailableError(BackendError):
    """The database does not answer; predictions go on without it."""

    status = 503
    slug = "database-unavailable"
    title = "The database does not answer"


class RecordRefusedError(BackendError):
    """The database answers, but does not take these values."""

    slug = "record-refused"
    title = "The database does not take these values"


class IssuerUnavailableError(BackendError):
    """The issuer of tokens does not answer, so nobody can be known by one."""

    status = 503
    slug = "issuer-unavailable"
    title = "The issuer of tokens does not answer"


class SettingInvalidError(BackendError):
    """A setting of the server has a value that cannot be used."""

    slug = "setting-invalid"
    title = "A setting cannot be used"


class ConfigurationError(BackendError):
    """A training is asked for with values that it does not have."""

    slug = "configuration-wrong"
    title = "The configuration cannot be used"
