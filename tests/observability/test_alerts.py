"""The right alerts fire in each part of the rehearsal, no others do, and pages end."""

from asking import between, firing, identity
from scenario import OF_THE_MACHINE, PAGED, WATCHDOG, Rehearsal, burnt

STEP_SECONDS = 0.5
SETTLED_SECONDS = 3.0  # until what happened in one part has been seen and told in the next
TOO_BUSY = {  # the machine may be too busy to answer in time: by alert, the answers that came late
    "TargetDown": "up == 0 and on (job, instance) scrape_duration_seconds > 0.9",
    "ReplicasMissing": 'up{job="backend"} == 0 and on (instance) scrape_duration_seconds > 0.9',
    "AvailabilityBudget": "probe_success == 0 and on (instance) probe_duration_seconds > 0.8",
}
SLOW_SECONDS, SLOW_SHARE = 0.2, 0.05  # the objective of latency
LOOKED_BACK_SECONDS = 360  # six hours in the rehearsal
ALONG = {  # what may fire along with what must
    "errors": {"TargetDown postgresql"},  # the exporter of a lost database answers late
    "drift": {  # ones alone have little ink too, and a drift that ends is moderate for a while
        "ModelDriftMajor confidence",
        "ModelDriftMajor ink",
        *(f"ModelDriftModerate {feature}" for feature in ("digit", "confidence", "ink")),
    },
}


def fired(rehearsal: Rehearsal) -> dict[str, list[float]]:
    """When each alert fired, by name."""
    query = 'ALERTS{alertstate="firing"}'
    lines = between(query, rehearsal.started, rehearsal.ended, STEP_SECONDS)
    return {identity(line.labels): [at for at, _ in line.points] for line in lines}


def caused_by_the_machine(alert: str, at: float, rehearsal: Rehearsal) -> bool:
    """Whether an alert is right, but of the machine: it is seen in what asked and waited itself."""
    for name, late in TOO_BUSY.items():
        if alert.startswith(name):
            points = [
                p for line in between(late, at - LOOKED_BACK_SECONDS, at, 1) for p in line.points
            ]
            return bool(points)
    waits = [w for when, w in rehearsal.visitors.waits if at - LOOKED_BACK_SECONDS < when < at]
    slow = sum(wait >= SLOW_SECONDS for wait in waits)
    return alert.startswith("LatencyBudget") and slow > SLOW_SHARE * len(waits)


def test_everything_happens_in_time(rehearsal: Rehearsal) -> None:
    """Each part of the rehearsal ends as it must, none is waited for in vain."""
    assert rehearsal.stuck == "", rehearsal.stuck


def test_every_expected_alert_fires_in_its_part(rehearsal: Rehearsal) -> None:
    """Each begins after what it tells of has begun, and before the part has ended."""
    known, wrong = fired(rehearsal), []
    for part in rehearsal.parts:
        for alert in sorted(part.expected):
            times = [at for at in known.get(alert, []) if at <= part.ended + SETTLED_SECONDS]
            if not any(at >= part.started for at in times):
                wrong.append(f"{part.name}: {alert} did not fire")
    assert wrong == []


def test_no_other_alert_fires(rehearsal: Rehearsal) -> None:
    """Nothing fires that the rehearsal gave no reason for, nor before it did."""
    begins = {
        alert: min(part.started for part in rehearsal.parts if alert in part.expected)
        for part in rehearsal.parts
        for alert in part.expected
    }
    for part in rehearsal.parts:
        begins |= dict.fromkeys(ALONG.get(part.name, ()), part.started)
    begins |= dict.fromkeys({WATCHDOG, *OF_THE_MACHINE}, 0.0)
    unexpected = {
        alert: f"{times[0] - rehearsal.started:.1f} s"
        for alert, times in fired(rehearsal).items()
        if times[0] < begins.get(alert, float("inf"))
        and not caused_by_the_machine(alert, times[0], rehearsal)
    }
    assert unexpected == {}


def test_pages_end_when_what_they_tell_of_has_ended(rehearsal: Rehearsal) -> None:
    """After the recovery no page of a budget fires any more."""
    assert rehearsal.ended
    pages = {page for o in ("latency", "errors", "availability") for page in burnt(o, PAGED)}
    assert firing() & pages == set()


def test_tickets_are_kept_back_while_somebody_is_paged(rehearsal: Rehearsal) -> None:
    """Of the outage Alertmanager told the pages and kept the tickets of the same budget."""
    assert burnt("availability", ("1d", "3d")) <= rehearsal.kept_back
    assert rehearsal.kept_back & burnt("availability", PAGED) == set()


def test_a_dead_replica_costs_no_visitor_an_answer(rehearsal: Rehearsal) -> None:
    """While one of two replicas was dead, every drawing was answered by the other."""
    failed = [part.failed for part in rehearsal.parts if part.name == "dead replica"]
    assert failed == [0], rehearsal.visitors.statuses
