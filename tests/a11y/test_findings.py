"""The verdict on axe's results, without a browser."""

from datetime import date, timedelta

import pytest
from findings import (
    ExceptionInvalidError,
    Finding,
    Listed,
    outlived,
    read_listed,
    serious,
    unlisted,
)

TODAY = date(2026, 11, 24)
FINDING = Finding("color-contrast", "serious", "#caption", '<p data-testid="x">', "empty, light")
LISTED = Listed("color-contrast", 'data-testid="x"', "upstream", "https://a.test/1", TODAY)
ENTRY = """
[[exception]]
rule = "color-contrast"
element = 'data-testid="x"'
reason = "upstream"
link = "https://a.test/1"
expires = 2026-11-24
"""


def violation(impact: str | None) -> dict[str, object]:
    """Build one violation as axe reports it."""
    return {"id": "label", "impact": impact, "nodes": [{"target": ["#a"], "html": "<input>"}]}


@pytest.mark.parametrize("impact", ["serious", "critical", None])
def test_a_serious_critical_or_unrated_violation_is_judged(impact: str | None) -> None:
    """What axe does not rate is taken as serious."""
    assert len(serious({"violations": [violation(impact)]}, "here")) == 1


@pytest.mark.parametrize("impact", ["minor", "moderate"])
def test_a_lesser_violation_is_reported_only(impact: str) -> None:
    """Minor and moderate violations are in the saved results, not in the verdict."""
    assert serious({"violations": [violation(impact)]}, "here") == []


def test_each_element_of_a_violation_is_a_finding() -> None:
    """A rule broken twice needs two answers, each naming rule, element and place."""
    broken = violation("critical")
    broken["nodes"] = [{"target": ["#a"], "html": "<a>"}, {"target": [["#b", "i"]], "html": "<i>"}]
    first, second = serious({"violations": [broken]}, "empty, dark")
    assert str(first) == "empty, dark: label (critical) at #a: <a>"
    assert second.html == "<i>"


def test_an_unlisted_finding_is_a_complaint() -> None:
    """Without an exception the finding is told in full."""
    assert unlisted([FINDING], []) == [str(FINDING)]


def test_a_listed_finding_is_no_complaint() -> None:
    """Rule and element together cover the finding."""
    assert unlisted([FINDING], [LISTED]) == []


@pytest.mark.parametrize(
    ("rule", "element"), [("label", 'data-testid="x"'), ("color-contrast", "#b")]
)
def test_an_exception_for_another_rule_or_element_covers_nothing(rule: str, element: str) -> None:
    """One accepted violation is no licence for others."""
    other = Listed(rule, element, "upstream", "https://a.test/1", TODAY)
    assert unlisted([FINDING], [other]) == [str(FINDING)]


def test_an_exception_is_valid_through_its_last_day() -> None:
    """On the date itself it still holds, the day after it is a complaint."""
    assert outlived([LISTED], [FINDING], TODAY) == []
    [complaint] = outlived([LISTED], [FINDING], TODAY + timedelta(days=1))
    assert complaint.endswith("expired on 2026-11-24")


def test_an_exception_that_no_longer_occurs_is_a_complaint() -> None:
    """What is repaired leaves the list."""
    [complaint] = outlived([LISTED], [], TODAY)
    assert "no longer occurs" in complaint


def test_a_complete_entry_is_read() -> None:
    """The five fields of the file are the five fields of the entry."""
    assert read_listed(ENTRY) == [LISTED]


def test_a_file_without_entries_is_read_as_none() -> None:
    """No exception is the best state of the file."""
    assert read_listed("# nothing accepted\n") == []


@pytest.mark.parametrize(
    "text",
    [
        ENTRY.replace('reason = "upstream"\n', ""),
        ENTRY.replace('"upstream"', '""'),
        ENTRY.replace("2026-11-24", '"2026-11-24"'),
        ENTRY + 'note = "more"\n',
        ENTRY.replace("[[exception]]", "[[exceptions]]"),
    ],
)
def test_an_incomplete_or_misspelt_entry_is_refused(text: str) -> None:
    """A field that is missing, empty, of another type or unknown is an error, not a pass."""
    with pytest.raises(ExceptionInvalidError):
        read_listed(text)
