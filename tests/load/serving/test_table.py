"""The page that is made of the figures."""

from dataclasses import replace

import pytest

from load.serving.generators import Open
from load.serving.measure import sustained
from load.serving.servers import BARE, BENTOML, LITSERVE, NOOP, OURS, TITLES, TORCH
from load.serving.table import MODELS, Measured, Results, aims, better, floor, losses, page

COSTS = {OURS: 100.0, TORCH: 400.0, LITSERVE: 1100.0, BENTOML: 1050.0, BARE: 90.0}
STEADY = Open(700, 3500, 0, 1.0, 2.0, 3.0, 0.1, 0.01)


def one(kind: str, cost: float) -> Measured:
    """Return figures of a server whose requests cost so much."""
    return Measured(
        TITLES[kind],
        cpu_us=[cost, cost * 1.1],
        closed_rates=[1e6 / cost],
        shares=[0.98, 0.99],
        knee_rate=900,
        knee_failed=1000,
        at_70=STEADY,
        memory_bytes=100_000_000,
        processes=1,
        start_seconds=[1.0],
        recorded=10,
    )


@pytest.fixture
def results() -> Results:
    """Figures in which this backend meets every aim."""
    servers = {f"{m}/{kind}": one(kind, cost) for m in MODELS for kind, cost in COSTS.items()}
    servers[f"-/{NOOP}"] = one(NOOP, 20.0)
    steps = {"parse": [20.0, 22.0], "prepare": [30.0, 33.0], "forward": [45.0, 49.5]}
    return Results(servers, dict.fromkeys(MODELS, steps), {"date": "today"})


def test_the_better_server_answers_more_in_the_same_time(results: Results) -> None:
    """Costs of 1100 and 100 are a ratio of 11 in every pass."""
    assert better(results, "own", LITSERVE).median == pytest.approx(11)


def test_the_floor_is_the_sum_of_its_steps(results: Results) -> None:
    """The strict floor leaves the preparation of the drawing out, the other one does not."""
    assert floor(results, "own", prepared=False) == pytest.approx([85.0, 93.5])
    assert floor(results, "own", prepared=True) == pytest.approx([115.0, 126.5])


def test_every_aim_is_met_where_the_figures_say_so(results: Results) -> None:
    """Good figures meet all aims."""
    assert [aim for aim in aims(results) if not aim.met] == []


def test_a_missed_aim_is_told(results: Results) -> None:
    """A backend that costs twice as much misses its ratios and its floor, and the page says so."""
    results.servers[f"own/{OURS}"].cpu_us[:] = [200.0, 220.0]
    assert [aim.wanted for aim in aims(results) if not aim.met] == ["≥ 10 times"] * 2 + [
        "≤ 1.3 times"
    ]
    assert page(results, "").count("**missed**") == 3


def test_errors_and_lost_records_miss_their_aims(results: Results) -> None:
    """One error and one prediction that was not recorded are two missed aims."""
    ours = results.servers[f"example/{OURS}"]
    ours.errors = ours.unrecorded = 1
    assert [aim.found for aim in aims(results) if not aim.met] == ["1", "1 of 21"]


def test_a_late_p95_misses_its_aim(results: Results) -> None:
    """A p95 of the limit itself is not under it."""
    results.servers[f"own/{OURS}"].at_70 = replace(STEADY, p95_ms=10.0)
    assert [aim.found for aim in aims(results) if not aim.met] == ["10.0 ms"]


def test_losing_is_told(results: Results) -> None:
    """A server with less memory and a quicker start is named with both figures."""
    other = results.servers[f"own/{LITSERVE}"]
    other.memory_bytes, other.start_seconds = 50_000_000, [0.5]
    found = [line for line in losses(results) if "LitServe" in line]
    assert len(found) == 2
    assert "memory, 50.0 to 100.0 MB" in found[0]


def test_a_disturbed_measurement_says_so(results: Results) -> None:
    """A server that got half of its processor under full load makes the page warn."""
    assert "Disturbed" not in page(results, "")
    results.servers[f"own/{BARE}"].shares[:] = [0.5, 0.5]
    assert "got only 50% of its processor" in page(results, "")


def test_the_page_has_every_server(results: Results) -> None:
    """Each server has its line, twice, and the facts are there."""
    text = page(results, "by hand")
    assert [text.count(f"| {TITLES[kind]} |") for kind in COSTS] == [2] * len(COSTS)
    assert "| date | today |" in text
    assert "by hand" in text


@pytest.mark.parametrize(
    ("trial", "holds"),
    [
        (STEADY, True),
        (replace(STEADY, p95_ms=200.0), False),
        (replace(STEADY, errors=1), False),
        (replace(STEADY, drained_seconds=0.6), False),
    ],
)
def test_a_rate_holds_without_delay_error_or_queue(trial: Open, holds: bool) -> None:
    """A rate is sustained only if all three are well."""
    assert sustained(trial) is holds
