"""The engine's record: what counts as running, what conflicts, what stopping leaves.

No engine is started here: a process that sleeps stands in for it.
"""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from toolchain import engine
from toolchain.engine import (
    Running,
    is_ready,
    own_environment,
    running_engine,
    start_engine,
    stop_engine,
)
from toolchain.errors import EngineStartError, EngineVersionConflictError
from toolchain.settings import Settings
from toolchain.tests.conftest import Server

StandIn = subprocess.Popen[bytes]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A process with a child, as the engine's first process has one; ended by the test."""
    process = subprocess.Popen(["sh", "-c", "sleep 60; true"], start_new_session=True)
    while not engine._children(process.pid):
        assert process.poll() is None
    yield process
    with suppress(ProcessLookupError):  # the test ended both
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def record(settings: Settings, running: Running) -> Path:
    """Write the record of an engine."""
    path = settings.folder("run") / "engine.json"
    path.write_text(json.dumps(dataclasses.asdict(running)))
    return path


def running(process: StandIn, version: str = "v0.19.10", port: int = 5055) -> Running:
    """Return the engine for which a process stands."""
    return Running(process.pid, engine._start_time(process.pid), version, "key", port)


def test_an_engine_whose_process_lives_is_running(settings: Settings, stand_in: StandIn) -> None:
    """A record whose process started when it says is the running engine."""
    record(settings, running(stand_in))
    assert running_engine(settings) == running(stand_in)


def test_no_record_is_no_engine(settings: Settings) -> None:
    """Where none was started none is running, and asking writes nothing."""
    assert running_engine(settings) is None
    assert not settings.cache.exists()


def test_an_engine_that_died_is_not_running(settings: Settings, stand_in: StandIn) -> None:
    """The record of a process that has ended, waited for or not, counts as none."""
    record(settings, running(stand_in))
    os.kill(stand_in.pid, 9)
    os.waitid(os.P_PID, stand_in.pid, os.WEXITED | os.WNOWAIT)
    assert running_engine(settings) is None
    stand_in.wait()
    assert running_engine(settings) is None


@pytest.mark.parametrize("started", ["another-boot 1", ""])
def test_a_number_used_again_is_not_the_engine(
    started: str, settings: Settings, stand_in: StandIn
) -> None:
    """A process that started at another time than the record says is somebody else's."""
    record(settings, dataclasses.replace(running(stand_in), started=started))
    assert running_engine(settings) is None


@pytest.mark.parametrize("text", ["", '{"pid": 1', "{}", "[]", "7", '{"pid": 1, "other": 2}'])
def test_a_record_that_was_cut_off_is_no_engine(text: str, settings: Settings) -> None:
    """A record that cannot be read counts as none."""
    (settings.folder("run") / "engine.json").write_text(text)
    assert running_engine(settings) is None


def test_an_engine_of_another_version_is_a_conflict(settings: Settings, stand_in: StandIn) -> None:
    """It is named with its version, process and socket, and is left running."""
    kept = record(settings, running(stand_in, "v0.18.12")).read_text()
    with pytest.raises(EngineVersionConflictError, match=r"v0\.18\.12") as conflict:
        start_engine(settings, "key")
    expected = ("v0.19.10", f"process {stand_in.pid}", str(settings.socket))
    assert [part for part in expected if part not in conflict.value.message] == []
    assert "toolchain stop" in conflict.value.hint
    assert stand_in.poll() is None
    assert (settings.cache / "run" / "engine.json").read_text() == kept


