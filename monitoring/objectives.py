"""What the service promises, read from objectives.toml and checked.

Contract: `read()` answers with frozen objectives that can be kept, or raises
`ObjectiveInvalidError` with the name, the rule and the way out. Ratios are decimals, so that a
limit is written as people write it. Does not know rules, alerts or dashboards.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent
SPAN = re.compile(r"[1-9]\d*[smhd]")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Severity = Literal["page", "ticket"]


class ObjectiveInvalidError(ValueError):
    """objectives.toml states something that cannot be kept, or cannot be understood."""


@dataclass(frozen=True)
class Burn:
    """How fast a budget may be spent within two spans of time before somebody is told."""

    rate: Decimal
    long: str
    short: str
    evidence: str
    severity: Severity


@dataclass(frozen=True)
class Objective:
    """A share of events that shall be good, and how both are counted."""

    name: str
    target: Decimal
    events: str
    fault: str
    total: str
    bad: str
    metric: str
    floor_events: int

    @property
    def budget(self) -> Decimal:
        """The share of events that may be bad."""
        return 1 - self.target

    @property
    def title(self) -> str:
        """The name as alerts begin with it."""
        return self.name.capitalize()


@dataclass(frozen=True)
class Limit:
    """A figure that shall be kept, from so many observations on, for so long."""

    limit: Decimal
    floor: int
    hold: str


@dataclass(frozen=True)
class Objectives:
    """Everything that objectives.toml states."""

    window: str
    burns: tuple[Burn, ...]
    objectives: tuple[Objective, ...]
    cores: Decimal
    memory_bytes: int
    resources: Limit
    accuracy: Limit
    moderate_drift: Limit
    major_drift: Limit


def seconds(span: str) -> int:
    """How long a span such as 5m is."""
    return int(span[:-1]) * SECONDS[span[-1]]


def checked(what: str, value: object, *, holds: bool, rule: str) -> None:
    """Complain, by name, about a value that breaks a rule."""
    if not holds:
        message = f"objectives.toml: {what} is {value!r}, but {rule}"
        raise ObjectiveInvalidError(message)


def decimal(what: str, value: object) -> Decimal:
    """A number, as it is written."""
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        message = f'objectives.toml: {what} is {value!r}, but must be a number such as "0.999"'
        raise ObjectiveInvalidError(message) from error


def ratio(what: str, value: object) -> Decimal:
    """A share between 0 and 1, neither of which can be an objective."""
    number = decimal(what, value)
    checked(what, value, holds=0 < number < 1, rule="a ratio lies between 0 and 1")
    return number


def span(what: str, value: object) -> str:
    """A span of time in one unit."""
    holds = isinstance(value, str) and SPAN.fullmatch(value) is not None
    checked(what, value, holds=holds, rule='a span is one number with s, m, h or d, such as "5m"')
    return str(value)


def burn(table: Mapping[str, Any]) -> Burn:
    """One pair of spans."""
    spans = {name: span(f"burn.{name}", table[name]) for name in ("long", "short", "evidence")}
    shorter = seconds(spans["short"]) < seconds(spans["long"])
    checked("burn.short", spans["short"], holds=shorter, rule="it must be shorter than burn.long")
    severity = table["severity"]
    known = severity in {"page", "ticket"}
    checked("burn.severity", severity, holds=known, rule="it is page or ticket")
    return Burn(decimal("burn.rate", table["rate"]), **spans, severity=severity)


def objective(table: Mapping[str, Any], burns: tuple[Burn, ...]) -> Objective:
    """One objective; what is not told as bad is what is not good."""
    name = table["name"]
    total = f'objective:events:increase$window{{objective="{name}"}}'
    if "bad" in table:  # a status that never came has no series, which is none, not unknown
        bad = f"{table['bad']}\nor on () 0 * {total}"
    else:
        bad = f"clamp_min({total} - on () {table['good']}, 0)"
    target = ratio(f"{name}.target_ratio", table["target_ratio"])
    for fastest in burns:
        reachable = fastest.rate * (1 - target) < 1
        rule = f"of a budget of {1 - target} nothing burns {fastest.rate} times; lower burn.rate"
        checked(f"{name}.target_ratio", table["target_ratio"], holds=reachable, rule=rule)
    known = {f.name for f in fields(Objective)} - {"target", "bad"}
    return Objective(target=target, bad=bad, **{key: table[key] for key in known})


def parsed(text: str) -> Objectives:
    """What a text in TOML states.

    Raises:
        ObjectiveInvalidError: it lacks something, or states what cannot be kept.
    """
    try:
        tables = tomllib.loads(text)
        burns = tuple(burn(table) for table in tables["burn"])
        drift, accuracy, resources = tables["drift"], tables["accuracy"], tables["resources"]
        moderate, major = (ratio(f"drift.{k}", drift[k]) for k in ("moderate", "major"))
        checked("drift.major", major, holds=major > moderate, rule="it is above drift.moderate")
        holds = {
            n: span(f"{n}.hold", tables[n]["hold"]) for n in ("drift", "accuracy", "resources")
        }
        few = drift["floor_predictions"]
        return Objectives(
            window=span("window", tables["window"]),
            burns=burns,
            objectives=tuple(objective(table, burns) for table in tables["objective"]),
            cores=decimal("replica.cores", tables["replica"]["cores"]),
            memory_bytes=int(tables["replica"]["memory_bytes"]),
            resources=Limit(
                ratio("resources.limit_ratio", resources["limit_ratio"]), 0, holds["resources"]
            ),
            accuracy=Limit(
                ratio("accuracy.target_ratio", accuracy["target_ratio"]),
                accuracy["floor_feedback"],
                holds["accuracy"],
            ),
            moderate_drift=Limit(moderate, few, holds["drift"]),
            major_drift=Limit(major, few, holds["drift"]),
        )
    except KeyError as error:
        message = f"objectives.toml: {error.args[0]} is missing; see the file in the repository"
        raise ObjectiveInvalidError(message) from error
    except tomllib.TOMLDecodeError as error:
        message = f"objectives.toml is not TOML: {error}"
        raise ObjectiveInvalidError(message) from error


def read(path: Path = FOLDER / "objectives.toml") -> Objectives:
    """The objectives of this repository.

    Raises:
        ObjectiveInvalidError: see `parsed`.
    """
    return parsed(path.read_text(encoding="utf-8"))
