"""Databases for tests: SQLite files, and a PostgreSQL that is given or made for the occasion.

Contract: `MNIST_TEST_POSTGRES` names a server whose user may create databases; without it the
server's programs on this machine run a cluster in a temporary folder, and without those the cases
of PostgreSQL are skipped. Every test has a database of its own.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

import mnist_backend
from mnist_backend.connections import parsed
from mnist_backend.database import Database, PredictionRecord

SOURCE = str(Path(mnist_backend.__file__).parents[1])
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
ABSENT = "no MNIST_TEST_POSTGRES, and no programs of PostgreSQL on this machine"
LONG_SECONDS = 30.0  # never reached where all is well
SPEED = "-c fsync=off -c max_connections=50 -c listen_addresses="


class Cluster:
    """A PostgreSQL of its own, reached through a socket in its folder."""

    def __init__(self) -> None:
        """Make the files; it is not started yet."""
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        if self._user:
            shutil.chown(self._folder, self._user)
        self._data = self._folder / "data"
        self._run("initdb", "--no-sync", "--auth=trust", "-U", "postgres", "--locale=C.UTF-8")
        self.url = f"postgresql://postgres@/postgres?host={self._folder}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"{SPEED} -k {self._folder}"
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; the mode immediate is that of a crash."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and to all that serve its clients."""
        server = (self._data / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        for process in (server, *children):
            os.kill(int(process), number)

    def remove(self) -> None:
        """Stop it and delete its files."""
        if (self._data / "postmaster.pid").exists():
            self.signal(signal.SIGCONT)
            self.stop("immediate")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(PROGRAMS[-1] / program), "-D", str(self._data), *arguments]
        with (self._folder / "output").open("ab") as output:  # a server keeps what it is given
            subprocess.run(  # noqa: S603  the programs that were found above
                command, check=True, user=self._user, stdout=output, stderr=output, cwd="/"
            )


@cache
def own() -> Cluster:
    """Start the cluster that all tests share; it ends with the process."""
    cluster = Cluster()
    atexit.register(cluster.remove)
    cluster.start()
    return cluster


@contextmanager
def empty(server: str) -> Iterator[str]:
    """Make a database of a server, and drop it in the end."""
    name = f"test_{uuid.uuid4().hex}"
    address = parsed(server)
    plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    yield address.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database, of either kind."""
    given = os.environ.get("MNIST_TEST_POSTGRES", "")
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'predictions.sqlite3'}"
    elif given or PROGRAMS:
        with empty(given or own().url) as url:
            yield url
    else:
        pytest.skip(ABSENT)


@pytest.fixture
def cluster() -> Cluster:
    """A running PostgreSQL that may be stopped."""
    if not PROGRAMS:
        pytest.skip("no programs of PostgreSQL on this machine")
    return own()


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """A database with its tables."""
    opened = Database(database_url, tmp_path)
    opened.migrate()
    yield opened
    opened.close()


def make_record(**changes: Any) -> PredictionRecord:  # noqa: ANN401  any field of the record
    """Return a prediction with an id of its own."""
    values: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "created": int(time.time()) + 0.25,
        "owner": "key:3f1c",
        "model_version": "0.1.0+test",
        "variant": "champion",
        "shadow": False,
        "digit": 7,
        "confidence": 0.91,
        "probabilities": (*[0.01] * 7, 0.91, 0.01, 0.01),
        "ink": 0.125,
        "seconds": 0.0021,
        "image": None,
    }
    return PredictionRecord(**values | changes)


def until(condition: Callable[[], bool]) -> bool:
    """Wait until something is so."""
    deadline = time.monotonic() + LONG_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    return condition()
