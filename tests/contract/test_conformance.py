"""Thousands of made-up requests, good and bad: every answer is one that the document tells.

Contract: the program `st` runs as schemathesis.toml says, against the service's own document: once
over everything, and longer where a case costs little. Reports, outputs and a note of every call
stay among the evidence.
"""

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
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
PROGRAM = str(Path(sys.executable).with_name("st"))
CONFIGURATION = ("--config-file", str(HERE / "schemathesis.toml"), "--no-color")
WITHOUT_KEYS = "--exclude-checks=ignored_auth"  # asks each case twice more: done over everything
MANY = ("--phases=fuzzing", "--max-examples=4600", WITHOUT_KEYS)
RUNS = {  # many cases where the body costs little to make up, the longest runs first
    "predictions": (*MANY, "--include-path=/api/v1/predictions/{id}"),
    "feedback": (*MANY, "--include-path=/api/v1/feedback"),
    "everything": (),
}


@pytest.fixture(scope="module")
def runs(
    stack: Stack, keys: dict[str, str], reports: Path, environment: dict[str, str]
) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run all, as many at once as there are processors; the key is in the environment alone."""
    (reports / "cases.ndjson").unlink(missing_ok=True)
    told = {**environment, "CONTRACT_KEY": keys["admin"], "PYTHONPATH": str(HERE)}

    def run(name: str) -> subprocess.CompletedProcess[str]:
        report = f"--report-junit-path={name}.xml"
        command = [PROGRAM, *CONFIGURATION, "run", f"{stack.backend}/openapi.json", report]
        return subprocess.run(  # noqa: S603  the program of this environment
            [*command, *RUNS[name]],
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            env=told,
            cwd=reports,
            check=False,
        )

    with ThreadPoolExecutor(os.process_cpu_count()) as pool:
        try:
            done = dict(zip(RUNS, pool.map(run, RUNS), strict=True))
        except subprocess.TimeoutExpired as error:
            pytest.exit(str(error), returncode=UNSETTLED)
    for name, each in done.items():
        (reports / f"{name}.txt").write_text(each.stdout + each.stderr)
    return done


@pytest.fixture(scope="module")
def counted(
    runs: dict[str, subprocess.CompletedProcess[str]], reports: Path
) -> Counter[tuple[str, str]]:
    """Count what they sent."""
    for run in runs.values():
        assert run.returncode in {0, 1}, run.stdout[-2000:] + run.stderr[-2000:]
    return tally((reports / "cases.ndjson").read_text(encoding="utf-8"))


@pytest.mark.timeout(2 * LIMIT_SECONDS)
@pytest.mark.parametrize("name", RUNS)
def test_no_check_finds_anything(
    runs: dict[str, subprocess.CompletedProcess[str]], reports: Path, name: str
) -> None:
    """Neither a status, nor a body, nor what is taken or refused, differs from the document."""
    run = runs[name]
    summary = run.stdout[run.stdout.find("= SUMMARY =") :]
    assert run.returncode == 0, summary[-3000:] + run.stderr[-1000:]
    report = ElementTree.parse(reports / f"{name}.xml")  # noqa: S314  written a moment ago
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
