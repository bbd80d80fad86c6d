"""What the benchmark of the page makes of its figures."""

import pytest

from load.page.table import AIM_MS, parts, told

WAIT = {"total": 100.0, "page": 40.0, "http": 10.0, "model": 1.0}


def test_each_part_counts_what_it_took_by_itself() -> None:
    """The parts of a wait add up to the whole."""
    assert parts(WAIT) == {"browser": 60.0, "page": 30.0, "http": 9.0, "model": 1.0}
    assert sum(parts(WAIT).values()) == WAIT["total"]


@pytest.mark.parametrize(
    ("total", "verdict"),
    [(AIM_MS - 1, "met"), (AIM_MS, "missed by 0 ms"), (400, "missed by 100 ms")],
)
def test_the_aim_is_told_met_or_missed(total: float, verdict: str) -> None:
    """The verdict is made from the figures."""
    page = told([{**WAIT, "total": total}] * 3, [WAIT] * 6, 3, 1, [1.0, 1.5])
    assert f"processors: {verdict}." in page
    assert "9 readings by 3 sessions" in page
    assert "Their 6 readings" in page
    assert "median 100 ms, p95 100 ms" in page
    assert "took 1.0 to 1.5 s (2 starts)" in page


def test_shares_are_of_the_whole() -> None:
    """A line tells how much of all the waiting its part was."""
    assert "| Streamlit and the page | 30.0 ms | 30.0 ms | 30% |" in told(
        [WAIT, WAIT], [WAIT], 2, 1, [1.0]
    )
