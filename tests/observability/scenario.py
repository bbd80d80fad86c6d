"""What happens in the rehearsal, in this order, and which alerts must begin to fire in each part.

Contract: a part ends when its alerts fire, or have gone again; where they do not in time, the
rehearsal ends there and keeps what it waited for and what fired instead. Time runs 60 times as fast
as in production, by spans that are as much shorter: five minutes last five seconds. Does not judge.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from asking import firing, now, received, suppressed, switch
from runbook import STEPS
from visitors import REPLICAS, Visitors, promote_challenger

WATCHDOG = "Watchdog"
OF_THE_MACHINE = {"NodeCpuHigh", "NodeMemoryHigh"}  # it does more than rehearse
WINDOWS = ("1h", "6h", "1d", "3d")
PAGED = ("1h", "6h")
DRIFT = {"ModelDriftMajor digit"}
LIMIT_SECONDS = 180
POLL_SECONDS = 0.25
CALM_SECONDS = 15
EACH_SECOND = 6.0  # visitors who draw
FIRST = 60  # drawings, which are slower than all after them


class RehearsalStuckError(TimeoutError):
    """Something that had to happen did not happen in time."""


@dataclass
class Part:
    """A part of the rehearsal."""

    name: str
    expected: set[str]
    started: float
    ended: float = 0.0
    failed: int = 0  # visitors who drew and were not answered 200


@dataclass
class Rehearsal:
    """All that happened."""

    visitors: Visitors = field(default_factory=Visitors)
    parts: list[Part] = field(default_factory=list)
    kept_back: set[str] = field(default_factory=set)  # alerts that another one suppressed
    started: float = 0.0
    ended: float = 0.0
    stuck: str = ""  # what did not happen in time
    tried: dict[str, dict[str, int]] = field(default_factory=dict)  # see `look_up`

    @contextmanager
    def part(self, name: str, expected: set[str]) -> Iterator[Part]:
        """One part, timed."""
        before = self.failures()
        part = Part(name, expected, time.time())
        self.parts.append(part)
        try:
            yield part
        finally:
            part.ended, part.failed = time.time(), self.failures() - before

    def look_up(self, alerts: set[str]) -> None:
        """Ask what the runbook has one ask about alerts while they fire; how much it tells."""
        for name in {alert.partition(" ")[0] for alert in alerts} & {*STEPS}:
            told = {expression: len(now(expression)) for expression in STEPS[name]}
            known = self.tried.setdefault(name, told)
            known |= {expression: max(known[expression], n) for expression, n in told.items()}

    def failures(self) -> int:
        """How many visitors were not answered well."""
        return sum(n for status, n in self.visitors.statuses.items() if status != 200)


def burnt(objective: str, windows: tuple[str, ...] = WINDOWS) -> set[str]:
    """The alerts of a budget that burns."""
    return {f"{objective.capitalize()}BudgetBurn {objective} {window}" for window in windows}


def spent(objective: str) -> set[str]:
    """The alert of a budget that is gone."""
    return {f"{objective.capitalize()}BudgetSpent {objective}"}


def until(what: str, holds: Callable[[], bool]) -> None:
    """Wait for something.

    Raises:
        RehearsalStuckError: it did not happen.
    """
    deadline = time.monotonic() + LIMIT_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            message = f"{what}: not within {LIMIT_SECONDS} s; firing: {sorted(firing())}"
            raise RehearsalStuckError(message)
        time.sleep(POLL_SECONDS)


def until_firing(alerts: set[str]) -> None:
    """Wait until all of some alerts fire."""
    until(f"{sorted(alerts)} fire", lambda: alerts <= firing())


def until_gone(alerts: set[str]) -> None:
    """Wait until none of some alerts fires."""
    until(f"{sorted(alerts)} are over", lambda: not alerts & firing())


def until_seen() -> None:
    """Wait until Prometheus has asked every replica for what there is by now."""
    asked = f'timestamp(up{{job="backend"}}) > {time.time()} and up{{job="backend"}} == 1'
    until("Prometheus asks every replica", lambda: len(now(asked)) == len(REPLICAS))


def until_told(alerts: set[str]) -> None:
    """Wait until the receiver was told that some alerts are over."""
    titles = {f"{alert.partition(' ')[0]} is over" for alert in alerts}

    def told() -> bool:
        arrived = json.dumps([n["body"] for n in received()])
        return all(title in arrived for title in titles)

    until(f"{sorted(titles)} arrive", told)


def slowness(rehearsal: Rehearsal) -> None:
    """All visitors are slow, then nobody is."""
    visitors = rehearsal.visitors
    alerts = burnt("latency") | spent("latency")
    with rehearsal.part("slowness", alerts), visitors.many(visitors.draw_slowly, 48, at_once=16):
        until_firing(alerts)
        rehearsal.look_up(alerts)


def errors(rehearsal: Rehearsal) -> None:
    """The database is lost while visitors look back; those who draw are answered."""
    visitors = rehearsal.visitors
    alerts = burnt("errors") | spent("errors")
    with rehearsal.part("errors", alerts):
        switch("postgresql", "off")
        with visitors.many(visitors.look_back, 20, at_once=4):
            until_firing(alerts)
            rehearsal.look_up(alerts)
        until_seen()
        switch("postgresql", "on")
        until("the database answers", visitors.look_back)
        until_seen()  # what a replica counted last, before one of them is lost


def dead_replica(rehearsal: Rehearsal) -> None:
    """One of two replicas is lost."""
    with rehearsal.part("dead replica", {"ReplicasMissing"}):
        switch("backend-2", "off")
        until_firing({"ReplicasMissing"})
        rehearsal.look_up({"ReplicasMissing"})
        switch("backend-2", "on")
        until_gone({"ReplicasMissing"})


def outage(rehearsal: Rehearsal) -> None:
    """Every replica is lost; whoever is paged is not sent the tickets too."""
    unmeasured = {"ErrorsUnmeasured errors", "LatencyUnmeasured latency"}
    alerts = burnt("availability") | spent("availability") | unmeasured | {"ReplicasMissing"}
    tickets = burnt("availability", ("1d", "3d"))
    with rehearsal.part("outage", alerts):
        for name in ("backend-1", "backend-2"):
            switch(name, "off")
        until_firing(alerts)
        until(f"{sorted(tickets)} are kept back", lambda: tickets <= suppressed())
        rehearsal.kept_back = suppressed()
        rehearsal.look_up(alerts)
        for name in ("backend-1", "backend-2"):
            switch(name, "on")
        until_gone(unmeasured | {"ReplicasMissing"})


def drift(rehearsal: Rehearsal) -> None:
    """Crowds draw nothing but ones, until it is noticed."""
    visitors = rehearsal.visitors
    with rehearsal.part("drift", DRIFT), visitors.many(visitors.crowd, 3):
        until_firing(DRIFT)
        rehearsal.look_up(DRIFT)


def mistakes(rehearsal: Rehearsal) -> None:
    """Visitors tell that one digit in twenty was wrong, and then of many that were right."""
    with rehearsal.part("mistakes", {"ModelAccuracyLow"}):
        rehearsal.visitors.tell(right=108, wrong=5)
        until_firing({"ModelAccuracyLow"})
        rehearsal.look_up({"ModelAccuracyLow"})
        rehearsal.visitors.tell(right=90, wrong=0)
        until_gone({"ModelAccuracyLow"})


def play(rehearsal: Rehearsal) -> None:
    """Everything, from the first visitor to the last page that is over."""
    visitors = rehearsal.visitors
    promote_challenger()
    for _ in range(FIRST):
        visitors.draw()
    visitors.waits.clear()
    switch("prometheus", "on")
    with visitors.many(visitors.draw, EACH_SECOND):
        until("Prometheus sees that all is well", all_is_well)
        rehearsal.started = time.time()
        with rehearsal.part("calm", set()):
            time.sleep(CALM_SECONDS)
    slowness(rehearsal)
    with visitors.many(visitors.draw, EACH_SECOND):
        for happening in (errors, dead_replica, outage, drift, mistakes):
            happening(rehearsal)
        pages = {page for o in ("latency", "errors", "availability") for page in burnt(o, PAGED)}
        with rehearsal.part("recovery", set()):
            until_gone(pages | DRIFT)
            until_told(pages)


def rehearse() -> Rehearsal:
    """All that happened, as far as it went."""
    rehearsal = Rehearsal(started=time.time())
    try:
        play(rehearsal)
    except RehearsalStuckError as error:
        rehearsal.stuck = str(error)
    rehearsal.ended = time.time()
    return rehearsal


def all_is_well() -> bool:
    """Whether nothing fires but the watchdog; Prometheus may still be about to begin."""
    try:
        return firing() - OF_THE_MACHINE == {WATCHDOG}
    except httpx.HTTPError:
        return False
