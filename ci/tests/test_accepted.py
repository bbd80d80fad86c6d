"""Accepted findings, and what is wrong with a list of them."""

from datetime import date

import pytest

from mnist_pipeline.gates.accepted import (
    AcceptedFindingsMalformedError,
    Finding,
    acceptances,
    concerning,
    sifted,
)

TODAY = date(2026, 11, 23)
TARGETS = ("backend", "source")
FINDING = Finding("source", "misconfiguration", "DS-0002", "HIGH", "apps/x/Dockerfile", "root")
ENTRY = """
[[accepted]]
target = "source"
kind = "misconfiguration"
rule = "DS-0002"
location = "apps/*/Dockerfile"
reason = "the installer needs it"
expires = 2026-12-31
"""


def test_an_accepted_finding_is_not_open() -> None:
    """An entry takes its finding from the list and is itself in order."""
    assert sifted([FINDING], acceptances(ENTRY, TARGETS), TODAY) == ([], [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"source"', '"backend"'),
        ("DS-0002", "DS-0001"),
        ("apps/*", "deploy/*"),
        ("misconfiguration", "secret"),
    ],
)
def test_an_entry_covers_nothing_else(old: str, new: str) -> None:
    """Target, kind, rule and place must all be those of the finding."""
    open_findings, faults = sifted([FINDING], acceptances(ENTRY.replace(old, new), TARGETS), TODAY)
    assert open_findings == [FINDING]
    assert "matches nothing" in faults[0]


def test_an_expired_entry_accepts_nothing() -> None:
    """After its date the finding is open again and the entry a fault."""
    open_findings, faults = sifted([FINDING], acceptances(ENTRY, TARGETS), date(2027, 1, 1))
    assert open_findings == [FINDING]
    assert "expired on 2026-12-31" in faults[0]


def test_a_stale_entry_is_a_fault() -> None:
    """An entry whose finding is gone must be deleted."""
    assert "delete it" in sifted([], acceptances(ENTRY, TARGETS), TODAY)[1][0]


def test_an_empty_file_accepts_nothing() -> None:
    """A file of comments is a list without entries."""
    assert acceptances("# nothing\n", TARGETS) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('reason = "the installer needs it"\n', ""),
        ("the installer needs it", " "),
        ("2026-12-31", '"2026-12-31"'),
        ("2026-12-31", "2026-12-31T00:00:00Z"),
        ('"misconfiguration"', '"style"'),
        ('"source"', "1"),
        ("expires", "expiry"),
        ("[[accepted]]", "accepted = 1"),
        ("[[accepted]]", "[accepted]"),
        ("]]", "]"),
    ],
)
def test_a_malformed_list_is_an_error(old: str, new: str) -> None:
    """A field that is missing, empty, unknown or of the wrong kind is refused."""
    with pytest.raises(AcceptedFindingsMalformedError):
        acceptances(ENTRY.replace(old, new), TARGETS)


def test_a_target_that_nothing_scans_is_refused() -> None:
    """No scan would ever call such an entry stale, so the error names the targets there are."""
    planted = ENTRY.replace('"source"', '"prometheus"')
    with pytest.raises(AcceptedFindingsMalformedError, match=r"'prometheus'.*backend, source"):
        acceptances(planted, TARGETS)


def test_an_entry_concerns_only_its_target() -> None:
    """A scan does not call the entries of another target stale."""
    entries = acceptances(ENTRY, TARGETS)
    assert concerning(entries, "backend", vulnerabilities=True) == []
    assert concerning(entries, "source", vulnerabilities=False) == entries


def test_a_vulnerability_without_a_database_is_not_stale() -> None:
    """Where nothing looked for vulnerabilities, their entries are left alone."""
    entries = acceptances(ENTRY.replace("misconfiguration", "vulnerability"), TARGETS)
    assert concerning(entries, "source", vulnerabilities=False) == []
