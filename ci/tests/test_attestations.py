"""Statements about an image: what they say, and whether they are about that image."""

import base64
import json
from typing import Any

import pytest

from mnist_pipeline.gates.attestations import (
    Build,
    StatementMalformedError,
    evidence_in,
    judge_provenance,
    judge_sbom,
    judge_subject,
    newest,
    provenance,
    statements,
    test_result,
)
from mnist_pipeline.gates.policy import Check, Evidence, Ruling
from mnist_pipeline.gates.release import Layout, Origin

test_result.__test__ = False  # type: ignore[attr-defined]  # it is no test, by its standard's name
LAYOUT = Layout("sha256:" + "a" * 64, "sha256:" + "b" * 64)
OTHER = Layout("sha256:" + "c" * 64, "sha256:" + "d" * 64)
ORIGIN = Origin("f" * 40, "1.2.3", clean=True)
GIVEN = {"MODEL": "given"}
BASE = f"debian:trixie@sha256:{'e' * 64}"
BUILD = Build("backend", "apps/backend", ("tests",), "serving", GIVEN, BASE, 1.0, 2.0)
EVIDENCE = Evidence(
    {"lint": Check("green", 10.0), "scan": Check("red", 20.0, "a key")},
    ORIGIN.commit,
    "1.2.3",
    True,
    "9" * 64,
    {"backend": LAYOUT.manifest},
)
RULINGS = [Ruling("lint", "passed"), Ruling("scan", "accepted", "for now")]
PROVENANCE = provenance(BUILD, ORIGIN, LAYOUT)


def signed(*predicates: dict[str, Any]) -> list[dict[str, Any]]:
    """Statements with these predicates."""
    return [{"predicate": predicate} for predicate in predicates]


def bill(image_id: str, number: int = 100) -> dict[str, Any]:
    """A bill of materials as Trivy writes it, in short."""
    properties = [{"name": "aquasecurity:trivy:ImageID", "value": image_id}]
    return {
        "metadata": {"component": {"properties": properties}},
        "components": [{"name": str(n)} for n in range(number)],
    }


def test_a_provenance_tells_its_image_source_and_honest_level() -> None:
    """SLSA's fields are there, and the level is 1 with the reason why it is not higher."""
    definition = PROVENANCE["buildDefinition"]
    assert definition["resolvedDependencies"][0]["digest"] == {"gitCommit": ORIGIN.commit}
    assert definition["resolvedDependencies"][1]["digest"] == {"sha256": "e" * 64}
    level = PROVENANCE["runDetails"]["metadata"]["mnist_pipeline_level"]
    assert level["slsa_build_level"] == 1
    assert "by a key or by an identity" in level["why"]


def test_a_provenance_tells_what_can_build_the_image_again() -> None:
    """Dockerfile, target and arguments, and the folder without what is left out of it."""
    assert PROVENANCE["buildDefinition"]["externalParameters"] == {
        "image": "backend",
        "dockerfile": "apps/backend/Dockerfile",
        "context": {"folder": "apps/backend", "excluded": ["tests"]},
        "target": "serving",
        "arguments": GIVEN,
    }


def test_a_provenance_of_this_image_passes() -> None:
    """One that fits is enough, where a release was repeated."""
    other = provenance(BUILD, ORIGIN, OTHER)
    found = signed(other, PROVENANCE)
    assert judge_provenance(found, "backend", LAYOUT, ORIGIN.commit).outcome == "passed"


@pytest.mark.parametrize(
    ("image", "layout", "commit", "told"),
    [
        ("backend", OTHER, ORIGIN.commit, "it tells of backend"),
        ("frontend", LAYOUT, ORIGIN.commit, "not of frontend"),
        ("backend", LAYOUT, "0" * 40, "the evidence of 0000"),
    ],
)
def test_a_provenance_of_something_else_is_refused(
    image: str, layout: Layout, commit: str, told: str
) -> None:
    """Another configuration, another image and another commit are each refused."""
    ruling = judge_provenance(signed(PROVENANCE), image, layout, commit)
    assert ruling.outcome == "refused"
    assert told in ruling.reason


