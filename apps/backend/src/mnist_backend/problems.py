"""Turns whatever went wrong into the problem details of RFC 9457.

Contract: pure; a fault names its field and the rule it breaks, repeats a value only where it is
short, and a long list of faults is cut. Nothing of the machine (paths, traces) is told for an
error nobody expected.
Does not know: the web framework.
"""

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from mnist_backend.errors import (
    BackendError,
    BodyUnparsableError,
    Fault,
    RequestInvalidError,
    Scalar,
)
from mnist_backend.schemas import Problem, ProblemFault

MEDIA_TYPE = "application/problem+json"
FAULTS_TOLD = 10
VALUE_LENGTH = 64
WHOLE_NUMBER_MOST = 1 << 53  # beyond it JSON's readers disagree
WHOLE_BODY = "(body)"
FORMS = {"greys", "rows", "png"}  # of a drawing; no field has such a name

RULES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must hold at least {min_length} items",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "too_long": "must hold at most {max_length} items",
}


def of_error(error: BackendError, instance: str | None = None) -> Problem:
    """Describe an expected failure."""
    return Problem(
        type=f"urn:mnist-backend:problem:{error.slug}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        instance=instance,
        errors=[ProblemFault(field=f.field, rule=f.rule, value=f.value) for f in error.faults],
    )


def of_status(status: int, instance: str | None = None) -> Problem:
    """Describe a failure that has no more to say than its HTTP status."""
    phrase = HTTPStatus(status)
    return Problem(
        type="about:blank",
        title=phrase.phrase,
        status=status,
        detail=phrase.description or phrase.phrase,
        instance=instance,
    )


def refused(error: ValidationError) -> BackendError:
    """Return the error to raise for a body that does not fit its schema."""
    details = error.errors(include_url=False)
    if details[0]["type"] == "json_invalid":
        return BodyUnparsableError(details[0]["msg"], (Fault(WHOLE_BODY, details[0]["msg"]),))
    return broken([dict(detail) for detail in details])


def broken(details: Sequence[dict[str, Any]]) -> RequestInvalidError:
    """Return the error to raise for rules that a request breaks."""
    told = tuple(_fault(detail) for detail in details[:FAULTS_TOLD])
    summary = f"{told[0].field} {told[0].rule}"
    if len(details) > 1:
        summary += f"; {len(details)} rules are broken in all, {len(told)} are listed"
    return RequestInvalidError(summary, told)


def _fault(detail: dict[str, Any]) -> Fault:
    rule = RULES.get(detail["type"])
    text = rule.format(**detail.get("ctx", {})) if rule else detail["msg"]
    return Fault(_field(detail["loc"]), text, _value(detail))


def _field(location: tuple[int | str, ...]) -> str:
    keys = (key for key in location if key not in FORMS)
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return path.removeprefix(".")[:VALUE_LENGTH] or WHOLE_BODY


def _value(detail: dict[str, Any]) -> Scalar:
    value = detail["input"]
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    if isinstance(value, str):
        return value[:VALUE_LENGTH]
    if isinstance(value, int) and abs(value) > WHOLE_NUMBER_MOST:
        return f"a number of {value.bit_length()} bits"
    return value if isinstance(value, int | float) else None
