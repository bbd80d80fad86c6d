"""The recorder's files."""

import pytest

from mnist_pipeline.gates.records import Record, RecordMalformedError, last_line, record


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
