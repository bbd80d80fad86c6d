"""What is signed beside an image, and whether what was signed is about that image.

Contract: three in-toto statements, each of a published predicate type: SLSA provenance, CycloneDX
bill of materials, and test results with the digest of the evidence. Everything here works on
statements whose signature has been verified. Does not know keys, registries or policies.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mnist_pipeline.gates.policy import Check, Evidence, Ruling, moment
from mnist_pipeline.gates.release import Layout, Origin

PROVENANCE = "https://slsa.dev/provenance/v1"
SBOM = "https://cyclonedx.org/bom"
EVIDENCE = "https://in-toto.io/attestation/test-result/v0.1"
TYPES = {"provenance": PROVENANCE, "sbom": SBOM, "evidence": EVIDENCE}
BUILD_TYPE = "urn:mnist-pipeline:dockerfile:v1"
BUILDER = "urn:mnist-pipeline:builder:dagger"
OWN = "mnist_pipeline"  # prefix of the fields that the predicates' specifications do not name
IMAGE_ID = "aquasecurity:trivy:ImageID"
LEAST_COMPONENTS = 50  # a Debian that runs Python has about 100 packages
LEVEL = {
    "slsa_build_level": 1,
    "why": "the build is scripted and its provenance is signed, but whoever runs the pipeline "
    "signs it, by a key or by an identity, and could sign another statement; level 2 needs a "
    "platform that signs by itself",
}


class StatementMalformedError(ValueError):
    """What was signed is not the statement it should be."""


@dataclass(frozen=True)
class Build:
    """How one image came to be."""

    image: str
    folder: str
    excluded: tuple[str, ...]  # what of the folder is not built from
    target: str
    arguments: Mapping[str, str]  # of the Dockerfile
    base: str  # the reference of the base image, with its digest
    started: float
    finished: float


def provenance(build: Build, source: Origin, built: Layout) -> dict[str, Any]:
    """The SLSA provenance of one image, with the level that it honestly reaches."""
    name, _, digest = build.base.partition("@sha256:")
    commit = {"uri": "git+local", "digest": {"gitCommit": source.commit}}
    base = {"uri": f"oci://{name}", "digest": {"sha256": digest}}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "image": build.image,
                "dockerfile": f"{build.folder}/Dockerfile",
                "context": {"folder": build.folder, "excluded": [*build.excluded]},
                "target": build.target,
                "arguments": dict(build.arguments),
            },
            "internalParameters": {
                "version": source.version,
                "clean": source.clean,
                "configuration": built.configuration,
            },
            "resolvedDependencies": [commit, base] if digest else [commit],
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "metadata": {
                "startedOn": moment(build.started),
                "finishedOn": moment(build.finished),
                f"{OWN}_level": LEVEL,
            },
        },
    }


def test_result(
    evidence: Evidence, environment: str, rulings: Sequence[Ruling], *, rehearsal: bool
) -> dict[str, Any]:
    """The evidence as an in-toto test result; what was accepted stands under warned tests."""
    outcomes = {outcome: [r.check for r in rulings if r.outcome == outcome] for outcome in OUTCOMES}
    refused = outcomes["refused"]
    worst = "FAILED" if refused else "WARNED" if outcomes["accepted"] else "PASSED"
    return {
        "result": worst,
        "configuration": [
            {"name": "source", "digest": {"gitCommit": evidence.commit}},
            {"name": "evidence", "digest": {"sha256": evidence.digest}},
        ],
        "passedTests": outcomes["passed"],
        "warnedTests": outcomes["accepted"],
        "failedTests": refused,
        f"{OWN}_evidence": asdict(evidence),
        f"{OWN}_release": {"environment": environment, "rehearsal": rehearsal},
    }


OUTCOMES = ("passed", "accepted", "refused")


def statements(printed: str) -> list[dict[str, Any]]:
    """The statements in what a verifier printed: one envelope a line, its payload in base64."""
    found = []
    for line in printed.splitlines():
        if not line.startswith("{"):
            continue
        try:
            statement = json.loads(base64.b64decode(json.loads(line)["payload"], validate=True))
            if not isinstance(statement["predicate"], dict):
                raise StatementMalformedError("a statement's predicate is an object")
            found.append(statement)
        except (ValueError, KeyError, TypeError) as error:
            message = f"what was signed cannot be read: {error!r}"
            raise StatementMalformedError(message) from error
    return found


def evidence_in(predicate: Mapping[str, Any]) -> tuple[Evidence, str, bool]:
    """The evidence of a test result, the environment it was for, and whether for a rehearsal."""
    try:
        fields, release = dict(predicate[f"{OWN}_evidence"]), predicate[f"{OWN}_release"]
        checks = {name: Check(**check) for name, check in fields.pop("checks").items()}
        evidence = Evidence(checks=checks, **fields)
        return evidence, str(release["environment"]), release["rehearsal"] is True
    except (KeyError, TypeError, AttributeError) as error:
        message = f"the signed evidence cannot be read: {error!r}"
        raise StatementMalformedError(message) from error


def newest(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of several test results the one with the newest evidence; a release may be repeated."""
    predicates = [dict(statement["predicate"]) for statement in found]
    return max(predicates, key=lambda p: min(oldest(evidence_in(p)[0]), default=0.0))


