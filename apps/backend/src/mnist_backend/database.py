"""Keeps predictions, and what people said about them, in SQLite or PostgreSQL.

Contract: a `Database` opens nothing before it is used and may be used from any thread. A call ends
within seconds, also when the host is gone or frozen. It happens wholly or not at all. A failure of
the database is a `DatabaseUnavailableError`, whose text holds nothing of the address; what the
database does not take as it is, is a `RecordRefusedError`.
Does not know: HTTP, queues, or when a call is worth repeating.
"""

import hashlib
import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import batched, chain
from operator import index
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from mnist_backend import connections, migrations
from mnist_backend.connections import faults_named
from mnist_backend.errors import FeedbackConflictError, PredictionUnknownError
from mnist_backend.migrations.tables import feedback, predictions

DAY_SECONDS = 86_400
FILE = "predictions.sqlite3"
FORGET_ROWS = 1_000  # in one transaction
KEEP_ROWS = 500  # in one statement
ID = re.compile(r"[0-9a-f]{32}")
ID_DIGITS, TIME_DIGITS = 32, 12  # of an id; its first digits are the time at which it was made


class PredictionRecord(NamedTuple):
    """What is kept of one prediction, in the order of the table's columns."""

    id: str  # 32 hexadecimal digits
    created: float  # seconds since 1970
    owner: str  # empty when nobody has to say who they are
    model_version: str
    variant: str  # champion or challenger
    shadow: bool  # whether nobody saw the answer
    digit: int
    confidence: float
    probabilities: tuple[float, ...]  # 10
    ink: float  # mean of the 784 greys, 0 to 1
    seconds: float
    image: bytes | None = None  # 784 greys, only where the settings say so


@dataclass(frozen=True, slots=True)
class Feedback:
    """The true digit, as a person told it."""

    prediction_id: str
    digit: int
    created: float
    first: bool = field(default=False, compare=False)  # whether it was told just now


@dataclass(frozen=True, slots=True)
class StoredPrediction:
    """A prediction as the database holds it, with the feedback if there is any."""

    record: PredictionRecord
    feedback: Feedback | None


encode = msgspec.json.Encoder().encode
COLUMNS = [column.name for column in predictions.c]
STORED = sa.select(
    predictions, feedback.c.digit.label("told"), feedback.c.created.label("told_at")
).select_from(predictions.outerjoin(feedback))


