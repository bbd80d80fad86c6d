"""The page that is made of the figures."""

import re
from dataclasses import replace
from pathlib import Path

from load.deploy.figures import Figures
from load.deploy.table import (
    BAD,
    ERRORS,
    GOOD,
    KAMAL,
    KILLED,
    METHODS,
    OURS,
    ROLLOUT,
    SITUATIONS,
    Results,
    Row,
    became,
    losses,
    page,
)

FINE = Figures(900, 0, {}, 0.2, None, 20.0, ("next",), 0.0)
FAILING = Figures(900, 450, {"500": 450}, 0.2, 15.0, 20.0, ("next",), 0.5)
FACTS = {"date": "today"}


def row(situation: str, method: str, figures: Figures = FINE, *, accepted: bool = True) -> Row:
    """Return a row in which a way took half a minute."""
    return Row(situation, method, 30.0, accepted, "because", figures, 2.5)


def paged(rows: list[Row], absent: dict[str, str] | None = None) -> str:
    """Return the page of some rows."""
    return page(Results(rows, absent or {}, FACTS, 30, 16, 300))


def test_a_way_that_could_not_be_gone_is_named() -> None:
    """It has no row of figures, and its reason stands under its name."""
    text = paged([row(GOOD, OURS)], {KAMAL: "its module is not to be had"})
    assert f"- {KAMAL}: its module is not to be had" in text
    assert f"| {KAMAL} | {' | '.join(['not run'] * len(SITUATIONS))} |" in text
    assert "0 of 900" in text


def test_what_nobody_noticed_is_no_result() -> None:
    """A bad release that was accepted is told so, with how much fails at the end."""
    told = became(row(ERRORS, ROLLOUT, FAILING))
    assert "never noticed" in told
    assert "50% fail" in told
    assert "450 of 900, not noticed" in paged([row(ERRORS, ROLLOUT, FAILING)])


def test_a_refused_release_tells_why() -> None:
    """The reason is the way's own, and failures before it are told with their span."""
    told = became(row(ERRORS, OURS, FAILING, accepted=False))
    assert "refused: because" in told
    assert "450 times 500, over 15.0 s" in told


def test_every_figure_that_another_way_has_better_is_a_loss() -> None:
    """Failed requests, the longest answer and the time until it is done are compared."""
    theirs = replace(row(GOOD, KAMAL, replace(FINE, longest_seconds=0.1)), done_seconds=10.0)
    found = losses([row(GOOD, OURS, replace(FINE, failed=1)), theirs])
    assert [line.partition(":")[0] for line in found] == [
        f"{GOOD}, failed requests",
        f"{GOOD}, longest answer",
        f"{GOOD}, time until done",
    ]


def test_a_release_taken_by_mistake_is_not_quicker() -> None:
    """Who did not notice a bad release wins nothing by it."""
    quick = replace(row(ERRORS, KAMAL, FAILING), done_seconds=1.0)
    assert losses([row(ERRORS, OURS, accepted=False), quick]) == []


def test_every_situation_has_its_table() -> None:
    """Each situation is told with its meaning, and every way's row stands in it."""
    text = paged([row(s, m, accepted=s not in BAD) for s in SITUATIONS for m in METHODS])
    for situation in SITUATIONS:
        assert f"## {situation}\n" in text
    assert text.count("| 900 | 0 | 0.20 s | 30.0 s | 20.0 s | 2.5 |") == len(SITUATIONS) * len(
        METHODS
    )
    assert became(row(KILLED, OURS)) == "because"


def test_the_version_named_is_the_one_that_is_compiled() -> None:
    """The name of kamal-proxy carries the version that go.mod asks for."""
    text = (Path(__file__).parents[1] / "kamal-proxy" / "go.mod").read_text()
    found = re.search(r"basecamp/kamal-proxy v([\d.]+)", text)
    assert found
    assert KAMAL.endswith(found[1])
