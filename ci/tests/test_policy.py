"""The release policy: what it asks, what it accepts, and what is refused by it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mnist_pipeline.gates.policy import (
    ENVIRONMENTS,
    TREE,
    Check,
    EnvironmentUnknownError,
    Evidence,
    PolicyMalformedError,
    described,
    environment_of,
    judge,
    policy,
    verdict,
)

KNOWN = ("lint", "unit", "scan", "vulnerabilities")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = 3600.0
TEXT = """
[environments.dev]
checks = ["lint"]
evidence_hours = 168
clean = false
[environments.staging]
checks = ["lint", "unit"]
evidence_hours = 72
clean = true
[environments.production]
checks = ["lint", "unit", "vulnerabilities"]
evidence_hours = 24
clean = true
[[accepted]]
environments = ["production"]
check = "vulnerabilities"
status = "not run"
rehearsal = true
reason = "no database here"
expires = 2026-12-31
"""
GREEN = Check("green", NOW.timestamp() - HOUR)
CHECKS = {
    "lint": GREEN,
    "unit": GREEN,
    "vulnerabilities": Check("not run", GREEN.made, "no database"),
}


def evidence(*, clean: bool = True, **changed: Check) -> Evidence:
    """Evidence that is green but for what is changed; `_` of a name stands for nothing."""
    return Evidence({**CHECKS, **changed}, "c0ffee", "1.0.0", clean, "ab" * 32, {"backend": "d"})


@pytest.mark.parametrize(
    "names", [(), ("", ""), ("staging", "production"), ("dev", ""), ("", "prod")]
)
def test_an_environment_is_named_once(names: tuple[str, ...]) -> None:
    """Neither no name nor two that differ nor an unknown one says where to."""
    with pytest.raises(EnvironmentUnknownError, match="give one of staging, production as --env"):
        environment_of(names, ("staging", "production"))


@pytest.mark.parametrize("names", [("dev", ""), ("", "dev"), ("dev", "dev")])
def test_an_option_and_its_alias_may_agree(names: tuple[str, ...]) -> None:
    """It is the same by either name, or by both."""
    assert environment_of(names) == "dev"


def refused(environment: str, found: Evidence, *, rehearsal: bool = False) -> dict[str, str]:
    """What is refused, and why."""
    rulings = judge(policy(TEXT, KNOWN), environment, found, NOW, rehearsal=rehearsal)
    return {r.check: r.reason for r in rulings if r.outcome == "refused"}


def test_green_and_fresh_evidence_is_let_through() -> None:
    """Evidence that is green, an hour old and of a clean tree meets the policy of staging."""
    rulings = judge(policy(TEXT, KNOWN), "staging", evidence(), NOW, rehearsal=False)
    assert verdict(rulings).passed
    assert [r.check for r in rulings] == ["lint", "unit", TREE]


def test_red_evidence_is_refused_with_its_reason() -> None:
    """A red check is refused, and what made it red is told."""
    red = Check("red", GREEN.made, "2 of 9 failed: test_a")
    assert refused("staging", evidence(unit=red)) == {"unit": "red: 2 of 9 failed: test_a"}


def test_stale_evidence_is_refused() -> None:
    """An answer older than the environment allows is refused, though it is green."""
    old = Check("green", NOW.timestamp() - 73 * HOUR)
    assert "stale" in refused("staging", evidence(lint=old))["lint"]
    assert refused("dev", evidence(lint=old)) == {}


def test_evidence_from_the_future_is_refused() -> None:
    """A clock that is a day ahead does not make evidence fresh."""
    ahead = Check("green", NOW.timestamp() + 24 * HOUR)
    assert "future" in refused("staging", evidence(lint=ahead))["lint"]


def test_evidence_without_a_time_is_stale() -> None:
    """An answer that does not tell when it was made is as old as can be."""
    assert "stale" in refused("dev", evidence(lint=Check("green", 0.0)))["lint"]


def test_a_check_that_is_missing_is_refused() -> None:
    """What the environment asks for must be in the evidence."""
    found = evidence()
    without = Evidence({"lint": GREEN}, found.commit, found.version, True, found.digest, {})
    assert refused("staging", without) == {"unit": "it is not in the evidence"}


def test_a_changed_tree_is_refused_where_the_policy_asks_for_its_commit() -> None:
    """A tree with changes goes to dev and nowhere else."""
    assert "commit" in refused("staging", evidence(clean=False))[TREE]
    assert refused("dev", evidence(clean=False)) == {}


def test_what_did_not_run_is_refused() -> None:
    """A scan without a database is refused in a release, whatever a rehearsal may do."""
    assert refused("production", evidence()) == {"vulnerabilities": "not run: no database"}


def test_what_is_accepted_is_told_as_accepted() -> None:
    """An acceptance lets a rehearsal through, and its reason and date are told."""
    rulings = judge(policy(TEXT, KNOWN), "production", evidence(), NOW, rehearsal=True)
    (accepted,) = [r for r in rulings if r.outcome == "accepted"]
    assert "no database here" in accepted.reason
    assert "2026-12-31" in accepted.reason
    assert verdict(rulings).counts == {"passed": 3, "accepted": 1}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-12-31", "2026-11-24"),
        ('environments = ["production"]', 'environments = ["staging"]'),
        ('status = "not run"', 'status = "red"'),
    ],
)
def test_an_acceptance_covers_nothing_else(old: str, new: str) -> None:
    """Date, environment and status of an acceptance must all fit."""
    rulings = judge(
        policy(TEXT.replace(old, new), KNOWN), "production", evidence(), NOW, rehearsal=True
    )
    assert not verdict(rulings).passed


def test_stale_evidence_is_not_accepted() -> None:
    """An acceptance is about a check's status and never about its age."""
    old = Check("not run", NOW.timestamp() - 25 * HOUR, "no database")
    found = evidence(vulnerabilities=old)
    assert "stale" in refused("production", found, rehearsal=True)["vulnerabilities"]


