"""Scripts that are called wrongly, or where they cannot do what they say: what they answer.

Contract: nothing runs; a stand-in for the launcher does nothing, and does it well.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faults.conftest import ROOT


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The scripts in a tree whose launcher makes no engine, as where the vendor's is used."""
    folder = shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for name in ("daggerw", "toolchain/__main__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("#!/bin/sh\n" * (name == "daggerw"), encoding="utf-8")
    (tmp_path / "daggerw").chmod(0o755)
    return folder


@pytest.mark.parametrize("name", ["deploy.sh", "test-integration.sh"])
@pytest.mark.parametrize("place", ["scripts", "."])
def test_usage_is_told_wherever_a_script_is_called(scripts: Path, name: str, place: str) -> None:
    """Its first lines say how it is called, also to whoever stands beside it."""
    command = f"./{'' if place == 'scripts' else 'scripts/'}{name}"
    where = scripts.parent / place
    done = subprocess.run([command], cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"scripts/{name}" in done.stderr
    assert "sed" not in done.stderr


def test_an_engine_of_somebody_elses_is_not_measured_from_nothing(scripts: Path) -> None:
    """An engine that has built before would make a first run of what is none."""
    command = [sys.executable, str(scripts / "bench.py"), "--stages", "lint"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "measure with --warm" in done.stderr
    assert "from nothing" not in done.stdout.partition("processors")[2]
