"""What the planted faults share: a copy of the tree, a run of stages over it, and marks.

Contract: the pipeline is called as a user calls it, over a copy in which a fault may be planted.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from layout.source import files

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 2400


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known here, for no stage shall run anew when it changes."""
    config.addinivalue_line(
        "markers",
        "rehearsed: many faults, a whole rehearsal or a release each; `make faults` runs them, too",
    )


def copied(place: Path) -> Path:
    """Copies the tree, as a newcomer would have it, changes and all, into a folder."""
    for name in files(ROOT):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place / name)
    return place


def daggerw(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Calls the launcher as a user does, with more in its environment."""
    return subprocess.run(
        [ROOT / "daggerw", "--progress", "plain", *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the tree in which to plant a fault."""
    return copied(tmp_path)


@pytest.fixture
def verdicts(tree: Path) -> Callable[[str], dict[str, str]]:
    """Runs stages over the copy and answers with each one's line of the table, without its name."""

    def run(stages: str) -> dict[str, str]:
        done = daggerw("call", f"--source={tree}", "test", "--stages", stages)
        printed = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        assert done.returncode == 1, f"exit code {done.returncode}, not 1:\n{printed[-3000:]}"
        rows = re.findall(
            r"^(?:.*\| )?([a-z-]+) +(green|red|not run) +(.*)$", printed, re.MULTILINE
        )
        return {name: f"{verdict} {rest}" for name, verdict, rest in rows}

    return run
