"""What Debian's changelogs tell of vulnerabilities."""

import pytest

from mnist_pipeline.gates.changelogs import (
    ChangelogMalformedError,
    Fix,
    all_fixes,
    fixes,
    ordering,
)


def entry(version: str, *names: str, suite: str = "trixie", urgency: str = "medium") -> str:
    """An entry as it stands in a changelog."""
    text = "\n".join(f"    - {name}: something" for name in names)
    head = f"x ({version}) {suite}; urgency={urgency}"
    return (
        f"{head}\n\n  * Fix.\n{text}\n\n -- A <a@example.org>  Mon, 02 Nov 2026 10:00:00 +0000\n\n"
    )


def test_a_vulnerability_is_fixed_by_the_version_that_names_it() -> None:
    """Other versions, above and below, are left out."""
    text = entry("1.0-3") + entry("1.0-2", "CVE-2026-0001") + entry("1.0-1")
    assert fixes("x", text) == {"CVE-2026-0001": Fix("1.0-2", "MEDIUM")}


def test_the_highest_version_that_names_it_counts() -> None:
    """A fix that was completed later is as late as its last part."""
    text = entry("1.0-3", "CVE-2026-0001", urgency="high") + entry("1.0-2", "CVE-2026-0001")
    assert fixes("x", text) == {"CVE-2026-0001": Fix("1.0-3", "HIGH")}


def test_a_version_that_was_built_again_for_the_release_counts_as_that() -> None:
    """The archive of the release never had the other one, which is higher."""
    text = entry("2.0-1~deb13u1") + entry("2.0-1", "CVE-2026-0001", suite="unstable")
    assert fixes("x", text)["CVE-2026-0001"].version == "2.0-1~deb13u1"


def test_a_version_that_was_taken_back_counts_as_the_newest() -> None:
    """What is above the newest version cannot be installed."""
    text = entry("1.0-2") + entry("2.0-1", "CVE-2026-0001", suite="unstable") + entry("1.0-1")
    assert fixes("x", text)["CVE-2026-0001"].version == "1.0-2"


def test_a_name_is_known_in_small_letters() -> None:
    """A maintainer may write it as they like."""
    assert "CVE-2026-0001" in fixes("x", entry("1.0-1", "cve-2026-0001"))


@pytest.mark.parametrize(
    ("urgency", "suite", "severity"),
    [
        ("low", "unstable", "LOW"),
        ("medium", "trixie", "MEDIUM"),
        ("high", "unstable", "HIGH"),
        ("emergency", "unstable", "CRITICAL"),
        ("critical", "trixie-security", "CRITICAL"),
        ("medium", "trixie-security", "HIGH"),
        ("vlow", "unstable", "UNKNOWN"),
    ],
)
def test_severity_is_the_urgency_of_the_upload(urgency: str, suite: str, severity: str) -> None:
    """An upload of the security team weighs at least high."""
    text = entry("1.0-1", "CVE-2026-0001", suite=suite, urgency=urgency)
    assert fixes("x", text)["CVE-2026-0001"].severity == severity


def test_entries_of_another_source_are_left_out() -> None:
    """A package that was renamed keeps the entries of its old name."""
    old = entry("0.9-1", "CVE-2020-0001").replace("x (", "old (")
    assert fixes("x", entry("1.0-1") + old) == {}


@pytest.mark.parametrize("text", ["", "x 1.0-1\n", "y (1.0-1) unstable; urgency=low\n"])
def test_a_changelog_without_an_entry_of_its_source_is_refused(text: str) -> None:
    """What cannot be read never means that nothing is known."""
    with pytest.raises(ChangelogMalformedError):
        all_fixes({"x": text})


def test_versions_are_sorted_as_debian_sorts_them() -> None:
    """A tilde stands before nothing, letters before signs, an epoch before all."""
    ordered = "1~rc1 1 1.0-1~deb13u1 1.0-1 1.0-1+deb13u1 1.0-2 1.0a-1 1.0+b-1 1.9-1 1.10-1 1:0.1-1"
    assert sorted(reversed(ordered.split()), key=ordering) == ordered.split()
