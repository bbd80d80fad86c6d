"""Surroundings: each thing that is missing is named with its way out, and nothing is written."""

import dataclasses
import os
import platform
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import __main__ as verbs
from toolchain import surroundings
from toolchain.errors import DiskFullError, SurroundingsUnsupportedError
from toolchain.settings import RUNNER_HOST, Settings
from toolchain.surroundings import container_runtime, registries_problems

Usage = namedtuple("Usage", "total used free")


class Machine:
    """A machine that has everything; each method takes one thing away."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.missing: set[str] = set()
        patch.setattr(platform, "machine", lambda: "x86_64")
        patch.setattr(platform, "system", lambda: "Linux")
        patch.setattr(os, "geteuid", lambda: 0)
        patch.setattr(shutil, "which", lambda name, **_: None if name in self.missing else name)
        patch.setattr(os, "access", lambda path, _: path not in self.missing)
        self.give_disk(100 * 10**9)

    def give_disk(self, free_bytes: int) -> None:
        """Leave so many bytes free."""
        usage = Usage(10**12, 0, free_bytes)
        self.patch.setattr(shutil, "disk_usage", lambda _: usage)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that has everything."""
    return Machine(monkeypatch)


def test_a_machine_with_everything_has_no_problem(machine: Machine, settings: Settings) -> None:
    """The way of registries is open where nothing is missing."""
    assert machine.missing == set()
    assert registries_problems(settings) == []
    assert surroundings.registries_way(settings).is_open


@pytest.mark.parametrize(
    ("missing", "hint"),
    [
        ("go", "install Go"),
        ("apt-get", "Debian"),
        ("dpkg-deb", "Debian"),
        ("perl", "apt-get install perl"),
        ("tar", "apt-get install tar"),
        ("unshare", "util-linux"),
        ("setpriv", "util-linux"),
        ("/dev/net/tun", "run where Docker or Podman answers"),
    ],
)
def test_what_is_missing_is_named(
    missing: str, hint: str, machine: Machine, settings: Settings
) -> None:
    """A program or device that is not there is named with its way out."""
    machine.missing = {missing}
    (problem,) = registries_problems(settings)
    assert isinstance(problem, SurroundingsUnsupportedError)
    assert missing in problem.message
    assert hint in problem.hint
    assert "Docker or Podman" in problem.hint


def test_a_user_who_is_not_root_is_told(machine: Machine, settings: Settings) -> None:
    """Without root the error says so and how to become it."""
    machine.patch.setattr(os, "geteuid", lambda: 1000)
    (problem,) = registries_problems(settings)
    assert "root" in problem.message
    assert "sudo" in problem.hint


@pytest.mark.parametrize(("system", "processor"), [("Linux", "riscv64"), ("Darwin", "x86_64")])
def test_an_unsupported_machine_is_named(
    system: str, processor: str, machine: Machine, settings: Settings
) -> None:
    """Another processor or system than the toolchain's is named beside the supported one."""
    machine.patch.setattr(platform, "machine", lambda: processor)
    machine.patch.setattr(platform, "system", lambda: system)
    (problem,) = registries_problems(settings)
    assert f"{system} on {processor}" in problem.message
    assert "Linux on x86_64" in problem.message


def test_too_little_disk_is_said_in_numbers(machine: Machine, settings: Settings) -> None:
    """The error says how much is free, where, and how much is needed."""
    machine.give_disk(3_250_000_000)
    (problem,) = registries_problems(settings)
    assert isinstance(problem, DiskFullError)
    needed = f"{surroundings.NEEDED_BYTES / 1e9:.1f} GB"
    assert [t for t in ("3.2 GB free", needed) if t not in problem.message] == []
    assert problem.message.startswith(str(settings.cache.parent))
    assert "XDG_CACHE_HOME" in problem.hint


def test_a_finished_toolchain_needs_little_more_disk(machine: Machine, settings: Settings) -> None:
    """What has been made already is not asked for again."""
    machine.give_disk(3_250_000_000)
    (settings.folder("records") / "contents.json").write_text("{}")
    assert registries_problems(settings) == []


def test_everything_missing_is_listed_at_once(machine: Machine, settings: Settings) -> None:
    """Several problems are all listed, the hardest first, and nothing is written."""
    machine.missing = {"go", "perl"}
    machine.give_disk(0)
    machine.patch.setattr(os, "geteuid", lambda: 1000)
    machine.patch.setattr(platform, "machine", lambda: "riscv64")
    messages = [problem.message for problem in registries_problems(settings)]
    named = ("riscv64", "root", "`go`", "`perl`", "0.0 GB free")
    assert [word in message for word, message in zip(named, messages, strict=True)] == [True] * 5
    reason = surroundings.registries_way(settings).reason
    assert [message for message in messages if message not in reason] == []
    assert not settings.cache.exists()


@pytest.mark.parametrize(
    ("docker", "podman", "answer"), [(0, 0, "docker"), (1, 0, "podman"), (1, 1, "")]
)
def test_the_runtime_that_answers_is_taken(
    docker: int, podman: int, answer: str, program: Callable[[str, str], Path]
) -> None:
    """A client without its daemon is no runtime; the first that answers is."""
    program("docker", f"exit {docker}")
    program("podman", f"exit {podman}")
    assert container_runtime() == answer


def test_a_runtime_that_hangs_is_none(
    program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that does not answer in time counts as none."""
    program("docker", "exec sleep 20")
    program("podman", "exit 1")
    monkeypatch.setattr(surroundings, "ANSWER_SECONDS", 0.2)
    assert container_runtime() == ""


def test_the_doctor_marks_the_way_that_would_be_used(
    machine: Machine,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The doctor shows all three ways with reasons, and the first open one as used."""
    monkeypatch.setattr(verbs, "container_runtime", lambda: "podman")
    machine.missing = {"go"}
    verbs.doctor(dataclasses.replace(settings, runner_host=""))
    named, vendor, made, missing = capsys.readouterr().out.splitlines()
    assert named.split() == ["closed", "named", RUNNER_HOST, "is", "not", "set"]
    assert vendor.split() == ["used", "vendor", "podman", "answers"]
    assert made.startswith("closed registries There is no `go`")
    assert "missing: There is no `go` in PATH. Way out: install Go" in missing
    assert not settings.cache.exists()


@pytest.mark.usefixtures("machine")
def test_the_doctor_names_the_registries_that_answer(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not asked is not said to answer."""
    monkeypatch.setattr(verbs, "container_runtime", lambda: "")
    monkeypatch.setattr(verbs, "read_registries", lambda _: None)
    monkeypatch.setattr(verbs, "require_answers", lambda _: ["Debian mirror a", "index b"])
    verbs.doctor(settings)
    assert "the package registries answer: Debian mirror a, index b" in capsys.readouterr().out


def test_the_doctor_fails_where_no_way_is_open(
    machine: Machine,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where no way is open the doctor lists all that is missing and ends with the hardest."""
    monkeypatch.setattr(verbs, "container_runtime", lambda: "")
    machine.missing = {"go", "perl"}
    with pytest.raises(SurroundingsUnsupportedError, match="`go`"):
        verbs.doctor(settings)
    assert capsys.readouterr().out.count("missing:") == 2