def test_no_provenance_is_refused() -> None:
    """What is not there proves nothing, and neither does an empty one."""
    assert judge_provenance([], "backend", LAYOUT, "").reason == "it is not there"
    assert "cannot be read" in judge_provenance(signed({}), "backend", LAYOUT, "").reason


def test_a_bill_of_materials_of_this_image_passes() -> None:
    """It names the image's configuration, and lists what a Debian has."""
    assert judge_sbom(signed(bill(LAYOUT.configuration)), LAYOUT).outcome == "passed"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (bill(OTHER.configuration), "was made of"),
        (bill(LAYOUT.configuration, 3), "lists 3 components"),
        ({}, "cannot be read"),
    ],
)
def test_a_bill_of_materials_of_something_else_is_refused(found: dict[str, Any], told: str) -> None:
    """Another image's, a nearly empty and an unreadable one are each refused."""
    ruling = judge_sbom(signed(found), LAYOUT)
    assert ruling.outcome == "refused"
    assert told in ruling.reason


def test_evidence_comes_back_as_it_was_signed() -> None:
    """What is read from a test result is what was put in, through JSON."""
    result = test_result(EVIDENCE, "staging", RULINGS, rehearsal=True)
    read = json.loads(json.dumps(result))
    assert evidence_in(read) == (EVIDENCE, "staging", True)


def test_a_test_result_tells_what_was_accepted_as_a_warning() -> None:
    """By the words of in-toto's predicate, with the digest of the evidence."""
    result = test_result(EVIDENCE, "staging", RULINGS, rehearsal=False)
    assert (result["result"], result["warnedTests"]) == ("WARNED", ["scan"])
    assert result["configuration"][1]["digest"] == {"sha256": "9" * 64}


def test_a_test_result_with_a_refusal_has_failed() -> None:
    """A ruling that refuses makes the result FAILED."""
    rulings = [*RULINGS, Ruling("unit", "refused", "red")]
    result = test_result(EVIDENCE, "dev", rulings, rehearsal=False)
    assert (result["result"], result["failedTests"]) == ("FAILED", ["unit"])


def test_the_newest_evidence_counts() -> None:
    """Of two test results the one whose oldest answer is newer is taken."""
    older = Evidence({"lint": Check("green", 5.0)}, "", "0", True, "", {})
    results = [test_result(e, "dev", RULINGS, rehearsal=False) for e in (older, EVIDENCE)]
    assert evidence_in(newest(signed(*results)))[0] == EVIDENCE


def test_evidence_of_another_image_is_refused() -> None:
    """The evidence must name the digest of the image in the registry."""
    assert judge_subject(EVIDENCE, "backend", LAYOUT).outcome == "passed"
    assert "evidence is of" in judge_subject(EVIDENCE, "backend", OTHER).reason
    assert "no such image" in judge_subject(EVIDENCE, "frontend", LAYOUT).reason


def test_evidence_that_says_something_else_is_an_error() -> None:
    """A test result of another program has not the fields that are needed."""
    with pytest.raises(StatementMalformedError):
        evidence_in({"result": "PASSED"})


def test_statements_are_read_from_what_the_verifier_prints() -> None:
    """Lines that are no envelopes are passed over, the payload is decoded."""
    payload = base64.b64encode(json.dumps({"predicate": {"a": 1}}).encode()).decode()
    printed = f"Verification for x --\n{json.dumps({'payload': payload})}\n"
    assert statements(printed) == [{"predicate": {"a": 1}}]


@pytest.mark.parametrize("line", ["{", '{"payload": "%"}', '{"payload": "e30="}', "{}"])
def test_a_statement_that_cannot_be_read_is_an_error(line: str) -> None:
    """A broken envelope is never passed over."""
    with pytest.raises(StatementMalformedError):
        statements(f"{line}\n")
