"""Plants a test that fails when it is tried first, in the stage end-to-end.

Contract: it is tried again only where it is listed and its time is not over, and that is told. Does
not know how a test is tried again.
"""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.conftest import LIMIT_SECONDS, ROOT

pytestmark = [pytest.mark.timeout(LIMIT_SECONDS + 60), pytest.mark.rehearsed]
FLAKY_TEST = """

def test_that_fails_at_first(reports: Path) -> None:
    mark = reports / "tried"
    tried = mark.exists()
    mark.touch()
    assert tried, "the first try"
"""
FLAKY_ENTRY = """
[[test]]
stage = "end-to-end"
name = "test_that_fails_at_first"
times = 1
reason = "planted"
expires = {day}
"""


def plant_flaky_test(tree: Path, day: str) -> None:
    """A test that fails when it is tried first, and its entry until a day."""
    with (tree / "tests/e2e/test_digits.py").open("a", encoding="utf-8") as stream:
        stream.write(FLAKY_TEST)
    with (tree / "ci/flaky-tests.toml").open("a", encoding="utf-8") as stream:
        stream.write(FLAKY_ENTRY.format(day=day))


def test_flaky_test_whose_time_is_over_turns_end_to_end_red(tree: Path, verdicts: Callable) -> None:
    """It is not tried again, and both the failure and the entry are told."""
    plant_flaky_test(tree, "2026-01-01")
    told = verdicts("end")["end-to-end"]
    assert told.startswith("red ")
    assert re.search(r"may no longer be tried again|1 of \d+ failed", told)


def test_flaky_test_is_tried_again_and_told_in_its_shard(tree: Path, tmp_path: Path) -> None:
    """Both shards are green, every test ran in one of them, and the other try is on record."""
    plant_flaky_test(tree, "2099-01-01")
    evidence = tmp_path / "evidence"
    call = [ROOT / "daggerw", "--progress", "plain", "call", f"--source={tree}", "report"]
    command = [*call, "--stages", "end", "--shards", "2", "export", "--path", evidence]
    subprocess.run(command, cwd=ROOT, timeout=LIMIT_SECONDS, check=True, capture_output=True)
    status = json.loads((evidence / "status.json").read_text(encoding="utf-8"))
    assert status["passed"], status
    assert "test_that_fails_at_first" in status["retried"]["reason"]
    assert "the first try" in status["retried"]["reason"]
    reports = sorted(evidence.glob("end-to-end/shard-*/junit.xml"))
    assert len(reports) == 2
    first, second = (
        {*re.findall(r'<testcase [^>]*name="([^"]+)"', report.read_text(encoding="utf-8"))}
        for report in reports
    )
    assert not first & second
    assert len(first | second) > 40