def test_nothing_judged_is_not_green() -> None:
    """No ruling at all lets nothing through."""
    assert not verdict([]).passed


def test_an_environment_that_is_not_there_is_named() -> None:
    """A wrong environment is answered with the right ones."""
    with pytest.raises(EnvironmentUnknownError, match=r"prod.*dev, staging, production"):
        refused("prod", evidence())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["lint"]', "[]"),
        ('["lint"]', '["link"]'),
        ("168", "0"),
        ("168", "true"),
        ("168", '"168"'),
        ("clean = false", "clean = 0"),
        ("clean = false\n", ""),
        ("environments.dev", "environments.test"),
        ("[[accepted]]", "[[excepted]]"),
        ("no database here", " "),
        ("2026-12-31", '"2026-12-31"'),
        ('"not run"', '"green"'),
        ('["production"]', '["prod"]'),
        ("rehearsal = true", 'rehearsal = "yes"'),
        ("[environments.dev]", "[environments.dev"),
    ],
)
def test_a_policy_that_says_nothing_or_the_wrong_thing_is_an_error(old: str, new: str) -> None:
    """A field that is missing, empty, unknown or of the wrong kind is refused when it is read."""
    assert old in TEXT
    with pytest.raises(PolicyMalformedError):
        policy(TEXT.replace(old, new, 1), KNOWN)


def test_the_policy_of_the_tree_can_be_read() -> None:
    """The committed policy asks production for every check there is, also for a new one."""
    text = (Path(__file__).parents[1] / "release-policy.toml").read_text(encoding="utf-8")
    every = [*KNOWN, "advisories", "types", "secrets", "model", "added tomorrow"]
    known = policy(text, [*every, "rehearsal"], on_demand={"rehearsal"})
    staging, production = known.requirement("staging"), known.requirement("production")
    assert [*production.checks] == every
    assert production.evidence_hours <= staging.evidence_hours
    assert all(entry.rehearsal for entry in known.accepted if "production" in entry.environments)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_environment_is_released_to_without_known_vulnerabilities(environment: str) -> None:
    """By the committed policy a scan without a database refuses a release, and no rehearsal."""
    text = (Path(__file__).parents[1] / "release-policy.toml").read_text(encoding="utf-8")
    known = policy(text, [*KNOWN, "advisories", "types", "secrets", "model"])
    asked = dict.fromkeys(known.requirement(environment).checks, GREEN)
    found = Evidence({**asked, **CHECKS}, "c0ffee", "1.0.0", True, "ab" * 32, {"backend": "d"})
    real = judge(known, environment, found, NOW, rehearsal=False)
    assert {r.check for r in real if r.outcome == "refused"} == {"vulnerabilities"}
    assert verdict(judge(known, environment, found, NOW, rehearsal=True)).passed


def test_rulings_are_told_to_machines() -> None:
    """A ruling becomes a table of its three fields."""
    rulings = judge(policy(TEXT, KNOWN), "dev", evidence(), NOW, rehearsal=False)
    assert described(rulings) == [{"check": "lint", "outcome": "passed", "reason": ""}]