def oldest(evidence: Evidence) -> list[float]:
    """When each check began."""
    return [check.made for check in evidence.checks.values()]


def judge_provenance(
    found: Sequence[Mapping[str, Any]], image: str, actual: Layout, commit: str
) -> Ruling:
    """Whether one of the provenances tells of this image and the commit of its evidence."""
    faults = [provenance_fault(s["predicate"], image, actual, commit) for s in found]
    return ruled("provenance", faults)


def provenance_fault(predicate: Mapping[str, Any], image: str, actual: Layout, commit: str) -> str:
    """What is wrong with a provenance; empty where nothing is."""
    try:
        definition = predicate["buildDefinition"]
        built = definition["internalParameters"]["configuration"]
        named = definition["externalParameters"]["image"]
        source = definition["resolvedDependencies"][0]["digest"]["gitCommit"]
    except (KeyError, TypeError, IndexError) as error:
        return f"it cannot be read: {error!r}"
    if (named, built) != (image, actual.configuration):
        return f"it tells of {named} {built}, not of {image} {actual.configuration}"
    return "" if source == commit else f"it tells of commit {source}, the evidence of {commit}"


def judge_sbom(found: Sequence[Mapping[str, Any]], actual: Layout) -> Ruling:
    """Whether one of the bills of materials was made of this image, and is not empty."""
    return ruled("sbom", [sbom_fault(statement["predicate"], actual) for statement in found])


def sbom_fault(bill: Mapping[str, Any], actual: Layout) -> str:
    """What is wrong with a bill of materials; empty where nothing is."""
    try:
        properties = bill["metadata"]["component"]["properties"]
        made_of = [entry["value"] for entry in properties if entry["name"] == IMAGE_ID]
        number = len(bill["components"])
    except (KeyError, TypeError) as error:
        return f"it cannot be read: {error!r}"
    if made_of != [actual.configuration]:
        return f"it was made of {made_of or 'no image'}, not of {actual.configuration}"
    return "" if number >= LEAST_COMPONENTS else f"it lists {number} components, which is no Debian"


def ruled(check: str, faults: Sequence[str]) -> Ruling:
    """One statement without fault is enough; of none, the last one's fault is told."""
    if not faults:
        return Ruling(check, "refused", "it is not there")
    return Ruling(check, "passed") if "" in faults else Ruling(check, "refused", faults[-1])


def judge_subject(evidence: Evidence, image: str, actual: Layout) -> Ruling:
    """Whether the evidence names this very image."""
    named = evidence.images.get(image, "")
    if named == actual.manifest:
        return Ruling("digest", "passed")
    return Ruling("digest", "refused", f"the evidence is of {named or 'no such image'}")
