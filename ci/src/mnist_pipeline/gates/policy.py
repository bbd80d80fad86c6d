"""Judges evidence by the policy of an environment: which checks, how old, from which tree.

Contract: a check that is missing, not green, too old or from the future is refused, unless the
policy accepts it with a reason and until a date; then it is told as accepted, never as passed. A
policy that cannot be read, or asks for nothing, raises. Does not know how evidence is made, signed
or carried.
"""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, Literal, get_args

from mnist_pipeline.gates.verdicts import Status, Verdict, green, red

Outcome = Literal["passed", "accepted", "refused"]
ENVIRONMENTS = ("dev", "staging", "production")
CLOCKS_APART_SECONDS = 300  # a machine's clock may be that much ahead
HOUR_SECONDS = 3600
EVERY = "*"  # instead of names: each check that `test` runs, also one that is added tomorrow
TREE = "tree"  # the ruling on the source tree, beside those on checks


class PolicyMalformedError(ValueError):
    """The policy does not say what it must."""


class EnvironmentUnknownError(ValueError):
    """No environment has that name."""


@dataclass(frozen=True)
class Check:
    """What one check was found to be, and when the oldest of its answers began."""

    status: Status
    made: float  # seconds since the epoch
    reason: str = ""


@dataclass(frozen=True)
class Evidence:
    """What is known of a source tree and the images that were built from it."""

    checks: Mapping[str, Check]
    commit: str
    version: str
    clean: bool  # the tree is its commit, nothing changed or added
    digest: str  # sha256 over every file of the evidence
    images: Mapping[str, str]  # by name, the digest of the image's manifest
    committed: str = ""  # when the commit was made, in ISO 8601


@dataclass(frozen=True)
class Requirement:
    """What one environment asks."""

    checks: tuple[str, ...]
    evidence_hours: float
    clean: bool


@dataclass(frozen=True)
class Acceptance:
    """A check that need not be green in some environments, until a date."""

    environments: tuple[str, ...]
    check: str
    status: Status
    rehearsal: bool
    reason: str
    expires: date


@dataclass(frozen=True)
class Policy:
    """What every environment asks, and what is accepted for now."""

    requirements: Mapping[str, Requirement]
    accepted: tuple[Acceptance, ...]

    def requirement(self, environment: str) -> Requirement:
        """What an environment asks; raises where there is no such environment."""
        if environment not in self.requirements:
            message = f"no environment {environment!r}: it is one of {', '.join(ENVIRONMENTS)}"
            raise EnvironmentUnknownError(message)
        return self.requirements[environment]


@dataclass(frozen=True)
class Ruling:
    """What the policy says about one check."""

    check: str
    outcome: Outcome
    reason: str = ""


def environment_of(names: Collection[str], known: Sequence[str] = ENVIRONMENTS) -> str:
    """The environment, given by its option or by that option's alias; both may agree."""
    given = {name for name in names if name}
    if len(given) != 1 or given - {*known}:
        named = " and ".join(sorted(given)) or "none"
        message = f"give one of {', '.join(known)} as --env, not {named}"
        raise EnvironmentUnknownError(message)
    return given.pop()


def policy(toml: str, known: Sequence[str], on_demand: Collection[str] = ()) -> Policy:
    """Reads the policy; `known` names every check, `on_demand` those that "*" leaves out."""
    usual = [check for check in known if check not in on_demand]
    try:
        tables = tomllib.loads(toml)
        environments = tables["environments"]
        if set(tables) - {"environments", "accepted"} or set(environments) != {*ENVIRONMENTS}:
            message = f"the policy has the tables accepted, and environments {ENVIRONMENTS}"
            raise PolicyMalformedError(message)
        requirements = {
            name: requirement(table, known, usual) for name, table in environments.items()
        }
        accepted = tuple(acceptance(entry, known) for entry in tables.get("accepted", []))
    except (tomllib.TOMLDecodeError, TypeError, AttributeError, KeyError) as error:
        message = f"the release policy cannot be read: {error!r}"
        raise PolicyMalformedError(message) from error
    return Policy(requirements, accepted)


def requirement(
    table: Mapping[str, Any], known: Sequence[str], usual: Sequence[str]
) -> Requirement:
    """Reads what an environment asks."""
    exactly(table, Requirement)
    hours, clean = table["evidence_hours"], table["clean"]
    if isinstance(hours, bool) or not isinstance(hours, int | float) or hours <= 0:
        message = f"evidence_hours is a number above 0, not {hours!r}"
        raise PolicyMalformedError(message)
    if not isinstance(clean, bool) or not table["checks"]:
        message = "an environment asks for at least one check, and clean is true or false"
        raise PolicyMalformedError(message)
    asked = usual if table["checks"] == [EVERY] else table["checks"]
    return Requirement(tuple(named(check, known) for check in asked), float(hours), clean)


