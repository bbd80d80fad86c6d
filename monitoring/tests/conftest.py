"""What the tests of this folder share: where the files stand, and the programs that judge them."""

import shutil
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1]


@pytest.fixture
def folder() -> Path:
    """Return the folder of everything that watches."""
    return FOLDER


@pytest.fixture
def promtool() -> str:
    """Return Prometheus' own judge; where it is not there, this is no place for the test."""
    return program("promtool")


@pytest.fixture
def amtool() -> str:
    """Return Alertmanager's own judge; where it is not there, this is no place for the test."""
    return program("amtool")


def program(name: str) -> str:
    """Return the path of a program, or fail."""
    found = shutil.which(name)
    assert found, f"{name} is not in PATH; the stage monitoring brings it along"
    return found
