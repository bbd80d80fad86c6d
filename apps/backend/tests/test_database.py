"""Predictions and feedback, kept in both databases."""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_backend import connections
from mnist_backend.database import FORGET_ROWS, Database, StoredPrediction
from mnist_backend.errors import (
    DatabaseUnavailableError,
    FeedbackConflictError,
    PredictionUnknownError,
    RecordRefusedError,
)

from . import postgres
from .postgres import Cluster, make_record

database_url = postgres.database_url
database = postgres.database
cluster = postgres.cluster

DAY_SECONDS = 86_400
UNREACHABLE = "postgresql://somebody:s3cr3t@127.0.0.1:1/nothing"
CALLS: dict[str, Callable[[Database], object]] = {
    "migrate": lambda d: d.migrate(),
    "insert": lambda d: d.insert([make_record()]),
    "find": lambda d: d.find("0" * 32, None),
    "tell": lambda d: d.tell("0" * 32, None, 1),
    "forget": lambda d: d.forget(1),
    "count": lambda d: d.count(),
}


@pytest.mark.parametrize("image", [None, bytes(range(256)) * 3 + bytes(16)])
def test_what_was_kept_is_found(database: Database, image: bytes | None) -> None:
    """Every field comes back as it was, to the last bit."""
    record = make_record(image=image, probabilities=tuple(1 / (n + 3) for n in range(10)))
    database.insert([record])
    assert database.find(record.id, record.owner) == StoredPrediction(record, None)


def test_numbers_of_numpy_are_kept(database: Database) -> None:
    """A driver that does not know numpy's numbers gets plain ones."""
    record = make_record()
    values = np.asarray(record.probabilities)
    odd = make_record(id=record.id, digit=np.int64(7), ink=np.float32(0.125), probabilities=values)
    database.insert([odd])
    assert database.find(record.id, None) == StoredPrediction(record, None)


def test_an_id_is_kept_once(database: Database) -> None:
    """The same records again, also within one batch, change nothing."""
    first, second = make_record(), make_record()
    database.insert([first, first, second])
    database.insert([make_record(id=first.id, digit=1), second])
    assert database.count() == 2
    assert database.find(first.id, None) == StoredPrediction(first, None)


def test_nothing_is_kept_of_nothing(database: Database) -> None:
    """An empty batch is no statement."""
    database.insert([])
    assert database.count() == 0


def test_nobody_finds_the_prediction_of_another(database: Database) -> None:
    """An owner finds their own predictions only."""
    record = make_record(owner="me")
    database.insert([record])
    assert database.find(record.id, "you") is None
    assert database.find(record.id, "") is None
    assert database.find(record.id, "me")


@pytest.mark.parametrize("odd", ["", "0" * 32, "F" * 32, "\0" * 32, "' OR 1=1 --", "0" * 10_000])
def test_an_id_of_nothing_is_not_found(database: Database, odd: str) -> None:
    """Whatever stands in the place of an id, there is no such prediction."""
    assert database.find(odd, None) is None
    with pytest.raises(PredictionUnknownError):
        database.tell(odd, None, 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"id": "short"},
        {"created": -1.0},
        {"created": float("nan")},
        {"created": float("inf")},
        {"owner": "x" * 256},
        {"owner": "\ud800"},
        {"owner": None},
        {"model_version": ""},
        {"variant": "other"},
        {"digit": 10},
        {"digit": 2**70},
        {"digit": 2.5},
        {"confidence": 1.5},
        {"probabilities": (0.5,) * 9},
        {"probabilities": (float("nan"),) * 10},
        {"probabilities": None},
        {"ink": -0.5},
        {"seconds": -1.0},
        {"image": b"short"},
    ],
    ids=str,
)
def test_a_fault_refuses_the_whole_batch(database: Database, fault: dict[str, Any]) -> None:
    """A record that cannot be is refused, and with it those beside it."""
    with pytest.raises(RecordRefusedError):
        database.insert([make_record(), make_record(**fault), make_record()])
    assert database.count() == 0


def test_feedback_is_found_with_its_prediction(database: Database) -> None:
    """The digit that was told stands beside the digit that was seen."""
    record = make_record()
    database.insert([record])
    told = database.tell(record.id, record.owner, 3)
    assert (told.prediction_id, told.digit) == (record.id, 3)
    assert database.find(record.id, record.owner) == StoredPrediction(record, told)


def test_the_same_feedback_again_changes_nothing(database: Database) -> None:
    """Telling the same digit twice gives the first answer twice."""
    record = make_record()
    database.insert([record])
    assert database.tell(record.id, None, 3) == database.tell(record.id, None, 3)


