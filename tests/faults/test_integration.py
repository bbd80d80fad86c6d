"""scripts/test-integration.sh: what it asks of the pipeline, and how it ends, beside a stand-in.

Contract: the stand-in keeps its arguments and leaves evidence that is green or red; nothing runs.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from faults.conftest import ROOT

STAND_IN = """#!/bin/sh
printf '%s\\n' "$@" >called
mkdir -p evidence/integration
printf '{\\n  "passed": PASSED,\\n}\\n' >evidence/integration/status.json
echo summary >evidence/integration/summary.md
"""
BACKEND = "--backend-url=http://localhost:8000"


def run(folder: Path, *arguments: str, passed: str = "true") -> tuple[int, list[str]]:
    """Run the script; its exit code, and what the pipeline was called with."""
    (folder / "scripts").mkdir()
    script = shutil.copy2(ROOT / "scripts/test-integration.sh", folder / "scripts")
    launcher = folder / "daggerw"
    launcher.write_text(STAND_IN.replace("PASSED", passed), encoding="utf-8")
    launcher.chmod(0o755)
    done = subprocess.run([script, *arguments], capture_output=True, check=False)
    called = folder / "called"
    return done.returncode, called.read_text(encoding="utf-8").split(
        "\n"
    ) if called.exists() else []


def test_what_runs_here_is_handed_over(tmp_path: Path) -> None:
    """An address of this machine becomes a tunnel; others and other options are left alone."""
    more = (
        "--frontend-url",
        "https://a.example:8501/x",
        "--metrics-url",
        "http://127.0.0.1:9100/m",
    )
    code, called = run(tmp_path, BACKEND, *more, "--timeout", "60")
    assert code == 0
    assert "--here=tcp://localhost:8000,tcp://127.0.0.1:9100" in called
    assert {BACKEND, "--frontend-url=https://a.example:8501/x", "--timeout=60"} <= {*called}


@pytest.mark.parametrize(
    ("given", "handed"),
    [
        ("my/keys", "file://my/keys/first.key,file://my/keys/second.key,file://my/keys/admin.key"),
        ("env://A,env://B,env://C", "env://A,env://B,env://C"),
    ],
)
def test_keys_are_handed_over_as_secrets(tmp_path: Path, given: str, handed: str) -> None:
    """A folder of keys becomes a secret for each, and secrets stay what they are."""
    for option in (("--keys", given), (f"--keys={given}",)):
        (place := tmp_path / str(len(option))).mkdir()
        code, called = run(place, BACKEND, *option)
        assert (code, [word for word in called if "keys" in word]) == (0, [f"--keys={handed}"])


def test_red_evidence_ends_with_one(tmp_path: Path) -> None:
    """The verdict is the evidence's, not the call's."""
    assert run(tmp_path, BACKEND, passed="false")[0] == 1


@pytest.mark.parametrize("arguments", [(), ("--backend-url",), ("--timeout", "5"), ("a",)])
def test_no_address_ends_with_two(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Nothing is called where it is not said what to test."""
    assert run(tmp_path, *arguments) == (2, [])
