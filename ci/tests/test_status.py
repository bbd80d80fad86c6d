"""What machines read of a run is as its schema says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mnist_pipeline.gates.verdicts import StageResult, green, not_run, red, status_json

SCHEMA = json.loads((Path(__file__).parents[1] / "status.schema.json").read_text(encoding="utf-8"))
RESULTS = [
    StageResult("lint", red("a.py:1: F401"), 3.2, "cached"),
    StageResult("unit", green(tests=3), 1.0, "ran"),
    StageResult("scan", not_run("no image"), 9.0, "-", {"vulnerabilities": not_run("no data")}),
    StageResult("contract", green(), 1.0, "ran", {"left out": not_run("no key")}),
    StageResult("end-to-end", green(), 1.0, "ran", {"left out": not_run("no page", "no key")}),
]


def valid(status: object) -> bool:
    """Whether the schema allows it."""
    checker = jsonschema.Draft202012Validator(
        SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    return bool(checker.is_valid(status))


def written() -> dict[str, Any]:
    """What the pipeline writes of the results."""
    status: dict[str, Any] = json.loads(status_json(RESULTS, 0.0, 52.3))
    return status


def test_the_schema_is_one() -> None:
    """The schema itself keeps the rules of its own language."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["title"] == "status.json"


def test_what_is_written_is_valid() -> None:
    """Green, red and not run, remarks, and a run without stages."""
    assert valid(written())
    assert valid(json.loads(status_json([], 0.0, 0.0)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("passed",), "yes"),
        (("seconds",), -1),
        (("schema",), 2),
        (("stages", "lint", "status"), "amber"),
        (("stages", "lint", "reason"), None),
        (("stages", "lint", "origin"), "guessed"),
        (("stages", "unit", "counts"), {"tests": "three"}),
        (("stages", "unit", "extra"), 1),
        (("vulnerabilities", "status"), "unknown"),
        (("left out", "reasons"), None),
        (("stages", "scan", "remarks"), {}),
        (("stages", "scan", "remarks", "vulnerabilities", "status"), "amber"),
        (("stages",), None),
    ],
)
def test_a_planted_fault_is_invalid(path: tuple[str, ...], value: object) -> None:
    """A wrong or missing field is refused; None takes it away."""
    status = written()
    place = status
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    assert not valid(status)