class Database:
    """Predictions and feedback behind one address."""

    def __init__(self, url: str, state_dir: Path) -> None:
        """Take the address; an empty one is a file of SQLite in the folder."""
        self._url = connections.parsed(url or f"sqlite:///{state_dir / FILE}")
        self._engine = connections.opened(self._url)
        self._writing = self._engine.execution_options(writes=True)
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        keep = dialect.insert(predictions).on_conflict_do_nothing(index_elements=["id"])
        self._keep = _parts(keep, self._engine.dialect)
        note = dialect.insert(feedback).on_conflict_do_nothing(index_elements=["prediction_id"])
        self._note = note.returning(feedback.c.prediction_id)  # nothing where it was told before

    def migrate(self) -> None:
        """Make the tables, or bring them to what this code expects; nothing where they are."""
        with faults_named(), connections.moving(self._url) as connection:
            migrations.upgrade(connection)

    def insert(self, records: Sequence[PredictionRecord]) -> None:
        """Keep all of them or none; one that is there already stays as it is.

        One statement takes many rows: with one each, SQLite's driver would hand Python's lock to
        and fro for every row, and requests would wait for it.
        """
        head, row, tail = self._keep
        with faults_named():
            rows = [_row(record) for record in records]
            if rows:
                with self._writing.begin() as connection:
                    for some in batched(rows, KEEP_ROWS):
                        statement = f"{head}{', '.join([row] * len(some))}{tail}"
                        connection.exec_driver_sql(statement, tuple(chain.from_iterable(some)))

    def find(self, prediction_id: str, owner: str | None) -> StoredPrediction | None:
        """Return a prediction of this owner, or of anybody for None."""
        if not ID.fullmatch(prediction_id):
            return None
        with faults_named(), self._engine.begin() as connection:
            row = connection.execute(_owned(STORED, prediction_id, owner)).one_or_none()
        return None if row is None else _stored(row)

    def tell(self, prediction_id: str, owner: str | None, digit: int) -> Feedback:
        """Keep the true digit of a prediction of this owner; telling it again changes nothing.

        Of all who tell it at once, also to other replicas, exactly one is the first.
        """
        told = self._tell(prediction_id, owner, digit) if ID.fullmatch(prediction_id) else None
        if told is None:
            message = "no prediction of this caller has that id"
            raise PredictionUnknownError(message)
        if told.digit != digit:
            message = f"the true digit of this prediction was told before: {told.digit}"
            raise FeedbackConflictError(message)
        return told

    def forget(self, older_than_days: float, most: int | None = None) -> int:
        """Delete predictions of that age with their feedback, the oldest first; return how many."""
        before = time.time() - older_than_days * DAY_SECONDS
        gone = 0
        while most is None or gone < most:
            size = FORGET_ROWS if most is None else min(FORGET_ROWS, most - gone)
            deleted = self._forget(before, size)
            gone += deleted
            if deleted < size:
                break
        return gone

    def count(self) -> int:
        """Count the predictions."""
        with faults_named(), self._engine.begin() as connection:
            return connection.scalars(sa.select(sa.func.count(predictions.c.id))).one()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._engine.dispose()

    def _tell(self, prediction_id: str, owner: str | None, digit: int) -> Feedback | None:
        known = _owned(sa.select(predictions.c.id), prediction_id, owner)
        row = {"prediction_id": prediction_id, "digit": digit, "created": time.time()}
        with faults_named(), self._writing.begin() as connection:
            if connection.execute(known.with_for_update(read=True, key_share=True)).first() is None:
                return None
            first = connection.execute(self._note, row).first() is not None
            told = sa.select(feedback).where(feedback.c.prediction_id == prediction_id)
            return Feedback(**connection.execute(told).one()._mapping, first=first)

    def _forget(self, before: float, size: int) -> int:
        old = sa.select(predictions.c.id).where(predictions.c.created < before)
        old = old.order_by(predictions.c.created).limit(size)
        with faults_named(), self._writing.begin() as connection:
            ids = connection.scalars(old.with_for_update(skip_locked=True)).all()
            if ids:
                connection.execute(sa.delete(predictions).where(predictions.c.id.in_(ids)))
        return len(ids)


def shadow_of(prediction_id: str) -> str:
    """Return the id under which the challenger's view of the same drawing is kept.

    It follows from the prediction's own, so that feedback finds both without a column that says so.
    """
    digest = hashlib.sha256(prediction_id.encode()).hexdigest()
    return prediction_id[:TIME_DIGITS] + digest[TIME_DIGITS:ID_DIGITS]


def _parts(insert: sa.Insert, dialect: sa.Dialect) -> tuple[str, str, str]:
    """Return what stands before the values of one row, the values, and what stands after them."""
    style = "format" if dialect.name == "postgresql" else "qmark"
    kind: Any = type(dialect)
    text = str(insert.compile(dialect=kind(paramstyle=style)))
    head, values, rest = text.partition(" VALUES ")
    row, conflict, tail = rest.partition(" ON CONFLICT ")
    return head + values, row, conflict + tail


def _row(record: PredictionRecord) -> tuple[object, ...]:
    probabilities = [*map(float, record.probabilities)]
    if not math.isfinite(sum(probabilities)):  # JSON has no word for it
        message = "a probability is no number"
        raise ValueError(message)
    return (  # plain numbers: numpy's are unknown to drivers
        _text(record.id),
        float(record.created),
        _text(record.owner),
        _text(record.model_version),
        _text(record.variant),
        bool(record.shadow),
        index(record.digit),
        float(record.confidence),
        encode(probabilities).decode(),
        float(record.ink),
        float(record.seconds),
        None if record.image is None else bytes(record.image),
    )


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    message = f"{type(value).__name__} is no text"
    raise TypeError(message)


def _owned(statement: sa.Select[Any], prediction_id: str, owner: str | None) -> sa.Select[Any]:
    statement = statement.where(predictions.c.id == prediction_id)
    return statement if owner is None else statement.where(predictions.c.owner == owner)


def _stored(row: sa.Row[Any]) -> StoredPrediction:
    values = {name: row._mapping[name] for name in COLUMNS}
    values["probabilities"] = tuple(values["probabilities"])
    told = None if row.told is None else Feedback(row.id, row.told, row.told_at)
    return StoredPrediction(PredictionRecord(**values), told)
