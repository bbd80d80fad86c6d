"""What bodies take is what JSON Schema says of them."""

import json

import pytest
from pydantic import ValidationError

from mnist_backend.schemas import FeedbackRequest

ID = "0" * 32


def body(digit: object) -> str:
    """Return the body that tells a digit."""
    return json.dumps({"prediction_id": ID, "digit": digit})


@pytest.mark.parametrize("digit", [9, 9.0])
def test_a_number_without_a_fraction_is_whole(digit: float) -> None:
    """In JSON 9.0 is the integer 9."""
    assert FeedbackRequest.model_validate_json(body(digit)).digit == 9


@pytest.mark.parametrize("digit", [9.5, "9", True, None, 10, -1, 1e300])
def test_anything_else_is_no_digit(digit: object) -> None:
    """Neither a fraction, nor a text, nor a truth value, nor another number."""
    with pytest.raises(ValidationError):
        FeedbackRequest.model_validate_json(body(digit))


def test_the_document_tells_the_range_of_a_digit() -> None:
    """Its words are those of JSON Schema."""
    digit = FeedbackRequest.model_json_schema()["properties"]["digit"]
    assert (digit["type"], digit["minimum"], digit["maximum"]) == ("integer", 0, 9)