def acceptance(entry: Mapping[str, Any], known: Sequence[str]) -> Acceptance:
    """Reads what is accepted for now; every field must be there, filled, and of its kind."""
    exactly(entry, Acceptance)
    environments, reason = tuple(entry["environments"]), entry["reason"]
    if not environments or not {*environments} <= {*ENVIRONMENTS}:
        message = f"environments of an acceptance are some of {ENVIRONMENTS}, not {environments}"
        raise PolicyMalformedError(message)
    if entry["status"] not in {"red", "not run"} or entry["status"] not in get_args(Status):
        message = f"an acceptance is of a check that is red or not run, not {entry['status']!r}"
        raise PolicyMalformedError(message)
    if type(entry["expires"]) is not date or not isinstance(entry["rehearsal"], bool):
        message = "an acceptance has a date as `expires`, and `rehearsal` is true or false"
        raise PolicyMalformedError(message)
    if not isinstance(reason, str) or not reason.strip():
        message = f"an acceptance has a reason, not {reason!r}"
        raise PolicyMalformedError(message)
    check = named(entry["check"], known)
    return Acceptance(
        environments, check, entry["status"], entry["rehearsal"], reason, entry["expires"]
    )


def exactly(table: Mapping[str, Any], kind: type) -> None:
    """Holds that a table has the fields of a kind, and no others."""
    names = {field.name for field in fields(kind)}
    if set(table) != names:
        wrong = ", ".join(sorted(set(table) ^ names))
        message = f"a table of the policy has exactly the fields {sorted(names)}; check: {wrong}"
        raise PolicyMalformedError(message)


def named(check: object, known: Sequence[str]) -> str:
    """A check that there is; a policy that asks for another one would never be met, or always."""
    if not isinstance(check, str) or check not in known:
        message = f"no check {check!r}: it is one of {', '.join(known)}"
        raise PolicyMalformedError(message)
    return check


def judge(
    known: Policy, environment: str, evidence: Evidence, now: datetime, *, rehearsal: bool
) -> list[Ruling]:
    """What the policy says about each check that the environment asks for, and about the tree."""
    asked = known.requirement(environment)
    oldest = now.timestamp() - asked.evidence_hours * HOUR_SECONDS
    rulings = []
    for name in asked.checks:
        check = evidence.checks.get(name)
        entries = [e for e in known.accepted if e.check == name and environment in e.environments]
        usable = [entry for entry in entries if rehearsal or not entry.rehearsal]
        rulings.append(ruling(name, check, usable, oldest, now))
    if asked.clean:
        changed = "the tree is not its commit: commit what was changed or added, or stash it"
        rulings.append(
            Ruling(TREE, "passed") if evidence.clean else Ruling(TREE, "refused", changed)
        )
    return rulings


def ruling(
    name: str, check: Check | None, accepted: Sequence[Acceptance], oldest: float, now: datetime
) -> Ruling:
    """What the policy says about one check."""
    if check is None:
        return Ruling(name, "refused", "it is not in the evidence")
    if check.made > now.timestamp() + CLOCKS_APART_SECONDS:
        return Ruling(name, "refused", f"its evidence is of the future, {moment(check.made)}")
    if check.made < oldest:
        hours = (now.timestamp() - oldest) / HOUR_SECONDS
        reason = (
            f"its evidence is stale: of {moment(check.made)}, at most {hours:g} hours old is asked"
        )
        return Ruling(name, "refused", f"{reason}; run it anew with --fresh")
    if check.status == "green":
        return Ruling(name, "passed")
    told = f"{check.status}: {check.reason or 'no reason was given'}"
    for entry in accepted:
        if entry.status == check.status and entry.expires >= now.date():
            return Ruling(name, "accepted", f"{told}; until {entry.expires}, for {entry.reason}")
    return Ruling(name, "refused", told)


def moment(seconds: float) -> str:
    """A point in time, for people."""
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="seconds")


def verdict(rulings: Sequence[Ruling]) -> Verdict:
    """Green only where nothing is refused, and something was judged."""
    refused = [f"{r.check}: {r.reason}" for r in rulings if r.outcome == "refused"]
    if refused or not rulings:
        return red(*(refused or ["nothing was judged"]))
    passed = sum(r.outcome == "passed" for r in rulings)
    return green(passed=passed, accepted=len(rulings) - passed)


def described(rulings: Sequence[Ruling]) -> list[dict[str, str]]:
    """Rulings for machines."""
    return [asdict(ruling) for ruling in rulings]
