"""What is read of the open-loop generator's rows."""

import base64

from load.serving.generators import read

MILLISECOND = 1_000_000


def row(sent_ms: float, took_ms: float, status: int = 200, body: bytes = b"{}") -> str:
    """Return a row as vegeta writes it."""
    sent, took = int(sent_ms * MILLISECOND), int(took_ms * MILLISECOND)
    said = base64.b64encode(body).decode()
    return f"{sent},{status},{took},10,10,,{said},,0,POST,http://127.0.0.1/,\n"


def test_a_latency_counts_from_when_the_request_should_have_been_sent() -> None:
    """A request that the generator sent 400 ms late took 400 ms longer than it says."""
    found = read(row(0, 10) + row(600, 10) + row(100, 10), rate=10)
    assert (found.p50_ms, found.p99_ms) == (10, 410)
    assert found.late_p99_ms == 400


def test_a_request_that_was_sent_early_is_not_quicker_for_it() -> None:
    """Nothing is taken off for a request that was sent before its time."""
    assert read(row(0, 10) + row(60, 10), rate=10).p99_ms == 10


def test_rows_stand_in_any_order() -> None:
    """Rows are in the order of the answers, and are read in the order of the requests."""
    forwards, backwards = row(0, 5) + row(100, 1), row(100, 1) + row(0, 5)
    assert read(forwards, rate=10) == read(backwards, rate=10)


def test_a_status_other_than_200_is_an_error() -> None:
    """A refusal, a failure and no answer at all are counted."""
    rows = row(0, 1) + row(100, 1, 429) + row(200, 1, 500) + row(300, 1, 0)
    assert read(rows, rate=10).errors == 3


def test_a_wrong_answer_is_an_error() -> None:
    """A body with a fault in it is counted though its status is 200."""
    rows = row(0, 1, body=b"right") + row(100, 1, body=b"wrong")
    assert read(rows, 10, lambda body: "" if body == b"right" else "no").errors == 1


def test_a_queue_shows_in_the_time_after_the_last_request() -> None:
    """How long answers go on to come after the last request is told."""
    assert read(row(0, 900) + row(100, 300), rate=10).drained_seconds == 0.8
