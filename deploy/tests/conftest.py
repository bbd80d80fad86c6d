"""Figures that tests share, and the tools that some of them need."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_deploy.release import PARTS, WATCHING, Release, State, variables

COMPOSE = Path(__file__).resolve().parents[1] / "compose"
DIGEST = "registry.example.org/image@sha256:" + "a" * 64
RELEASE = Release("one", dict.fromkeys((*PARTS, *WATCHING), DIGEST))
Render = Callable[..., dict[str, Any]]
Tool = Callable[[str], str]


def composes(docker: str) -> bool:
    """Whether Docker's client has Compose."""
    asked = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
    return asked.returncode == 0


@pytest.fixture
def tool() -> Tool:
    """Finds a program, or skips the test; the stage `deployment` allows no skipped test."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None or (name == "docker" and not composes(path)):
            pytest.skip(f"{name} is not installed here")
        return path

    return find


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the files in which a test may plant something."""
    return Path(shutil.copytree(COMPOSE, tmp_path / "compose"))


@pytest.fixture
def render(tool: Tool, folder: Path) -> Render:
    """Renders an environment by `docker compose config`, as the deployer does."""

    def run(environment: str, *, profiles: bool = True) -> dict[str, Any]:
        if environment != "dev":
            text = variables(State(), RELEASE, environment, watched=True)
            (folder / ".env").write_text(text)
        options = ["--env-file", "dev.env", "-f", "compose.yaml", "-f", "compose.dev.yaml"]
        command = [tool("docker"), "compose", *(options if environment == "dev" else [])]
        command += ["--profile", "*"] if profiles else []
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            [*command, "config", "--format", "json"],
            cwd=folder, env=kept, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return run
