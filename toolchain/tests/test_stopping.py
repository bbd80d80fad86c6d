"""Stopping and purging: what is ended, what is removed, what is said."""

import subprocess

import pytest

from toolchain.bootstrap import purge, stop
from toolchain.settings import Settings


def test_stopping_ends_the_compilation_of_trivy(
    settings: Settings, compilation: subprocess.Popen[str]
) -> None:
    """`stop` kills a compilation under way, says so, and says it once."""
    assert stop(settings)
    assert compilation.wait(5) == -9
    assert not stop(settings)


def test_purging_removes_everything(settings: Settings, compilation: subprocess.Popen[str]) -> None:
    """`purge` ends what runs and removes the whole folder."""
    (settings.folder("bin") / "dagger").write_text("x")
    purge(settings)
    assert compilation.wait(5) == -9
    assert not settings.cache.exists()
    assert settings.cache.parent.exists()


def test_purging_nothing_is_quiet(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    """Where there is no cache `purge` makes none and says nothing."""
    purge(settings)
    assert not settings.cache.exists()
    assert capfd.readouterr() == ("", "")
