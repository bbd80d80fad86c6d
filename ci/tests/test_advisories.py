"""What the offline database is made of, and which database is asked for."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from mnist_pipeline.gates.advisories import (
    SEVERITIES,
    AdvisoriesMalformedError,
    Choice,
    choice,
    curated,
    facts,
    instead,
    limited,
)
from mnist_pipeline.gates.changelogs import Fix
from mnist_pipeline.gates.verdicts import Verdict, not_run

CI = Path(__file__).resolve().parents[1]
ENTRY = (
    'id = "CVE-2026-0001", package = "x", vulnerable = ["<2", ">=3, <3.1"], '
    'fixed = ["2", "3.1"], severity = "high", title = "it fails"'
)
LIST = f"checked = 2026-11-25\nadvisories = [{{ {ENTRY} }}]\n"
MADE = Verdict("green", ("offline database of 2026-11-25",))
RANGE = re.compile(r"(>=[\w.]+, )?<[\w.]+")


def test_the_list_of_this_project_is_whole() -> None:
    """Each entry is named once a package, ends where it is fixed, and its list has a day."""
    known = curated((CI / "advisories/python.toml").read_text())
    named = [(entry.package, entry.id) for entry in known.advisories]
    assert len(named) == len(set(named))
    for entry in known.advisories:
        assert re.fullmatch(r"(CVE-\d{4}-\d{4,}|PYSEC-\d{4}-\d+)", entry.id)
        assert entry.package == entry.package.lower().replace("_", "-")
        assert all(RANGE.fullmatch(item) for item in entry.vulnerable)
        assert [item.rpartition("<")[2] for item in entry.vulnerable] == [*entry.fixed]


def test_the_list_is_read() -> None:
    """Its day and its entries."""
    known = curated(LIST)
    assert known.checked == date(2026, 11, 25)
    assert known.advisories[0].vulnerable == ("<2", ">=3, <3.1")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-11-25", '"2026-11-25"'),
        ("2026-11-25", "2026-11-25T00:00:00"),
        ('severity = "high"', 'severity = "HIGH"'),
        ('severity = "high"', 'severity = "unknown"'),
        ('title = "it fails"', 'title = ""'),
        ('title = "it fails"', 'link = "x"'),
        ('fixed = ["2", "3.1"]', "fixed = []"),
        ('fixed = ["2", "3.1"]', 'fixed = "2"'),
        ("advisories = [", "others = ["),
        ("checked", "unchecked"),
        ("[{", "{"),
    ],
)
def test_a_list_that_is_not_whole_is_refused(old: str, new: str) -> None:
    """A fault in it never makes it shorter."""
    assert old in LIST
    with pytest.raises(AdvisoriesMalformedError):
        curated(LIST.replace(old, new))


def test_an_empty_list_is_refused() -> None:
    """It would know nothing and say that all is well."""
    with pytest.raises(AdvisoriesMalformedError):
        curated("checked = 2026-11-25\nadvisories = []\n")


def test_facts_stand_under_the_names_that_the_scanner_looks_up() -> None:
    """Debian's by source package, Python's by range."""
    buckets = json.loads(facts({"y": {"CVE-2026-0002": Fix("1-2", "LOW")}}, curated(LIST)))
    debian, python = (bucket["Advisories"] for bucket in buckets)
    assert [bucket["Name"] for bucket in buckets] == ["debian 13", "pip::curated"]
    assert (debian[0]["Package"], debian[0]["FixedVersion"]) == ("y", "1-2")
    assert python[0]["VulnerableVersions"] == ["<2", ">=3, <3.1"]
    assert python[0]["Severity"] == "HIGH"
    assert python[0]["Severity"].lower() in SEVERITIES


def test_the_offline_database_says_what_it_knows() -> None:
    """How much of what, and of which sources nothing."""
    verdict = limited(MADE, 90, ["zlib", "acl"], curated(LIST))
    assert verdict.passed
    assert verdict.reasons == (
        "offline database of 2026-11-25: changelogs of 90 sources, "
        "1 advisories for Python, nothing else",
        "the advisories for Python are of 2026-11-25",
        "no changelog could be had of acl, zlib",
    )


def test_no_offline_database_is_none() -> None:
    """Its limits are not told as if there were one."""
    assert limited(not_run("no offline database"), 1, [], curated(LIST)) == not_run(
        "no offline database"
    )


def test_a_database_in_the_place_of_another_says_so() -> None:
    """It is named first, then why the other one could not be had."""
    asked = not_run("no official database: no such host")
    assert instead(MADE, asked) == Verdict("green", (*MADE.reasons, *asked.reasons))


def test_where_neither_can_be_had_both_reasons_are_told() -> None:
    """The one that was asked for comes first."""
    asked, made = not_run("no official database"), not_run("no changelog could be had")
    assert instead(made, asked) == not_run("no official database", "no changelog could be had")


def test_the_choice_of_this_project_is_one() -> None:
    """The official database is asked for, and replaced where it cannot be had."""
    assert choice((CI / "vulnerabilities.toml").read_text()) == Choice("official", "offline")


@pytest.mark.parametrize(
    ("database", "name", "options"),
    [
        ("official", "official database", []),
        (
            "registry.example.org/trivy-db:2",
            "mirror registry.example.org/trivy-db:2",
            ["--db-repository", "registry.example.org/trivy-db:2"],
        ),
    ],
)
def test_a_database_is_asked_for_by_its_address(
    database: str, name: str, options: list[str]
) -> None:
    """The scanner knows the official one itself."""
    chosen = choice(f'database = "{database}"\notherwise = "none"\n')
    assert (chosen.name, chosen.options) == (name, options)


@pytest.mark.parametrize(
    "toml",
    [
        "",
        'database = "official"',
        'database = "oficial"\notherwise = "none"',
        'database = 1\notherwise = "none"',
        'database = "official"\notherwise = "official"',
        'database = "official"\notherwise = "none"\nmore = 1',
        "database = ",
    ],
)
def test_a_choice_that_is_none_is_refused(toml: str) -> None:
    """A word that was mistyped never chooses another database."""
    with pytest.raises(AdvisoriesMalformedError):
        choice(toml)
