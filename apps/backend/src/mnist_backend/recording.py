"""Writes predictions behind the requests, through a bounded queue and a thread of its own.

Contract: `offer` neither waits nor raises, whatever the database does. What was offered is written,
dropped or still in the queue, and counted as such: offered == written + dropped + depth. The
thread outlives every failure; a record that the database does not take is dropped, not retried.
Does not know: HTTP, metrics, or how the database keeps what it gets.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mnist_backend.database import PredictionRecord
from mnist_backend.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)


class Store(Protocol):
    """Where the records go; its failures are `DatabaseUnavailableError`."""

    def migrate(self) -> None:
        """Make ready for records."""

    def insert(self, records: Sequence[PredictionRecord]) -> None:
        """Keep all of them or none; the same ones again change nothing."""

    def forget(self, older_than_days: float, most: int | None = None) -> int:
        """Delete what is that old."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how much at once."""

    batch: int = 500
    tick_seconds: float = 0.2
    retry_seconds: float = 0.2  # doubled with each failure
    retry_most_seconds: float = 5.0
    retention_seconds: float = 3600.0
    forget: int = 1_000  # at once, between two batches


class Recorder:
    """A queue, and the thread that empties it into the database."""

    def __init__(
        self, database: Store, queue: int, retention_days: float, pace: Pace | None = None
    ) -> None:
        """Take at most that many records; nothing is written before `start`."""
        self._database = database
        self._room = queue
        self._retention_days = retention_days
        self._pace = pace or Pace()
        self._bell_at = min(self._pace.batch, queue)
        self._queue: deque[PredictionRecord] = deque()
        self._batches: deque[list[PredictionRecord]] = deque()  # taken from the queue, not settled
        self._accepted = self._overflowed = 0  # of those who offer
        self._written = self._lost = 0  # of the thread
        self._urgent = 0  # up to which record somebody waits
        self._offering = threading.Lock()
        self._settled = threading.Condition()
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._begun = threading.Event()
        self._deadline = 0.0
        self._abandoned = False
        self._migrated = self._healthy = False
        self._failures = 0
        self._retention_due = 0.0
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    @property
    def depth(self) -> int:
        """Records that are neither written nor dropped yet."""
        settled = self._written + self._lost  # read first: it never passes what was accepted
        return self._accepted - settled

    @property
    def written(self) -> int:
        """Records that the database has."""
        return self._written

    @property
    def dropped(self) -> int:
        """Records that found no room, were refused by the database, or were given up at the end."""
        return self._overflowed + self._lost

    @property
    def healthy(self) -> bool:
        """Whether the database did what it was asked to do last."""
        return self._healthy

    def offer(self, record: PredictionRecord) -> bool:
        """Queue a record, or drop it where there is no room."""
        with self._offering:  # never held by the thread that writes
            waiting = self._accepted - self._written - self._lost
            if waiting >= self._room:
                self._overflowed += 1
                return False
            self._accepted += 1
            self._queue.append(record)
        if waiting + 1 == self._bell_at:
            self._bell.set()
        return True

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def has_begun(self, timeout_seconds: float) -> bool:
        """Wait until the database was asked for the first time; say whether it was."""
        return self._begun.wait(timeout_seconds)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until what was offered before is settled; say whether it is."""
        with self._offering:
            target = self._accepted
        self._urgent = max(self._urgent, target)
        self._bell.set()
        with self._settled:
            return self._settled.wait_for(
                lambda: self._written + self._lost >= target, timeout_seconds
            )

    def stop(self, timeout_seconds: float) -> None:
        """Take no more, write what is left, and drop what cannot be written in time."""
        with self._offering:
            self._room = 0
        self._deadline = time.monotonic() + timeout_seconds
        self._urgent = self._accepted
        self._stopping.set()
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        with self._settled:
            self._abandoned = True  # a thread that still hangs in the database counts no more
            lost, self._lost = self.depth, self._accepted - self._written
            self._settled.notify_all()
        if lost:
            log.error("%d predictions were given up: the database did not take them in time", lost)

    def _run(self) -> None:
        while not (self._stopping.is_set() and (self.depth == 0 or self._seconds_left() <= 0)):
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001  whatever it is, the thread goes on
                self._fail(error)
            else:
                self._recover()
            self._begun.set()
            self._rest()

    def _turn(self) -> None:
        if not self._migrated:  # also after a failure: another database may have come up
            self._database.migrate()
            self._migrated = self._healthy = True
        if not self._batches and self._queue:
            size = min(self._pace.batch, len(self._queue))
            self._batches.append([self._queue.popleft() for _ in range(size)])
        while self._batches:
            self._write(self._batches[0])
        self._retain()

    def _write(self, batch: list[PredictionRecord]) -> None:
        try:
            self._database.insert(batch)
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  one of the records is at fault
            self._batches.popleft()
            if len(batch) > 1:
                middle = len(batch) // 2
                self._batches.extendleft((batch[middle:], batch[:middle]))
            else:
                log.error("prediction %s is dropped: %s", batch[0].id, error)
                self._settle(lost=1)
        else:
            self._healthy = True
            self._batches.popleft()
            self._settle(written=len(batch))

    def _settle(self, written: int = 0, lost: int = 0) -> None:
        with self._settled:
            if not self._abandoned:
                self._written += written
                self._lost += lost
            self._settled.notify_all()

    def _retain(self) -> None:
        if time.monotonic() < self._retention_due or self._stopping.is_set():
            return
        pause = self._pace.retention_seconds * random.uniform(0.9, 1.1)  # noqa: S311  jitter
        self._retention_due = time.monotonic() + pause / 60  # should it fail
        gone = self._database.forget(self._retention_days, self._pace.forget)
        self._retention_due = 0.0 if gone >= self._pace.forget else time.monotonic() + pause

    def _fail(self, error: Exception) -> None:
        unexpected = not isinstance(error, DatabaseUnavailableError)
        if self._failures == 0 or unexpected:
            log.warning("predictions wait for the database: %s", error, exc_info=unexpected)
        self._failures += 1
        self._migrated = self._healthy = False

    def _recover(self) -> None:
        if self._failures:
            log.info("predictions are written again, after %d failures", self._failures)
        self._failures = 0

    def _rest(self) -> None:
        if self._failures:
            pause = self._pace.retry_seconds * 2 ** min(self._failures - 1, 16)
            pause = min(pause, self._pace.retry_most_seconds)
            pause *= random.uniform(0.5, 1.0)  # noqa: S311  jitter, so that replicas come apart
            if self._stopping.is_set():
                time.sleep(max(0.0, min(pause, self._seconds_left())))
            else:
                self._stopping.wait(pause)
        elif not self._hurries():
            self._bell.wait(self._pace.tick_seconds)
            self._bell.clear()

    def _hurries(self) -> bool:
        urgent = self._written + self._lost < self._urgent
        waiting = len(self._queue)
        return self._stopping.is_set() or waiting >= (1 if urgent else self._bell_at)

    def _seconds_left(self) -> float:
        return self._deadline - time.monotonic()
