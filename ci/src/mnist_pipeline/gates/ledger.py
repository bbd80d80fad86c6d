"""A ledger of releases and incidents, and the four figures of delivery that follow from it.

Contract: a line of JSON each, only ever appended; what `publish` and `promote` print is an entry. A
rehearsal, and what was refused, is no deployment. Figures are of the last 30 days and of one
environment; what cannot be known is left out, never zero. Does not know where the ledger is kept.

    {"action": "incident", "environment": "production", "finished": "2026-11-25T10:00:00+00:00"}
    {"action": "restored", "environment": "production", "finished": "2026-11-25T10:20:00+00:00"}

An incident without `restored` ends with the next deployment to its environment.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from mnist_pipeline.gates.policy import ENVIRONMENTS

DEPLOYING = {"publish", "promote"}
ACTIONS = {*DEPLOYING, "incident", "restored"}
WINDOW = timedelta(days=30)
HELP = {
    "release_deployments": ("gauge", "Deployments of the last 30 days."),
    "release_deployments_per_day": ("gauge", "Deployments a day, over the last 30 days."),
    "release_lead_time_seconds": ("gauge", "Median time from a commit to its deployment."),
    "release_change_failure_ratio": ("gauge", "Share of deployments that an incident followed."),
    "release_time_to_restore_seconds": ("gauge", "Median time from an incident to its end."),
    "release_incidents_open": ("gauge", "Incidents that have not ended."),
}


class LedgerMalformedError(ValueError):
    """A line of the ledger is no entry."""


@dataclass(frozen=True)
class Entry:
    """One thing that happened to an environment."""

    action: str
    environment: str
    at: datetime
    committed: datetime | None = None

    @property
    def deploys(self) -> bool:
        """Whether something new runs from here on."""
        return self.action in DEPLOYING


def entries(text: str) -> list[Entry]:
    """Reads a ledger; what was refused or rehearsed is passed over."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            read = json.loads(line)
            if counts(read):
                found.append(entry(read))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"line {number} of the ledger is no entry: {error!r}"
            raise LedgerMalformedError(message) from error
    return sorted(found, key=lambda each: each.at)


def counts(read: dict[str, Any]) -> bool:
    """Whether an entry tells of something that happened to users."""
    if read["action"] not in ACTIONS:
        message = f"the action is one of {sorted(ACTIONS)}, not {read['action']!r}"
        raise LedgerMalformedError(message)
    deploys = read["action"] in DEPLOYING
    return not deploys or (read["verdict"] == "green" and read["rehearsal"] is False)


def entry(read: dict[str, Any]) -> Entry:
    """Reads one entry; times carry their zone."""
    if read["environment"] not in ENVIRONMENTS:
        message = f"the environment is one of {ENVIRONMENTS}, not {read['environment']!r}"
        raise LedgerMalformedError(message)
    committed = read.get("committed")
    return Entry(
        read["action"],
        read["environment"],
        moment(read["finished"]),
        moment(committed) if committed else None,
    )


def moment(text: str) -> datetime:
    """A time with its zone; raises where one is missing."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        message = f"{text!r} has no time zone"
        raise LedgerMalformedError(message)
    return read


def appended(ledger: str, decision: str) -> str:
    """The ledger with one more entry, on a line of its own."""
    line = json.dumps(json.loads(decision), separators=(",", ":"), ensure_ascii=False)
    entries(line)
    start = ledger if not ledger or ledger.endswith("\n") else f"{ledger}\n"
    return f"{start}{line}\n"


def of(known: Sequence[Entry], environment: str, now: datetime) -> list[Entry]:
    """What happened to an environment within the window."""
    return [e for e in known if e.environment == environment and now - WINDOW < e.at <= now]


def lead_time_seconds(known: Sequence[Entry]) -> float | None:
    """The median time from a commit to its deployment; none where no deployment tells."""
    times = [(e.at - e.committed).total_seconds() for e in known if e.deploys and e.committed]
    return median(times) if times else None


def failure_ratio(known: Sequence[Entry]) -> float | None:
    """The share of deployments after which an incident came before the next one."""
    failed, deployments = set(), 0
    for each in known:
        deployments += each.deploys
        if each.action == "incident" and deployments:
            failed.add(deployments)
    return len(failed) / deployments if deployments else None


def restorations(known: Sequence[Entry]) -> tuple[list[float], int]:
    """How many seconds each ended incident took, and how many have not ended."""
    began: list[datetime] = []
    took: list[float] = []
    for each in known:
        if each.action == "incident":
            began.append(each.at)
        else:
            took += [(each.at - start).total_seconds() for start in began]
            began = []
    return took, len(began)


def figures(known: Sequence[Entry]) -> dict[str, float | None]:
    """The figures of one environment, by the name of their metric."""
    deployments = sum(each.deploys for each in known)
    took, still_open = restorations(known)
    return {
        "release_deployments": deployments,
        "release_deployments_per_day": deployments / WINDOW.days,
        "release_lead_time_seconds": lead_time_seconds(known),
        "release_change_failure_ratio": failure_ratio(known),
        "release_time_to_restore_seconds": median(took) if took else None,
        "release_incidents_open": still_open,
    }


def prometheus(known: Sequence[Entry], now: datetime) -> str:
    """All figures in Prometheus' text form, for its textfile collector."""
    by_environment = {name: figures(of(known, name, now)) for name in ENVIRONMENTS}
    lines = []
    for metric, (kind, text) in HELP.items():
        lines += [f"# HELP {metric} {text}", f"# TYPE {metric} {kind}"]
        for environment, values in by_environment.items():
            value = values[metric]
            if value is not None:
                lines.append(f'{metric}{{environment="{environment}"}} {value:g}')
    return "\n".join(lines) + "\n"
