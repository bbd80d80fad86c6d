"""The queue behind the requests, and the thread that empties it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mnist_backend.database import Database, PredictionRecord
from mnist_backend.errors import DatabaseUnavailableError
from mnist_backend.recording import Pace, Recorder

from . import postgres
from .postgres import make_record, until

database_url = postgres.database_url
database = postgres.database

QUICK = Pace(tick_seconds=0.005, retry_seconds=0.005, retry_most_seconds=0.02)
LONG_SECONDS = 30.0  # never reached where all is well


class Memory:
    """A store that can be down, hang or fail oddly, and remembers what it was asked."""

    def __init__(self) -> None:
        """Begin empty and up."""
        self.kept: dict[str, PredictionRecord] = {}
        self.batches: list[int] = []
        self.forgotten: list[float] = []
        self.migrated = 0
        self.old = 0
        self.fault: Exception | None = None
        self.open = threading.Event()
        self.open.set()

    def migrate(self) -> None:
        """Count it."""
        self._answer()
        self.migrated += 1

    def insert(self, records: Sequence[PredictionRecord]) -> None:
        """Keep the records."""
        self._answer()
        self.batches.append(len(records))
        self.kept |= {record.id: record for record in records}

    def forget(self, older_than_days: float, most: int | None = None) -> int:
        """Forget what is old."""
        self._answer()
        self.forgotten.append(older_than_days)
        gone = min(self.old, most or self.old)
        self.old -= gone
        return gone

    def _answer(self) -> None:
        self.open.wait(LONG_SECONDS)
        if self.fault:
            raise self.fault


DOWN = DatabaseUnavailableError("down")
MakeRecorder = Callable[..., Recorder]


@pytest.fixture
def make_recorder() -> Iterator[MakeRecorder]:
    """Make recorders that end with the test."""
    made: list[Recorder] = []

    def make(store: Memory | Database, queue: int = 10_000, pace: Pace = QUICK) -> Recorder:
        made.append(Recorder(store, queue, 30, pace))
        return made[-1]

    yield make
    for recorder in made:
        recorder.stop(1)


def test_what_was_offered_is_in_the_database(
    database: Database, make_recorder: MakeRecorder
) -> None:
    """A flush later every record can be found."""
    recorder = make_recorder(database)
    recorder.start()
    records = [make_record() for _ in range(1_234)]
    assert all(recorder.offer(record) for record in records)
    assert recorder.flush(LONG_SECONDS)
    assert (recorder.written, recorder.dropped, recorder.depth) == (1_234, 0, 0)
    assert database.count() == 1_234
    assert recorder.healthy
    assert database.find(records[-1].id, None)


def test_tables_are_made_by_the_thread(
    database_url: str, tmp_path: Path, make_recorder: MakeRecorder
) -> None:
    """An empty database is enough to begin with."""
    database = Database(database_url, tmp_path)
    recorder = make_recorder(database)
    recorder.offer(make_record())
    recorder.start()
    assert recorder.flush(LONG_SECONDS)
    assert database.count() == 1
    recorder.stop(LONG_SECONDS)
    database.close()


def test_a_stop_writes_what_is_left(database: Database, make_recorder: MakeRecorder) -> None:
    """Nothing that was offered before the end is lost, and nothing is taken after it."""
    recorder = make_recorder(database, pace=Pace(batch=100, tick_seconds=LONG_SECONDS))
    recorder.start()
    for _ in range(1_050):
        recorder.offer(make_record())
    recorder.stop(LONG_SECONDS)
    assert not recorder.offer(make_record())
    assert (recorder.written, recorder.dropped, recorder.depth) == (1_050, 1, 0)
    assert database.count() == 1_050


def test_batches_are_bounded(make_recorder: MakeRecorder) -> None:
    """A long queue is written in batches of the size named, in their order."""
    store, records = Memory(), [make_record() for _ in range(25)]
    recorder = make_recorder(store, pace=Pace(batch=10, tick_seconds=0.005))
    for record in records:
        recorder.offer(record)
    recorder.start()
    assert recorder.flush(LONG_SECONDS)
    assert store.batches == [10, 10, 5]
    assert list(store.kept) == [record.id for record in records]


def test_a_full_queue_drops_and_counts(make_recorder: MakeRecorder) -> None:
    """What finds no room is refused at once, while the database hangs, and counted."""
    store = Memory()
    store.open.clear()
    recorder = make_recorder(store, queue=20)
    recorder.start()
    taken = [recorder.offer(make_record()) for _ in range(50)]
    assert taken == [True] * 20 + [False] * 30
    assert (recorder.written, recorder.dropped, recorder.depth) == (0, 30, 20)
    store.open.set()
    assert recorder.flush(LONG_SECONDS)
    assert (recorder.written, recorder.dropped, recorder.depth) == (20, 30, 0)


def test_an_outage_in_the_middle_loses_nothing(
    make_recorder: MakeRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """A batch that failed is kept, tried again and told once, and the tables are made again."""
    store = Memory()
    recorder = make_recorder(store)
    recorder.start()
    recorder.offer(make_record())
    assert recorder.flush(LONG_SECONDS)
    store.fault = DOWN
    recorder.offer(make_record())
    assert until(lambda: not recorder.healthy)
    assert not recorder.flush(0.05)
    store.fault = None
    assert recorder.flush(LONG_SECONDS)
    assert (recorder.written, len(store.kept), store.migrated) == (2, 2, 2)
    assert caplog.text.count("predictions wait for the database: down") == 1


def test_a_database_that_is_down_at_the_end_costs_what_is_left(make_recorder: MakeRecorder) -> None:
    """What could not be written before the time was up is counted as dropped."""
    store = Memory()
    store.fault = DOWN
    recorder = make_recorder(store)
    recorder.start()
    for _ in range(7):
        recorder.offer(make_record())
    recorder.stop(0.1)
    assert (recorder.written, recorder.dropped, recorder.depth) == (0, 7, 0)


def test_a_database_that_hangs_at_the_end_counts_no_more(make_recorder: MakeRecorder) -> None:
    """A write that ends after the stop changes no counter."""
    store = Memory()
    recorder = make_recorder(store)
    store.open.clear()
    recorder.start()
    recorder.offer(make_record())
    recorder.stop(0.05)
    store.open.set()
    assert until(lambda: not recorder._thread.is_alive())
    assert (recorder.written, recorder.dropped, recorder.depth) == (0, 1, 0)


def test_a_recorder_that_never_began_drops(make_recorder: MakeRecorder) -> None:
    """Stopped before it was started, it says that it lost what it held."""
    recorder = make_recorder(Memory())
    recorder.offer(make_record())
    recorder.stop(1)
    assert (recorder.written, recorder.dropped, recorder.depth) == (0, 1, 0)


def test_a_bad_record_does_not_stop_the_others(
    database: Database, make_recorder: MakeRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a batch with two faults all but these are written, and they are named in the log."""
    records = [make_record() for _ in range(100)]
    bad = [make_record(digit=11), make_record(confidence=float("nan"))]
    recorder = make_recorder(database)
    for record in (bad[0], *records[:60], bad[1], *records[60:]):
        recorder.offer(record)
    recorder.start()
    assert recorder.flush(LONG_SECONDS)
    assert (recorder.written, recorder.dropped, recorder.depth) == (100, 2, 0)
    assert database.count() == 100
    assert all(record.id in caplog.text for record in bad)
    assert recorder.healthy


