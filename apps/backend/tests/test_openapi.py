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


def test_the_operations_are_those_of_the_contract() -> None:
    """Nothing is served that is not documented."""
    assert set(operations()) == {
        "GET /health",
        "GET /ready",
        "GET /api/v1/models",
        "GET /api/v1/predictions/{id}",
        "POST /api/v1/feedback",
        "POST /api/v1/models/{version}/promote",
        "POST /api/v1/predict",
        "POST /api/v1/predict/batch",
    }


def test_every_failure_is_documented_as_a_problem() -> None:
    """Each status that an operation can answer has its problem body."""
    documented = {
        name: {status: told["content"] for status, told in item["responses"].items()}
        for name, item in operations().items()
    }
    asking = {"400", "401", "403", "405", "408", "413", "415", "422", "429", "500"}
    for name, responses in documented.items():
        if name.startswith("POST"):
            assert asking <= set(responses), name
    assert {"409", "404"} <= set(documented["POST /api/v1/feedback"])
    assert {"503"} <= set(documented["GET /ready"])
    for responses in documented.values():
        failures = {status for status in responses if status != "200"}
        assert failures
        assert all(responses[status] == PROBLEM for status in failures)


def test_the_request_is_documented_as_it_is_checked() -> None:
    """The document tells the length and the range of the image, and that no more is allowed."""
    request = operations()["POST /api/v1/predict"]["requestBody"]
    reference = request["content"]["application/json"]["schema"]["$ref"]
    schema = create_app().openapi()["components"]["schemas"][reference.rsplit("/", 1)[1]]
    greys, rows, png = schema["properties"]["image"]["oneOf"]
    assert request["required"] is True
    assert (greys["minItems"], greys["maxItems"]) == (784, 784)
    assert (greys["items"]["minimum"], greys["items"]["maximum"]) == (0, 1)
    assert (rows["maxItems"], rows["items"]["maxItems"]) == (28, 28)
    assert png["type"] == "string"
    assert schema["additionalProperties"] is False


def test_what_needs_a_caller_says_so() -> None:
    """Every operation of the API names how a caller is known; the others name none."""
    for name, operation in operations().items():
        assert ("security" in operation) == ("/api/v1" in name), name
