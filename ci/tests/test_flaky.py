"""Verdicts on tests that may be tried again, and on those that were."""

import json
from datetime import date

import pytest

from mnist_pipeline.gates.flaky import (
    Flaky,
    FlakyTestsMalformedError,
    allowed,
    judge,
    listed,
    retried,
)

STAGES = ("end-to-end", "accessibility")
TODAY = date(2026, 11, 28)
ENTRY = """
[[test]]
stage = "end-to-end"
name = "test_a"
times = 2
reason = "Chromium now and then loses the first click"
expires = 2026-12-31
"""
TEST = Flaky(
    "end-to-end", "test_a", 2, "Chromium now and then loses the first click", date(2026, 12, 31)
)
XML = '<testsuites><testsuite><testcase name="test_a[7]"/></testsuite></testsuites>'


def test_an_entry_allows_other_tries_in_its_stage_until_its_day() -> None:
    """Times count on the last day, too, and not after it; another stage has none."""
    assert listed(ENTRY, STAGES) == [TEST]
    assert listed("# nothing yet", STAGES) == []
    assert allowed([TEST], "end-to-end", TEST.expires) == {"test_a": 2}
    assert allowed([TEST], "end-to-end", date(2027, 1, 1)) == {}
    assert allowed([TEST], "accessibility", TODAY) == {}


@pytest.mark.parametrize(
    "toml",
    [
        "[[test]",
        "test = 3",
        ENTRY.replace("times = 2", "times = 4"),
        ENTRY.replace("times = 2", "times = 0"),
        ENTRY.replace("times = 2", "times = true"),
        ENTRY.replace("times = 2", ""),
        ENTRY.replace("2026-12-31", '"soon"'),
        ENTRY.replace('"end-to-end"', '"unit"'),
        ENTRY.replace("Chromium now and then loses the first click", " "),
        f"{ENTRY}more = 1",
    ],
)
def test_a_file_that_says_less_or_more_is_refused(toml: str) -> None:
    """Every field is there, filled, of its kind and within its bounds."""
    with pytest.raises(FlakyTestsMalformedError, match="flaky"):
        listed(toml, STAGES)


def test_an_entry_that_is_of_no_use_is_red() -> None:
    """It has expired, or names no test; where no test reported, only the first is known."""
    assert judge([TEST], "end-to-end", TODAY, XML).passed
    assert judge([TEST], "accessibility", date(2027, 1, 1), XML).passed
    assert "no longer" in judge([TEST], "end-to-end", date(2027, 1, 1), "").reasons[0]
    gone = judge([TEST], "end-to-end", TODAY, XML.replace("test_a", "test_b"))
    assert gone.reasons == (
        "test_a in ci/flaky-tests.toml is no test of end-to-end: delete the entry",
    )
    assert judge([TEST], "end-to-end", TODAY, "").passed


def test_every_other_try_is_told() -> None:
    """With what went wrong; nothing is told where nothing was tried again."""
    told = retried(json.dumps([{"name": "test_a[7]", "message": "AssertionError: 1"}]))
    assert told is not None
    assert (told.status, told.reasons) == (
        "green",
        ("tried again: test_a[7]: AssertionError: 1",),
    )
    assert retried("[]") is None


@pytest.mark.parametrize("text", ["", "[1]", '[{"name": "a"}]'])
def test_tries_that_are_not_known_are_not_run(text: str) -> None:
    """A report that is missing or cannot be read is no report of nothing."""
    told = retried(text)
    assert told is not None
    assert told.status == "not run"
