"""The recorder's files."""

import pytest

from mnist_pipeline.gates.records import Command, Record, RecordMalformedError, last_line, record

TESTS = Command("tests", ("pytest",), 60)


def test_a_record_is_read() -> None:
    """Exit code and times come as numbers."""
    text = '{"exit_code": 1, "started": 10.5, "finished": 12}\n'
    assert record(text) == Record(1, 10.5, 12.0)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"exit_code": "x", "started": 1}', "null"])
def test_a_malformed_record_is_an_error(text: str) -> None:
    """What cannot be read is never taken for success."""
    with pytest.raises(RecordMalformedError):
        record(text)


def test_the_last_line_that_says_something_is_found() -> None:
    """Empty lines at the end are passed over."""
    assert [last_line("a\nb\n \n"), last_line("\n")] == ["b", "it printed nothing"]


@pytest.mark.parametrize(
    ("code", "seconds", "status", "told"),
    [
        (124, 60.1, "red", "tests was given up after 60 s: the end"),
        (137, 70.0, "red", "tests was given up after 60 s: the end"),
        (137, 5.0, "red", "tests was killed, exit code 137 (memory?): the end"),
        (139, 5.0, "red", "tests was killed, exit code 139: the end"),
        (124, 5.0, "red", "tests gave up: the end"),
        (127, 0.1, "not run", "tests: exit code 127: the end"),
    ],
)
def test_no_answer_has_a_reason(code: int, seconds: float, status: str, told: str) -> None:
    """Time, memory, other signals, and what gave up or never began are told apart."""
    verdict = TESTS.silence(Record(code, 100.0, 100.0 + seconds), "begun\nthe end\nKilled\n")
    assert verdict is not None
    assert (verdict.status, verdict.reasons) == (status, (told,))


def test_an_answer_is_no_silence() -> None:
    """Faults that a tool found are an answer, and so is a time-out where that is a finding."""
    asking = Command("ask", ("trivy",), 60, unsettled=256)
    assert TESTS.silence(Record(1, 0.0, 600.0), "") is None
    assert asking.silence(Record(124, 0.0, 60.0), "") is None


def test_the_recorder_is_given_what_a_command_needs() -> None:
    """Name, limits, when it runs, and its words."""
    keeping = Command("logs", ("cp", "a"), 9, always=True)
    assert TESTS.arguments == ["tests", "60", "124", "", "pytest"]
    assert keeping.arguments == ["logs", "9", "124", "always", "cp", "a"]
