"""The verdict on axe's results, without a browser."""

from datetime import date, timedelta

import pytest
from findings import (
    ExceptionInvalidError,
    Finding,
    Listed,
    found,
    outlived,
    read_listed,
    unlisted,
)

TODAY = date(2026, 11, 24)
FINDING = Finding(
    "violations", "color-contrast", "serious", "wcag143", "#a", '<p data-testid="x">', "empty"
)
LISTED = Listed(
    "violations", "color-contrast", 'data-testid="x"', "upstream", "https://a.test/1", TODAY
)
ENTRY = """
[[exception]]
rule = "color-contrast"
element = 'data-testid="x"'
reason = "upstream"
link = "https://a.test/1"
expires = 2026-11-24
"""


def rule(impact: str | None = "critical", *targets: object) -> dict[str, object]:
    """Build one result of a rule as axe reports it."""
    nodes = [{"target": [target], "html": "<input>"} for target in targets or ("#a",)]
    tags = ["cat.forms", "wcag2a", "wcag412", "EN-9.4.1.2", "RGAA-11.1.1"]
    return {"id": "label", "impact": impact, "tags": tags, "nodes": nodes}


@pytest.mark.parametrize("impact", ["minor", "moderate", "serious", "critical", None])
def test_every_violation_is_judged_whatever_its_impact(impact: str | None) -> None:
    """What axe calls minor needs its entry, too."""
    [finding] = found({"violations": [rule(impact)], "incomplete": []}, "here")
    assert finding.kind == "violations"


def test_what_axe_cannot_decide_is_a_finding_of_its_own_kind() -> None:
    """Somebody has to look at it."""
    [finding] = found({"violations": [], "incomplete": [rule(None)]}, "here")
    assert finding.kind == "incomplete"
    assert "undecided" in str(finding)


def test_each_element_of_a_violation_is_a_finding() -> None:
    """A rule broken twice needs two answers, each naming rule, clauses, element and place."""
    results = {"violations": [rule("critical", "#a", ["#b", "i"])], "incomplete": []}
    first, second = found(results, "empty")
    assert str(first) == (
        "empty: label (critical; wcag412, EN-9.4.1.2, RGAA-11.1.1) at #a: <input>"
    )
    assert "#b" in second.target


def test_an_unlisted_finding_is_a_complaint() -> None:
    """Without an exception the finding is told in full."""
    assert unlisted([FINDING], []) == [str(FINDING)]


def test_a_listed_finding_is_no_complaint() -> None:
    """Rule and element together cover the finding."""
    assert unlisted([FINDING], [LISTED]) == []


@pytest.mark.parametrize(
    ("kind", "rule", "element"),
    [
        ("violations", "label", 'data-testid="x"'),
        ("violations", "color-contrast", "#b"),
        ("incomplete", "color-contrast", 'data-testid="x"'),
    ],
)
def test_an_entry_for_another_kind_rule_or_element_covers_nothing(
    kind: str, rule: str, element: str
) -> None:
    """One accepted violation is no licence for others, nor is a review of something undecided."""
    other = Listed(kind, rule, element, "upstream", "https://a.test/1", TODAY)
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
    """The five fields of the file are the fields of the entry, and its table is its kind."""
    assert read_listed(ENTRY) == [LISTED]
    [review] = read_listed(ENTRY.replace("exception", "review"))
    assert review.kind == "incomplete"


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
