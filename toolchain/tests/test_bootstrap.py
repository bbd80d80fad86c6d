"""Preparing: what is done, what is not done twice, and what is said of it."""

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from toolchain import bootstrap
from toolchain.bootstrap import prepare
from toolchain.engine import Running
from toolchain.errors import DiskFullError, StepFailedError, SurroundingsUnsupportedError
from toolchain.programs import trivy_step
from toolchain.settings import RUNNER_HOST, Settings
from toolchain.steps import Records, Step


@dataclasses.dataclass
class World:
    """What a bootstrap did, its steps and its engine being stand-ins."""

    settings: Settings
    running: Running | None = None
    ready: bool = True
    pushed: bool = False
    fails: int = 0  # so often the client fails first
    dies: bool = False  # the engine, while the client asks it
    did: list[str] = dataclasses.field(default_factory=list)

    def step(self) -> Step:
        """Return the one step that makes this toolchain."""
        output = self.settings.cache / "bin" / "dagger"
        return Step("dagger", "compile", 1, (), (output,), lambda _: self.make(output), "again")

    def make(self, output: Path) -> None:
        """Make the client, which writes down what it is asked to do, and where."""
        self.did.append("make")
        client = self.settings.folder("bin") / output.name
        note = f'echo "$* ${RUNNER_HOST}" >> {self.asked}'
        end = "exec sleep 60" if self.dies else f"test $(grep -c . {self.asked}) -gt {self.fails}"
        client.write_text(f"#!/bin/sh\n{note}\n{end}\n")
        client.chmod(0o755)

    def push(self, name: str) -> None:
        """Take an image."""
        self.did.append(f"push {name}")
        self.pushed = True

    @property
    def asked(self) -> Path:
        """Where the client writes what it is asked to do."""
        return self.settings.folder("log") / "asked"

    def loads(self) -> int:
        """Return how often the client was asked for the module's functions."""
        lines = self.asked.read_text().splitlines() if self.asked.exists() else []
        assert set(lines) <= {f"--progress plain functions {self.settings.address}"}
        return len(lines)

    def start(self, settings: Settings, key: str) -> Running:
        """Start the engine."""
        self.did.append("start")
        settings.folder("engine")
        self.running = Running(os.getpid(), "now", settings.engine_version, key, 5055)
        self.ready = True
        return self.running