def test_stopping_nothing_is_quiet(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    """Where no engine runs stopping says so, prints nothing and writes nothing."""
    assert not stop_engine(settings)
    assert capfd.readouterr() == ("", "")
    assert not settings.cache.exists()


def test_an_engine_is_stopped_gently(settings: Settings, stand_in: StandIn) -> None:
    """The engine's child gets the signal, so that it can end in order, and the record goes."""
    path = record(settings, running(stand_in))
    settings.socket.write_text("")
    assert stop_engine(settings)
    assert engine._start_time(stand_in.pid) == ""
    assert not path.exists()
    assert not settings.socket.exists()


def test_an_engine_that_ignores_the_signal_is_killed(
    settings: Settings, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some seconds the first process is killed, whatever its child does."""
    monkeypatch.setattr(engine, "STOP_SECONDS", 0.3)
    (child,) = engine._children(stand_in.pid)
    monkeypatch.setattr(engine, "_children", lambda _: [])
    record(settings, running(stand_in))
    assert stop_engine(settings)
    os.kill(child, 9)
    assert engine._start_time(stand_in.pid) == ""


def test_somebody_elses_process_is_not_stopped(settings: Settings, stand_in: StandIn) -> None:
    """A process that only has the record's number lives on."""
    record(settings, dataclasses.replace(running(stand_in), started="another-boot 1"))
    assert not stop_engine(settings)
    assert stand_in.poll() is None


@pytest.mark.parametrize(("folder", "stopped"), [("machine", True), ("other", False)])
def test_an_engine_whose_starter_was_killed_is_stopped(
    folder: str, stopped: bool, settings: Settings
) -> None:
    """An engine of this cache folder that no record names is ended, another folder's lives on."""
    words = ["unshare", "-c", "exec 2>&-; read line", "sh", str(engine._boot_script())]
    arguments = [*words, str(settings.cache / folder), "5055"]
    with subprocess.Popen(arguments, executable="/bin/sh", stdin=subprocess.PIPE) as process:
        while not Path(f"/proc/{process.pid}/cmdline").read_bytes():
            time.sleep(0.01)  # the kernel shows a new program's words a moment after it began
        assert not stop_engine(settings)
        assert (engine._start_time(process.pid) == "") == stopped
        process.kill()


def test_empty_control_groups_are_cleared(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty groups of a dead engine go, those with a process stay with all above them."""
    groups = {"a/buildkit": "", "a/buildkit/x": "", "b/buildkit": "", "b/buildkit/y": "7"}
    for name, processes in groups.items():
        (engine.CONTROL_GROUPS / name).mkdir(parents=True)
        (engine.CONTROL_GROUPS / name / "cgroup.procs").write_text(processes)
    monkeypatch.setattr(Path, "rmdir", remove_group)
    assert not stop_engine(settings)
    left = {
        str(path.relative_to(engine.CONTROL_GROUPS)) for path in engine.CONTROL_GROUPS.glob("*/*")
    }
    assert left == {"b/buildkit"}
    assert (engine.CONTROL_GROUPS / "b/buildkit/y").is_dir()


def remove_group(folder: Path) -> None:
    """Remove a folder as the kernel removes a control group: its files are no obstacle."""
    (folder / "cgroup.procs").unlink()
    os.rmdir(folder)  # noqa: PTH106  stands in for Path.rmdir


def test_the_first_port_is_used_when_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry gets the usual port, and any other when that one is taken."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = int(listener.getsockname()[1])
        monkeypatch.setattr(engine, "FIRST_PORT", taken)
        other = engine._free_port()
        assert other not in {0, taken}
    assert engine._free_port() == taken


def test_an_engine_is_ready_when_socket_and_registry_answer(
    settings: Settings, stand_in: StandIn, server: Server
) -> None:
    """Neither a socket without a registry nor a registry without a socket is enough."""
    server.answers = {"/v2/": (200, b"{}")}
    current = running(stand_in, port=server.port)
    assert not is_ready(settings, current)
    settings.folder("run")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(settings.socket))
        listener.listen()
        assert is_ready(settings, current)
        assert not is_ready(settings, running(stand_in, port=9))


def test_an_engine_that_ends_at_once_shows_its_log(
    settings: Settings, program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the last lines and the path of the log, and no record stays."""
    program("unshare", "echo cannot mount; exit 1")
    settings = dataclasses.replace(settings, environment={"PATH": os.environ["PATH"]})
    monkeypatch.setattr(engine, "_assemble", lambda settings: settings.folder("run"))
    with pytest.raises(EngineStartError, match="ended at once") as failure:
        start_engine(settings, "key")
    assert "    cannot mount" in failure.value.message
    assert str(settings.cache / "log" / "engine.log") in failure.value.message
    assert not (settings.cache / "run" / "engine.json").exists()


@pytest.mark.parametrize("has_folder", [True, False])
def test_the_engine_gets_the_machines_own_authorities(
    has_folder: bool, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificates of this machine are laid into the engine's root, where it has any."""
    folder = tmp_path / "certificates"
    monkeypatch.setattr(engine, "CERTIFICATES", folder)
    if has_folder:
        folder.mkdir()
        (folder / "own.crt").write_text("own")
    with tarfile.open(settings.folder("debian") / "machine.tar", "w") as archive:
        for place in ("usr/local/bin", "usr/lib/cni", "etc"):
            entry = tarfile.TarInfo(place)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
    for name in engine.PROGRAMS:
        (settings.folder("bin") / name).touch()
    settings.folder("digests")
    engine._assemble(settings)
    laid = settings.cache / "machine/usr/local/share/ca-certificates/own.crt"
    assert laid.exists() == has_folder
    assert (settings.cache / "machine/usr/local/bin/engine").exists()


def test_an_engine_is_not_given_its_starters_secrets() -> None:
    """What leads through the network reaches it, in either spelling, and nothing else."""
    network = {"PATH": "/usr/bin", "https_proxy": "http://proxy:3128", "NO_PROXY": "localhost"}
    assert own_environment({**network, "GHCR_TOKEN": "a secret"}) == network
