"""Thousands of made-up requests, good and bad: every answer is one that the document tells.

Contract: the program `st` runs as schemathesis.toml says, against the service's own document; its
report, its output and a note of every call stay among the evidence.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cases import tally
from document import Document

from conftest import Stack

HERE = Path(__file__).parent
CASES = 10_000
LIMIT_SECONDS = 900
UNSETTLED = 124  # as of a time-out: it is no answer, so nobody remembers it as one
OPTIONS = ("--config-file", str(HERE / "schemathesis.toml"), "--no-color")


@pytest.fixture(scope="module")
def run(
    stack: Stack, keys: dict[str, str], reports: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run it once; the key reaches it through the environment, which no report repeats."""
    notes = reports / "cases.ndjson"
    notes.unlink(missing_ok=True)
    command = [str(Path(sys.executable).with_name("st")), *OPTIONS, "run"]
    try:
        done = subprocess.run(  # noqa: S603  the program of this environment
            [*command, f"{stack.backend}/openapi.json"],
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            env={**environment, "CONTRACT_KEY": keys["admin"], "PYTHONPATH": str(HERE)},
            cwd=reports,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        pytest.exit(str(error), returncode=UNSETTLED)
    (reports / "schemathesis.txt").write_text(done.stdout + done.stderr)
    return done


@pytest.fixture(scope="module")
def counted(run: subprocess.CompletedProcess[str], reports: Path) -> Counter[tuple[str, str]]:
    """Count what it sent."""
    assert run.returncode in {0, 1}, run.stdout[-2000:] + run.stderr[-2000:]
    return tally((reports / "cases.ndjson").read_text(encoding="utf-8"))


@pytest.mark.timeout(LIMIT_SECONDS + 60)
def test_no_check_finds_anything(run: subprocess.CompletedProcess[str], reports: Path) -> None:
    """Neither a status, nor a body, nor what is taken or refused, differs from the document."""
    summary = run.stdout[run.stdout.find("= SUMMARY =") :]
    assert run.returncode == 0, summary[-3000:] + run.stderr[-1000:]
    report = ElementTree.parse(reports / "schemathesis.xml")  # noqa: S314  written a moment ago
    assert [case.get("name") for case in report.iter("testcase") if case.find("failure")] == []


def test_at_least_ten_thousand_cases_were_sent(counted: Counter[tuple[str, str]]) -> None:
    """They are counted one by one, as they were answered."""
    assert counted.total() >= CASES, dict(counted)


def test_every_operation_met_every_kind_of_case(
    counted: Counter[tuple[str, str]], document: Document
) -> None:
    """Boundaries are tried on each, made-up data on each, and journeys through several."""
    for method, path in document.operations:
        label = f"{method} {path}"
        assert counted[label, "coverage"] > 0, label
        assert counted[label, "fuzzing"] > 0, label
    assert sum(n for (_, phase), n in counted.items() if phase == "stateful") >= 100
