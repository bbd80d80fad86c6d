"""A server as its own process for tests: started as the image starts it, on ports of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from .valkey import free_port

WAIT_SECONDS = 60.0


def bare_environment() -> dict[str, str]:
    """Return this process' environment without settings, with what it imports."""
    kept = {name: value for name, value in os.environ.items() if name[:6] != "MNIST_"}
    return kept | {"PYTHONPATH": os.pathsep.join(sys.path)}


class Process:
    """A running server, its address and what it logs."""

    def __init__(self, folder: Path, **settings: object) -> None:
        """Start it; settings are given as the environment's variables."""
        self.port, self.metrics_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{self.port}.log"
        wanted = {
            "host": "127.0.0.1",
            "port": self.port,
            "metrics_port": self.metrics_port,
            "state_dir": folder / "state",
            **settings,
        }
        environment = bare_environment()
        environment |= {f"MNIST_{name.upper()}": str(value) for name, value in wanted.items()}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mnist_backend"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def client(self, **options: object) -> httpx2.Client:
        """Return a client of it that trusts no proxy of the environment."""
        return httpx2.Client(base_url=self.url, trust_env=False, timeout=WAIT_SECONDS, **options)  # type: ignore[arg-type]  # any option of the client

    def wait_until_ready(self) -> None:
        """Wait until it serves its model."""
        until = time.monotonic() + WAIT_SECONDS
        with self.client() as client:
            while time.monotonic() < until and self.process.poll() is None:
                try:
                    if client.get("/ready").status_code == 200:
                        return
                except httpx2.TransportError:
                    time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def metrics(self) -> str:
        """Return its page of metrics."""
        page = httpx2.get(f"http://127.0.0.1:{self.metrics_port}/metrics", trust_env=False)
        return page.text

    def ended(self) -> int:
        """Wait for its end and return the exit code."""
        return self.process.wait(WAIT_SECONDS)


@contextmanager
def serving(folder: Path, **settings: object) -> Iterator[Process]:
    """Run a server for as long as a test needs it."""
    process = Process(folder, **settings)
    try:
        process.wait_until_ready()
        yield process
    finally:
        if process.process.poll() is None:
            process.process.kill()
        process.process.wait()
