"""Databases that go, freeze and come back, and writers that are killed."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mnist_backend import connections
from mnist_backend.connections import BoundedConnection
from mnist_backend.database import Database
from mnist_backend.errors import DatabaseUnavailableError
from mnist_backend.recording import Pace, Recorder

from . import postgres
from .postgres import SOURCE, Cluster, empty, make_record, until

database_url = postgres.database_url
cluster = postgres.cluster

QUICK = Pace(tick_seconds=0.005, retry_seconds=0.005, retry_most_seconds=0.02)
LONG_SECONDS = 30.0  # never reached where all is well
WRITE_FOR_EVER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from mnist_backend.database import Database, PredictionRecord
import uuid
database = Database(sys.argv[2], Path())
probabilities = (0.1,) * 10
while True:
    database.insert([
        PredictionRecord(uuid.uuid4().hex, 1.0, "me", "1", "champion", False, 3, 0.1,
                         probabilities, 0.5, 0.1, bytes(784))
        for _ in range(50)
    ])
    print("kept", flush=True)
"""


def test_a_database_that_comes_late_gets_everything(tmp_path: Path) -> None:
    """What was offered while the database could not be opened is written when it can."""
    in_the_way = tmp_path / "state"
    in_the_way.write_text("not a folder")
    database = Database("", in_the_way)
    recorder = Recorder(database, 100, 30, QUICK)
    recorder.start()
    assert all(recorder.offer(make_record()) for _ in range(10))
    assert not recorder.flush(0.05)
    assert not recorder.healthy
    in_the_way.unlink()
    assert recorder.flush(LONG_SECONDS)
    assert recorder.healthy
    assert database.count() == recorder.written == 10
    recorder.stop(LONG_SECONDS)
    database.close()


@pytest.mark.parametrize("mode", ["fast", "immediate", "frozen"])
def test_a_server_that_goes_and_comes_back(mode: str, cluster: Cluster, tmp_path: Path) -> None:
    """Predictions go on, and those with room are all in the database when it is back."""
    with empty(cluster.url) as url:
        database = Database(url, tmp_path)
        recorder = Recorder(database, 2_000, 30, QUICK)
        recorder.start()
        offered, enough = [0], threading.Event()

        def offer() -> None:
            while not enough.wait(0.0002):
                recorder.offer(make_record())
                offered[0] += 1

        offering = threading.Thread(target=offer)
        offering.start()
        assert until(lambda: recorder.written > 100)
        cluster.signal(signal.SIGSTOP) if mode == "frozen" else cluster.stop(mode)
        assert until(lambda: recorder.dropped > 0)
        cluster.signal(signal.SIGCONT) if mode == "frozen" else cluster.start()
        before = recorder.written
        assert until(lambda: recorder.written > before + 2_000)
        enough.set()
        offering.join()
        recorder.stop(LONG_SECONDS)
        assert offered[0] == recorder.written + recorder.dropped
        assert recorder.depth == 0
        assert database.count() == recorder.written
        database.close()


def test_a_frozen_server_is_given_up(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes connections and says nothing is unavailable, and used again after."""
    with empty(cluster.url) as url:
        database = Database(url, tmp_path)
        database.migrate()
        assert database.count() == 0
        monkeypatch.setattr(BoundedConnection, "wait_seconds", 0.5)
        cluster.signal(signal.SIGSTOP)
        try:
            with pytest.raises(DatabaseUnavailableError):
                database.count()
        finally:
            cluster.signal(signal.SIGCONT)
        assert database.count() == 0
        database.close()


def test_a_writer_that_is_killed_leaves_whole_batches(database_url: str, tmp_path: Path) -> None:
    """After kill -9 in the middle of writes every row is complete and every batch is whole."""
    database = Database(database_url, tmp_path)
    database.migrate()
    kept = 0
    for _ in range(5):
        command = [sys.executable, "-c", WRITE_FOR_EVER, SOURCE, database_url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603
            assert writer.stdout
            kept += sum(1 for _ in zip(range(3), writer.stdout, strict=False))
            writer.kill()
            kept += sum(1 for _ in writer.stdout)
        count = database.count()
        assert count % 50 == 0
        assert kept * 50 <= count <= (kept + 5) * 50
    engine = connections.opened(connections.parsed(database_url))
    with engine.connect() as connection:
        ids = connection.exec_driver_sql("SELECT id FROM predictions").scalars().all()
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    engine.dispose()
    stored = [database.find(prediction_id, "me") for prediction_id in ids]
    assert all(s and s.record.image == bytes(784) and s.record.digit == 3 for s in stored)
    database.close()
