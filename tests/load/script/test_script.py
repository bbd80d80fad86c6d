"""script.sh: what it leaves, and that it ends where a command fails, beside a stand-in for docker.

Contract: the stand-in knows one service, saves empty files and does nothing else, and fails where
its arguments fit a pattern; nothing is built.
"""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("script.sh")
STAND_IN = """#!/bin/sh
case "$*" in
FAILING) exit 3 ;;
"save --output "*) : >"$3" ;;
*" config --services") echo backend ;;
esac
"""
STAGES = [
    *("build", "lint", "types", "unit", "dependencies", "sast", "secrets", "image_structure"),
    *("model", "scan", "service", "accessibility", "end_to_end", "contract", "monitoring"),
    *("observability", "deployment"),
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Runs the script with a path as its caller sees it; its exit code."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    docker = tmp_path / "docker"

    def call(failing: str) -> int:
        docker.write_text(STAND_IN.replace("FAILING", failing), encoding="utf-8")
        docker.chmod(0o755)
        return subprocess.run([SCRIPT, "seconds.json"], cwd=tmp_path, check=False).returncode

    return call


def test_the_seconds_of_each_stage_are_left_as_json(
    tmp_path: Path, run: Callable[[str], int]
) -> None:
    """They lie where the caller said, seen from its folder; a second time replaces the first."""
    assert [run("none"), run("none")] == [0, 0]
    assert [*json.loads((tmp_path / "seconds.json").read_text(encoding="utf-8"))] == STAGES


@pytest.mark.parametrize(
    ("failing", "stage"),
    [
        ("*' build '*", "build"),
        ("*'ruff check '*", "lint"),
        ("*' /var/lib/dpkg/status'", "scan"),
        ("*'pytest e2e'", "end_to_end"),
        ("*'judge.py structure'*", "image_structure"),
        ("*observability.yaml*tests*", "observability"),
    ],
)
def test_the_first_command_that_fails_ends_it(
    tmp_path: Path, run: Callable[[str], int], failing: str, stage: str
) -> None:
    """A stage whose command failed has no seconds, and none is begun after it."""
    assert run(failing) == 3
    left = (tmp_path / "seconds.json").read_text(encoding="utf-8")
    assert [name for name in STAGES if f'"{name}"' in left] == STAGES[: STAGES.index(stage)]