def test_other_feedback_is_a_conflict(database: Database) -> None:
    """The first digit that was told stays."""
    record = make_record()
    database.insert([record])
    told = database.tell(record.id, None, 3)
    with pytest.raises(FeedbackConflictError):
        database.tell(record.id, None, 4)
    assert database.find(record.id, None) == StoredPrediction(record, told)


def test_nobody_tells_about_the_prediction_of_another(database: Database) -> None:
    """To another owner there is no such prediction."""
    record = make_record(owner="me")
    database.insert([record])
    with pytest.raises(PredictionUnknownError):
        database.tell(record.id, "you", 3)
    assert database.find(record.id, None) == StoredPrediction(record, None)


def test_a_digit_that_is_none_is_refused(database: Database) -> None:
    """There are ten digits."""
    record = make_record()
    database.insert([record])
    with pytest.raises(RecordRefusedError):
        database.tell(record.id, None, 10)


def test_one_of_many_feedbacks_wins(database: Database) -> None:
    """Of ten callers who contradict each other at once, nine hear of a conflict."""
    record = make_record()
    database.insert([record])
    said: list[int | None] = []

    def tell(digit: int) -> None:
        try:
            said.append(database.tell(record.id, None, digit).digit)
        except FeedbackConflictError:
            said.append(None)

    threads = [threading.Thread(target=tell, args=(digit,)) for digit in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = database.find(record.id, None)
    assert stored
    assert stored.feedback
    assert sorted(said, key=str) == sorted([stored.feedback.digit, *[None] * 9], key=str)


def test_old_predictions_are_forgotten_with_their_feedback(database: Database) -> None:
    """What is older than the days named is gone, what is younger stays."""
    now = time.time()
    old, young = (make_record(created=now - days * DAY_SECONDS) for days in (31, 29))
    database.insert([old, young])
    database.tell(old.id, None, 1)
    database.tell(young.id, None, 1)
    assert database.forget(30) == 1
    assert database.find(old.id, None) is None
    assert database.find(young.id, None)
    database.insert([old])
    assert database.find(old.id, None) == StoredPrediction(old, None)


def test_no_more_is_forgotten_than_allowed(database: Database) -> None:
    """The oldest go first, as many as the caller says, and all of them in the end."""
    records = [make_record(created=float(n)) for n in range(FORGET_ROWS + 30)]
    database.insert(records)
    assert database.forget(1, most=20) == 20
    assert database.find(records[19].id, None) is None
    assert database.find(records[20].id, None)
    assert database.forget(1) == FORGET_ROWS + 10
    assert database.count() == 0


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_failure_tells_nothing_of_the_address(
    call: Callable[[Database], object], tmp_path: Path
) -> None:
    """A server that does not answer is one error, without host, user or password in it."""
    with pytest.raises(DatabaseUnavailableError) as caught:
        call(Database(UNREACHABLE, tmp_path))
    assert not any(word in str(caught.value) for word in ("s3cr3t", "somebody", "127.0.0.1"))


def test_a_database_without_tables_is_unavailable(database_url: str, tmp_path: Path) -> None:
    """Nobody is to blame for a record when there is no place for it."""
    database = Database(database_url, tmp_path)
    with pytest.raises(DatabaseUnavailableError):
        database.insert([make_record()])
    database.close()


@pytest.mark.parametrize(
    "address", ["mysql://me:s3cr3t@host/name", "sqlite://", "sqlite:///:memory:", "s3cr3t"]
)
def test_an_address_of_another_kind_is_refused(address: str, tmp_path: Path) -> None:
    """Only a file of SQLite or a PostgreSQL will do; the refusal does not repeat the address."""
    with pytest.raises(DatabaseUnavailableError) as caught:
        Database(address, tmp_path)
    assert "s3cr3t" not in str(caught.value)


def test_no_address_is_a_file_in_the_folder(tmp_path: Path) -> None:
    """SQLite's file stands in the state folder, which is made, and logs ahead of its writes."""
    database = Database("", tmp_path / "state")
    database.migrate()
    database.insert([make_record()])
    database.close()
    with sqlite3.connect(tmp_path / "state" / "predictions.sqlite3") as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()


def test_an_address_keeps_its_own_limits(cluster: Cluster) -> None:
    """A limit stands where the address names none."""
    for extra, limit in (("", "4s"), ("&options=-c%20statement_timeout%3D9s", "9s")):
        engine = connections.opened(connections.parsed(cluster.url + extra))
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SHOW statement_timeout").scalar_one()
        engine.dispose()
        assert found == limit
