"""Plants what is killed or takes too long, and looks whether the evidence is there all the same.

Contract: the bundle is whole, its stage is red and says why, what was left until then is in it, and
the next call asks anew. The pipeline is called as a user calls it. Does not know how evidence is
kept.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from faults.conftest import LIMIT_SECONDS, ROOT
from faults.test_planted import plant

pytestmark = pytest.mark.timeout(4 * LIMIT_SECONDS)
CALL = (ROOT / "daggerw", "--progress", "plain", "call")
PIPELINE = "ci/src/mnist_pipeline"
GROUP, RECORDER = "0", "above"  # of whom a signal is for: all of the command, or what records it
KILL = """\
            import os, time
            print("planted", flush=True)
            time.sleep(2)
            above = int(Path(f"/proc/{os.getppid()}/stat").read_text().split()[3])
            os.kill(%s, 9)
            time.sleep(60)
"""


@pytest.fixture
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder beside the copy of the tree."""
    return tmp_path_factory.mktemp("evidence")


def plant_kill(tree: Path, whom: str) -> None:
    """The second command of the stage monitoring, once it has printed a line, kills."""
    mutate = "            return mutants.main(FOLDER, asked.promtool)\n"
    plant(tree, "monitoring/__main__.py", mutate, KILL % whom + mutate)


def reported(tree: Path, evidence: Path, stage: str, *options: str) -> dict[str, Any]:
    """Runs a stage over the copy and answers with what its bundle says of it."""
    command = [*CALL, *options, f"--source={tree}", "report", "--stages", stage]
    subprocess.run(
        [*command, "export", "--path", evidence],
        cwd=ROOT,
        timeout=LIMIT_SECONDS,
        check=True,
        capture_output=True,
    )
    assert (evidence / "index.html").read_text(encoding="utf-8").count("Not green") > 0
    status = json.loads((evidence / "status.json").read_text(encoding="utf-8"))
    return status["stages"][stage]


def test_killed_command_leaves_what_there_was(tree: Path, evidence: Path) -> None:
    """Its log and the reports before it are kept and can be looked into, and it is asked anew."""
    plant_kill(tree, GROUP)
    found = reported(tree, evidence, "monitoring")
    assert found["status"] == "red"
    assert found["reason"] == "generated: mutants was killed, exit code 137 (memory?): planted"
    assert "<testcase" in (evidence / "monitoring/generated/junit.xml").read_text(encoding="utf-8")
    assert (evidence / "monitoring/prometheus/rules.log").is_file()
    look = [*CALL, f"--source={tree}", "debug", "--stage", "monitoring"]
    told = subprocess.run(
        [*look, "file", "--path", "/reports/unanswered", "contents"],
        cwd=ROOT,
        timeout=LIMIT_SECONDS,
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == "mutants"
    assert reported(tree, evidence, "monitoring")["origin"] == "ran"


def test_killed_container_leaves_what_there_was(tree: Path, evidence: Path) -> None:
    """Where nobody is left to write a record, what was printed and the reports before it stay."""
    plant_kill(tree, RECORDER)
    found = reported(tree, evidence, "monitoring")
    assert found["status"] == "red"
    assert "container of mutants was killed, exit code 137 (memory?)" in found["reason"]
    assert "<testcase" in (evidence / "monitoring/generated/junit.xml").read_text(encoding="utf-8")
    log = (evidence / "monitoring/generated/mutants.log").read_text(encoding="utf-8")
    assert "planted" in log


@pytest.mark.rehearsed
def test_time_that_runs_out_leaves_what_there_was(tree: Path, evidence: Path) -> None:
    """A command that takes too long, and a part that takes its stage's time, are both told."""
    run = 'recorder.run("actionlint", ["actionlint", "-oneline", *files])'
    plant(tree, f"{PIPELINE}/static.py", run, 'recorder.run("actionlint", ["sleep", "600"], 5)')
    begin = '    """Zizmor over the workflows: injection, pins, permissions."""\n'
    hang = '    await __import__("anyio").sleep(900)\n'
    plant(tree, f"{PIPELINE}/static.py", begin, begin + hang)
    plant(tree, f"{PIPELINE}/stages.py", '"secrets"), 2400)', '"secrets"), 300)')
    found = reported(tree, evidence, "lint", "-m", str(tree))  # the copy's own pipeline
    assert found["status"] == "red"
    told = "\n".join(found["reasons"])
    assert "actionlint: actionlint was given up after 5 s" in told
    assert "zizmor: it was given up, for the time of its stage was over" in told
    assert (evidence / "lint/actionlint/actionlint.record.json").is_file()
    assert (evidence / "lint/ruff/ruff.sarif").is_file()
