"""What the toolchain's tests share: a cache folder of their own, stand-ins for what lies outside.

Contract: no test reads or writes the machine's own cache, control groups or engine, and none needs
a network. A test marked `host` uses real namespaces, so it needs Linux and root; it is skipped, by
name and with its reason, only where there is neither.
"""

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from toolchain import engine, steps
from toolchain.settings import PROJECT, RUNNER_HOST, Settings

Answer = tuple[int, bytes]
COMPILE = """
import os, sys, time
from pathlib import Path
from toolchain.lock import held
cache = Path(sys.argv[1])
with held(cache / "trivy.lock", print):
    print("compiling", flush=True)
    time.sleep(60)
"""


@dataclass
class Server:
    """A server on loopback: `answers` by path, those `cut` off, what was asked for in `asked`."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep every test away from the machine's own cache, engine and control groups."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(RUNNER_HOST, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(engine, "CONTROL_GROUPS", tmp_path / "control-groups")


@pytest.fixture(autouse=True)
def _containment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of steps run in namespaces in tests marked `host`, and directly in all others."""
    if not request.node.get_closest_marker("host"):
        monkeypatch.setattr(steps, "CONTAINED", ())
    elif platform.system() != "Linux" or os.geteuid() != 0:
        pytest.skip("real namespaces need Linux and root: run the toolchain's tests there too")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings as on a machine where nothing has been made yet."""
    return Settings(
        cache=tmp_path / "mnist-pipeline",
        engine_version="v0.19.10",
        pinned="v0.19.10",
        runner_host="",
        debian_mirror="",
        vendor="http://127.0.0.1:9/releases",  # port 9 of loopback discards: nobody answers
        environment=dict(os.environ),
    )


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put a shell script into a folder at the head of PATH, under the name of a program."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def write(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers what the test tells it, 404 otherwise."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            state.authorizations.append(self.headers.get("Authorization", ""))
            code, body = state.answers.get(self.path, (404, b""))
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:1] if self.path in state.cut else body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture
def compilation(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A process that holds Trivy's lock, as its compilation does."""
    settings.folder("records")
    with subprocess.Popen(
        [sys.executable, "-B", "-c", COMPILE, settings.cache],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "compiling\n"
        yield process
        process.kill()
