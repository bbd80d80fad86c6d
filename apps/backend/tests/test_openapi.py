"""The published contract."""

import json
from pathlib import Path
from typing import Any

from mnist_backend.app import create_app

COMMITTED = Path(__file__).resolve().parents[1] / "openapi.json"
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def operations() -> dict[str, dict[str, Any]]:
    """Return every operation by its method and path."""
    paths = create_app().openapi()["paths"]
    return {f"{m.upper()} {path}": item[m] for path, item in paths.items() for m in item}


def test_the_committed_document_is_the_one_served() -> None:
    """After a change of the API: `python -m mnist_backend openapi > openapi.json`."""
    app = create_app()
    assert json.loads(COMMITTED.read_text()) == app.openapi()
    assert app.openapi() is app.openapi()


def test_the_operations_are_the_four_of_the_contract() -> None:
    """Nothing is served that is not documented."""
    assert set(operations()) == {
        "GET /health",
        "GET /ready",
        "GET /metrics",
        "POST /api/v1/predict",
    }


def test_every_failure_is_documented_as_a_problem() -> None:
    """Each status that an operation can answer has its problem body."""
    documented = {
        name: {status: told["content"] for status, told in item["responses"].items()}
        for name, item in operations().items()
    }
    assert set(documented["POST /api/v1/predict"]) == {
        *("200", "400", "413", "415", "422", "500", "503", "default")
    }
    assert set(documented["GET /ready"]) == {"200", "500", "503", "default"}
    for responses in documented.values():
        failures = {status for status in responses if status != "200"}
        assert failures
        assert all(responses[status] == PROBLEM for status in failures)


def test_the_request_is_documented_as_it_is_checked() -> None:
    """The document tells the length and the range of the image, and that no more is allowed."""
    request = operations()["POST /api/v1/predict"]["requestBody"]
    schema = request["content"]["application/json"]["schema"]
    image = schema["properties"]["image"]
    assert request["required"] is True
    assert (image["minItems"], image["maxItems"]) == (784, 784)
    assert (image["items"]["minimum"], image["items"]["maximum"]) == (0, 1)
    assert schema["additionalProperties"] is False
