"""`daggerw` as a program: what passes through, and which exit code each error has."""

import inspect
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import errors, launcher
from toolchain.errors import ToolchainError
from toolchain.settings import PROJECT, RUNNER_HOST

CLIENT = """case "$*" in
version) echo "dagger v0.19.10 (image://x) linux/amd64";;
"--silent core version") echo "${ENGINE-v0.19.10}"; echo "$TROUBLE" >&2; exit "${REFUSES:-0}";;
*) for word in "$@"; do echo "<$word>"; done; cat; echo to the person >&2
   echo "$_EXPERIMENTAL_DAGGER_RUNNER_HOST"; exit 42;;
esac"""
RESET = (  # a background job of a shell ignores Ctrl-C, and so would all that it starts
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)
KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, ToolchainError) and kind is not ToolchainError
]


@pytest.fixture
def client(program: Callable[[str, str], Path]) -> Path:
    """A client of the pinned version in PATH."""
    return program("dagger", CLIENT)


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """Return the variables of a launcher that knows only the fake programs."""
    path = f"{tmp_path / 'programs'}:/usr/bin:/bin"
    values = {"PATH": path, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    return {**values, RUNNER_HOST: "tcp://engine.test:1", **more}


def daggerw(
    *arguments: str, variables: dict[str, str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the launcher from another folder than the project's."""
    return subprocess.run(
        [sys.executable, PROJECT / "daggerw", *arguments],
        env=variables,
        cwd="/",
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.usefixtures("client")
def test_everything_passes_through(tmp_path: Path) -> None:
    """Arguments, input, both outputs and the exit code are the client's own."""
    arguments = ("call", "--x=a b ", "", "$HOME", "-h", "'")
    run = daggerw(*arguments, variables=environment(tmp_path), text="the input\n")
    words = "".join(f"<{word}>\n" for word in arguments)
    assert run.stdout == f"{words}the input\ntcp://engine.test:1\n"
    assert run.stderr == "to the person\n"
    assert run.returncode == 42
    assert not (tmp_path / "mnist-pipeline").exists()


@pytest.mark.usefixtures("client")
def test_a_named_engine_of_another_version_is_refused(tmp_path: Path) -> None:
    """Both versions and the engine's address are named, and the client is not run."""
    run = daggerw("call", variables=environment(tmp_path, ENGINE="v0.18.12"))
    assert run.returncode == errors.EngineVersionConflictError.exit_code
    expected = ("tcp://engine.test:1", "v0.18.12", "v0.19.10", RUNNER_HOST)
    assert [part for part in expected if part not in run.stderr] == []
    assert "Traceback" not in run.stderr
    assert run.stdout == ""


@pytest.mark.usefixtures("client")
def test_a_named_engine_out_of_reach_is_said(tmp_path: Path) -> None:
    """An engine that does not answer is named with the client's own words."""
    variables = environment(tmp_path, ENGINE="", REFUSES="1", TROUBLE="connection refused")
    run = daggerw("call", variables=variables)
    assert run.returncode == errors.EngineVersionConflictError.exit_code
    assert "tcp://engine.test:1 did not answer: connection refused" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_named_engine_without_a_client_is_said(
    tmp_path: Path, program: Callable[[str, str], Path]
) -> None:
    """A `dagger` of another version is no client for the pinned engine."""
    program("dagger", "echo dagger v0.18.12")
    run = daggerw("call", variables=environment(tmp_path))
    assert run.returncode == errors.SurroundingsUnsupportedError.exit_code
    assert "no `dagger` v0.19.10 in PATH" in run.stderr
    assert not (tmp_path / "mnist-pipeline").exists()


def test_the_toolchains_own_client_talks_to_a_named_engine(tmp_path: Path, client: Path) -> None:
    """Where PATH has no client the one that the toolchain made is used."""
    own = tmp_path / "mnist-pipeline" / "bin" / "dagger"
    own.parent.mkdir(parents=True)
    client.replace(own)
    assert daggerw("call", variables=environment(tmp_path)).returncode == 42


def test_bad_surroundings_leave_nothing_behind(tmp_path: Path) -> None:
    """Without Docker, Podman and Go the error names Go, and no cache folder is made."""
    (tmp_path / "programs").mkdir()
    variables = environment(tmp_path, PATH=str(tmp_path / "programs"))
    del variables[RUNNER_HOST]
    run = daggerw("call", variables=variables)
    assert run.returncode == errors.SurroundingsUnsupportedError.exit_code
    assert run.stderr.startswith("daggerw: ")
    assert "what to do: " in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["programs"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_ends_with_its_message_and_code(
    kind: type[ToolchainError], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each error becomes its message, its way out and its own exit code."""

    def fail() -> None:
        raise kind(*[f"part {n}" for n in range(len(inspect.signature(kind).parameters))])

    assert launcher.guarded(fail) == kind.exit_code
    printed = capsys.readouterr().err
    assert "part 0" in printed
    assert "what to do: " in printed


def test_every_error_has_an_exit_code_of_its_own() -> None:
    """No two errors share a code, and none takes one of a shell, a signal or success."""
    codes = [ToolchainError.exit_code, *(kind.exit_code for kind in KINDS)]
    assert len(codes) > 8
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if not 64 <= code < 125] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_raised_somewhere(kind: type[ToolchainError]) -> None:
    """An error that nothing raises promises an exit code that nobody sees."""
    texts = (path.read_text() for path in sources() if path.name != "errors.py")
    assert any(f"{kind.__name__}(" in text for text in texts)


def test_what_ends_well_is_zero() -> None:
    """A verb that raises nothing ends with 0."""
    assert launcher.guarded(lambda: None) == 0


def test_ctrl_c_ends_with_130(tmp_path: Path, program: Callable[[str, str], Path]) -> None:
    """An interrupted launcher says that the same command goes on, without a traceback."""
    begun = tmp_path / "begun"
    program("dagger", f'[ "$1" = version ] && exec echo dagger v0.19.10; touch {begun}; sleep 20')
    process = subprocess.Popen(
        [sys.executable, "-c", RESET, sys.executable, PROJECT / "daggerw", "call"],
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not begun.exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, messages = process.communicate(timeout=10)
    assert process.returncode == 130
    assert messages == "daggerw: interrupted; the same command goes on from here\n"


def test_the_project_is_not_written_to(tmp_path: Path) -> None:
    """The launcher writes no compiled Python beside its sources."""
    (tmp_path / "copy").mkdir()
    for name in ("daggerw", "dagger.json", *(f"toolchain/{p.name}" for p in sources())):
        (tmp_path / "copy" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "copy" / name).write_bytes((PROJECT / name).read_bytes())
    before = sorted((tmp_path / "copy").rglob("*"))
    run = subprocess.run(
        [sys.executable, tmp_path / "copy" / "daggerw"],
        env=environment(tmp_path, PATH=""),
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert run.returncode == errors.SurroundingsUnsupportedError.exit_code
    assert sorted((tmp_path / "copy").rglob("*")) == before


def sources() -> list[Path]:
    """Return the toolchain's modules."""
    return sorted((PROJECT / "toolchain").glob("*.py"))