@pytest.fixture
def world(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> World:
    """A machine where everything is possible and nothing is made."""
    world = World(settings)
    asked: dict[str, Any] = {
        "registries_problems": lambda _: [],
        "read_registries": lambda _: None,
        "require_answers": lambda _: world.did.append("ask"),
        "_engine_steps": lambda _: [world.step()],
        "running_engine": lambda _: None if world.dies else world.running,
        "is_ready": lambda *_: world.ready,
        "start_engine": world.start,
        "push": lambda _, name, *__: world.push(name),
        "is_pushed": lambda *_: world.pushed,
    }
    for name, answer in asked.items():
        monkeypatch.setattr(bootstrap, name, answer)
    begin = SimpleNamespace(Popen=lambda words, **_: world.did.append(words[-1]), DEVNULL=None)
    monkeypatch.setattr(bootstrap, "subprocess", begin)
    return world


def finish_trivy(settings: Settings) -> None:
    """Write what a finished compilation of Trivy leaves."""
    (settings.folder("records") / "trivy.pushed").write_text(bootstrap._fingerprint(settings))


def test_a_bare_machine_gets_everything(world: World) -> None:
    """Registries are asked, steps made, the engine started, its image pushed, Trivy begun."""
    client = prepare(world.settings)
    assert client == world.settings.cache / "bin" / "dagger"
    assert world.did == ["ask", "make", "start", "push base", "trivy"]
    assert world.loads() == 1


def test_nothing_to_do_is_quiet(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    """With the engine running and Trivy in the registry a call does nothing and says nothing."""
    prepare(world.settings)
    finish_trivy(world.settings)
    world.did.clear()
    capfd.readouterr()
    assert prepare(world.settings) == world.settings.cache / "bin" / "dagger"
    assert world.did == []
    assert world.loads() == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("change", ["died", "silent", "made from other sources"])
def test_an_engine_that_is_not_the_right_one_is_started_anew(change: str, world: World) -> None:
    """An engine that died, does not answer or is of older sources is started, nothing else made."""
    prepare(world.settings)
    finish_trivy(world.settings)
    world.did.clear()
    assert world.running
    if change == "died":
        world.running = None
    elif change == "silent":
        world.ready = False
    else:
        world.running = dataclasses.replace(world.running, key="older")
    prepare(world.settings)
    assert world.did == ["start", "push base"]
    assert world.loads() == 1


def test_an_engine_without_its_image_gets_it(world: World) -> None:
    """A run that was killed between start and push leaves an engine that needs the image alone."""
    prepare(world.settings)
    finish_trivy(world.settings)
    world.did.clear()
    world.pushed = False
    prepare(world.settings)
    assert world.did == ["push base"]


def test_an_engine_without_state_loads_the_module_anew(world: World) -> None:
    """Once per state of the engine, for what was made for the module lies in it."""
    prepare(world.settings)
    shutil.rmtree(world.settings.cache / "engine")
    world.running = None
    prepare(world.settings)
    assert world.loads() == 2


def test_a_load_that_a_killed_run_spoilt_is_done_again(world: World) -> None:
    """What a killed run left in the engine fails the load after it, and that one alone."""
    world.fails = 1
    prepare(world.settings)
    assert world.loads() == 2


def test_a_module_that_does_not_load_fails_the_call(world: World) -> None:
    """The second failure is the module's own: said with the log; the next call tries anew."""
    world.fails = 2
    with pytest.raises(StepFailedError, match="load the module"):
        prepare(world.settings)
    prepare(world.settings)
    assert world.loads() == 3


def test_an_engine_that_dies_ends_the_load(world: World) -> None:
    """A client whose engine has gone would wait for ever, and others for the lock."""
    world.dies = True
    with pytest.raises(StepFailedError, match="what it works with has ended"):
        prepare(world.settings)
    assert world.loads() == 2


def test_bad_surroundings_stop_before_anything_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hardest problem is raised, and no folder is made."""
    problems = [DiskFullError("no room", "make some"), DiskFullError("second", "")]
    monkeypatch.setattr(bootstrap, "registries_problems", lambda _: problems)
    with pytest.raises(DiskFullError, match="no room"):
        prepare(world.settings)
    assert not world.settings.cache.exists()


def test_another_engine_than_the_pinned_one_is_not_made(settings: Settings) -> None:
    """Only the pinned one's checksums are committed, which is said with the way out."""
    other = dataclasses.replace(settings, engine_version="v0.21.11")
    with pytest.raises(SurroundingsUnsupportedError, match=r"asks for v0\.21\.11") as refusal:
        prepare(other)
    assert "Docker or Podman" in refusal.value.hint
    assert not settings.cache.exists()


def test_trivy_is_not_compiled_twice(
    world: World, compilation: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """While its compilation runs a call begins no second one and says nothing of it."""
    assert compilation.poll() is None
    prepare(world.settings)
    assert "trivy" not in world.did
    assert "Trivy" not in capsys.readouterr().err


def test_trivy_is_begun_again_when_its_compilation_died(
    world: World, compilation: subprocess.Popen[str]
) -> None:
    """A compilation that was killed is begun anew by the next call."""
    compilation.kill()
    compilation.wait()
    prepare(world.settings)
    assert "trivy" in world.did


@pytest.mark.parametrize("compiled", [True, False])
def test_compiling_is_said_where_trivy_is_compiled(
    compiled: bool, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """After another source of the toolchain changed Trivy is as it was, and is only pushed."""
    if compiled:
        step, records = trivy_step(world.settings), Records(world.settings.cache / "records")
        records.write(step, records.key(step, {}), 420)
        (world.settings.folder("bin") / "trivy").touch()
    prepare(world.settings)
    assert "trivy" in world.did
    assert ("compiling Trivy" in capsys.readouterr().err) != compiled


def test_another_trivy_is_compiled_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Trivy that was made from other sources, of an older release, does not stand for this."""
    finish_trivy(world.settings)
    (tmp_path / "programs.py").write_text("TRIVY_VERSION = another")
    monkeypatch.setattr(bootstrap, "SOURCES", tmp_path)
    prepare(world.settings)
    assert "trivy" in world.did


@pytest.mark.parametrize("place", ["toolchain", "tests/toolchain"])
def test_the_engines_key_follows_its_sources(
    place: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sources and the version change the key, tests do not, wherever the project lies."""
    sources = tmp_path / place
    (sources / "tests").mkdir(parents=True)
    monkeypatch.setattr(bootstrap, "SOURCES", sources)
    (sources / "a.py").write_text("1")
    first = bootstrap._fingerprint(settings)
    (sources / "tests" / "test_a.py").write_text("1")
    assert bootstrap._fingerprint(settings) == first
    (sources / "a.py").write_text("2")
    second = bootstrap._fingerprint(settings)
    assert second != first
    other = dataclasses.replace(settings, engine_version="v9.9.9")
    assert bootstrap._fingerprint(other) not in {first, second}
