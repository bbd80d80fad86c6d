"""A real Valkey for tests, on a free port of this machine."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

WAIT_SECONDS = 20.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def wait_for_port(port: int) -> None:
    """Wait until somebody listens on a port."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    message = f"nobody listens on {port}"
    raise AssertionError(message)


class Valkey:
    """A store that may be ended and started again."""

    def __init__(self, folder: Path) -> None:
        """Choose a port."""
        self.port = free_port()
        self.address = f"redis://127.0.0.1:{self.port}"
        self._folder = folder

    def start(self) -> None:
        """Start and wait until it answers."""
        program = shutil.which("valkey-server") or "valkey-server"
        options = ["--port", str(self.port), "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)  # noqa: S603  Debian's own
        wait_for_port(self.port)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A running store."""
    store = Valkey(tmp_path)
    store.start()
    yield store
    store.kill()