def test_an_outage_in_the_middle_of_a_search_is_counted_once(make_recorder: MakeRecorder) -> None:
    """A database that goes while a bad record is sought gets the rest later, and nothing twice."""

    class Fragile(Memory):
        def insert(self, records: Sequence[PredictionRecord]) -> None:
            if any(record.digit > 9 for record in records):
                message = "bad"
                raise ValueError(message)
            self.fault = DOWN if len(self.batches) == 1 else None
            super().insert(records)

        def migrate(self) -> None:
            self.fault = None
            self.batches.append(0)
            super().migrate()

    recorder = make_recorder(Fragile())
    for digit in (1, 2, 3, 4, 11, 6, 7, 8):
        recorder.offer(make_record(digit=digit))
    recorder.start()
    assert recorder.flush(LONG_SECONDS)
    assert (recorder.written, recorder.dropped, recorder.depth) == (7, 1, 0)


def test_the_thread_outlives_what_nobody_expected(
    make_recorder: MakeRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of no known kind is logged with its trace, and the work goes on."""
    store = Memory()
    store.fault = RuntimeError("odd")
    recorder = make_recorder(store)
    recorder.start()
    assert until(lambda: "odd" in caplog.text)
    store.fault = None
    recorder.offer(make_record())
    assert recorder.flush(LONG_SECONDS)
    assert "Traceback" in caplog.text


def test_retention_goes_on_until_nothing_is_old(make_recorder: MakeRecorder) -> None:
    """A long past is deleted piece by piece, then not again for an hour."""
    store = Memory()
    store.old = 2_500
    recorder = make_recorder(store)
    recorder.start()
    assert until(lambda: store.old == 0)
    recorder.offer(make_record())
    assert recorder.flush(LONG_SECONDS)
    assert store.forgotten == [30] * 3


def test_many_threads_offer_at_once(make_recorder: MakeRecorder) -> None:
    """No record is counted twice or not at all when eight threads offer to a short queue."""
    store, taken = Memory(), [0] * 8
    recorder = make_recorder(store, queue=300)
    recorder.start()

    def offer(place: int) -> None:
        taken[place] = sum(recorder.offer(make_record()) for _ in range(2_000))

    threads = [threading.Thread(target=offer, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.flush(LONG_SECONDS)
    assert recorder.written == len(store.kept) == sum(taken)
    assert recorder.written + recorder.dropped + recorder.depth == 16_000
