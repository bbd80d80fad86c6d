"""Runs the jobs of the workflows themselves, by act in host mode, beside stand-ins for actions.

Contract: most jobs have a stand-in for the pipeline, too; the last test has none. act ends a run
where a called workflow fails, so what follows such a failure is not seen here. Does not know what
the pipeline does.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from faults.project import git
from jobs.conftest import HERE, JOBS_SECONDS, Runner

EXPECTED = HERE / "expected.json"
pytestmark = pytest.mark.timeout(JOBS_SECONDS + 60)


def push(branch: str) -> dict[str, object]:
    """The event of a push to a branch."""
    return {"ref": f"refs/heads/{branch}", "repository": {"default_branch": "main"}}


@pytest.mark.parametrize("passed", [True, False])
def test_a_push_keeps_the_evidence_and_then_judges_it(runner: Runner, passed: bool) -> None:
    """Evidence and SARIF are there in both cases; the job is green only where the evidence is."""
    runner.stand_in(bad="never" if passed else "report")
    green, printed = runner.run("ci.yml", "push", push("main"))
    assert green == passed, printed
    assert (runner.kept / "evidence/status.json").is_file()
    assert (runner.kept / "sarif/a.sarif").is_file()
    assert [call[:1] for call in runner.calls] == [["report"]]


def test_a_fork_gets_no_secret_and_shows_no_sarif(runner: Runner) -> None:
    """A pull request from a fork is tested like any other; what needs rights is left out."""
    fork = {"head": {"ref": "a", "repo": {"fork": True}}, "base": {"ref": "main"}}
    green, printed = runner.run("ci.yml", "pull_request", {"number": 1, "pull_request": fork})
    assert green, printed
    assert (runner.kept / "evidence/status.json").is_file()
    assert not (runner.kept / "sarif").exists()
    assert not any("s3cret" in word for call in runner.calls for word in call)


@pytest.mark.parametrize(
    ("branch", "environment"), [("develop", "staging"), ("main", "production")]
)
def test_a_branch_is_released_to_its_environment(
    runner: Runner, branch: str, environment: str
) -> None:
    """It is published there, and the release that came of it is told."""
    green, printed = runner.run("release.yml", "push", push(branch))
    assert green, printed
    published, told = runner.calls
    assert published[:2] == ["release", f"--env={environment}"]
    assert told[:2] == ["notify", "--report=report.json"]
    assert not any("s3cret" in word for word in (*published, *told, printed))


@pytest.mark.parametrize(
    ("branch", "environment"), [("develop", "staging"), ("main", "production")]
)
def test_a_release_is_deployed_where_there_are_hosts(
    runner: Runner, branch: str, environment: str
) -> None:
    """To the host of its environment, and nothing but what was published; a key is no argument."""
    green, printed = runner.run("release.yml", "push", push(branch), "host ssh-ed25519 AAAA")
    assert green, printed
    (deployed,) = [call for call in runner.calls if call[0] == "deploy"]
    assert {f"--env={environment}", "--release=release/release.json"} <= {*deployed}
    assert f"--host=s3cret-{environment.upper()}_HOST" in deployed
    hidden = ("s3cret-DEPLOY", "s3cret-GHCR", "s3cret-GRAFANA")
    assert not any(secret in word for secret in hidden for word in deployed)
    assert "--grafana-password=env://GRAFANA_PASSWORD" in deployed
    assert "--known-hosts=known_hosts" in deployed


def test_a_release_that_is_refused_is_red_and_kept(runner: Runner) -> None:
    """What is kept of it, and would be told, says that nothing was published, and why."""
    runner.stand_in(bad="release")
    green, printed = runner.run("release.yml", "push", push("main"))
    assert not green, printed
    assert [call[0] for call in runner.calls] == ["release"]
    assert '"verdict": "red"' in (runner.kept / "release/release.json").read_text(encoding="utf-8")
    assert (runner.kept / "release/evidence/index.html").is_file()


ORCHESTRATED = [  # where the pipeline fails, what is called, and which report is kept last
    ("never", ["report", "report", "release", "notify"], "release"),
    ("unit", ["report"], "integration"),
    ("lint", ["report", "report"], "security"),
    ("release", ["report", "report", "release"], "release"),
]


@pytest.mark.parametrize(("bad", "called", "kept"), ORCHESTRATED)
@pytest.mark.parametrize("event", ["workflow_dispatch", "repository_dispatch"])
def test_an_order_stops_at_the_first_red_part(
    runner: Runner, event: str, bad: str, called: list[str], kept: str
) -> None:
    """Integration, security, target, message: each after the one before, with its evidence."""
    runner.stand_in(bad)
    key = "inputs" if event == "workflow_dispatch" else "client_payload"
    payload = {"action": "orchestrate", key: {"environment": "staging"}}
    green, printed = runner.run("orchestrate.yml", event, payload)
    assert green == (bad == "never"), printed
    assert [call[0] for call in runner.calls] == called, printed
    assert (runner.kept / kept).is_dir()
    if "release" in called:
        assert "--env=staging" in runner.calls[2]


def test_every_night_everything_runs_anew(runner: Runner) -> None:
    """Every stage without the cache, the newer engines, and each gate against its faults."""
    green, printed = runner.run("nightly.yml", "schedule", {})
    assert green, printed
    assert sorted(call[0] for call in runner.calls) == ["prove", "report", "report", "report"]
    assert sum("--fresh=true" in call for call in runner.calls) == 1
    kept = {path.name for path in runner.kept.iterdir()}
    assert {"evidence", "engine-v0.20.8", "engine-v0.21.11", "prove"} <= kept


def test_each_published_image_is_scanned_again(runner: Runner) -> None:
    """Both images of production; the job is red where one of them is, and keeps what was said."""
    runner.stand_in(bad="mnist-frontend")
    green, printed = runner.run("rescan.yml", "schedule", {})
    assert not green, printed
    images = {call[1] for call in runner.calls}
    place = "--image=ghcr.io/example/digits"
    assert images == {f"{place}/mnist-{name}:production" for name in ("backend", "frontend")}
    kept = {path.name for path in runner.kept.iterdir()}
    assert {"rescan-backend", "rescan-frontend"} <= kept


def test_the_same_commit_comes_to_the_same_there_and_here(runner: Runner, tmp_path: Path) -> None:
    """The job runs the pipeline itself: stages and images as recorded, one verdict, one digest."""
    git(runner.repository, "checkout", "--quiet", "--", "daggerw")
    green, printed = runner.run("ci.yml", "push", push("main"))
    here = tmp_path / "here"
    call = ["./daggerw", "call", "report", "export", "--path", here]
    subprocess.run(call, cwd=runner.repository, check=True, capture_output=True)
    there = runner.kept / "evidence"
    assert there.is_dir(), printed
    assert verdicts(there) == verdicts(here)
    assert green == (set(verdicts(there).values()) == {"green"}), printed
    assert images(there) == images(here)
    recorded = json.loads(EXPECTED.read_text(encoding="utf-8"))
    assert [*verdicts(there)] == recorded["stages"]
    assert recipes(there) == recorded["images"]


def verdicts(evidence: Path) -> dict[str, str]:
    """Each stage's verdict, in order."""
    stages = json.loads((evidence / "status.json").read_text(encoding="utf-8"))["stages"]
    return {name: stage["status"] for name, stage in stages.items()}


def scanned(evidence: Path) -> dict[str, dict[str, Any]]:
    """Each image as the scanner saw it."""
    reports = {name: evidence / "scan" / name / "trivy.json" for name in ("backend", "frontend")}
    read = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in reports.items()}
    return {name: report["Metadata"] for name, report in read.items()}


def images(evidence: Path) -> dict[str, str]:
    """The digest of each image's configuration."""
    return {name: seen["ImageID"] for name, seen in scanned(evidence).items()}


def recipes(evidence: Path) -> dict[str, dict[str, Any]]:
    """What every machine makes of a Dockerfile: how it is run, and its number of layers."""
    return {
        name: {"config": seen["ImageConfig"]["config"], "layers": len(seen["DiffIDs"])}
        for name, seen in scanned(evidence).items()
    }
