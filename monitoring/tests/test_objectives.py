"""What objectives.toml may state, and what is said of what it may not."""

from decimal import Decimal
from pathlib import Path

import pytest

from monitoring.objectives import ObjectiveInvalidError, parsed, read

WRONG = [  # what is changed into what, and what the error names
    ('target_ratio = "0.999"', 'target_ratio = "1"', r"availability.target_ratio is '1'.*between"),
    ('target_ratio = "0.95"', 'target_ratio = "0.9"', r"latency.target_ratio.*0\.1.*14\.4"),
    ('target_ratio = "0.97"', 'target_ratio = "much"', r"accuracy.target_ratio is 'much'.*number"),
    ('short = "5m"', 'short = "2h"', r"burn.short is '2h'.*shorter"),
    ('short = "5m"', 'short = "5 minutes"', r"burn.short is '5 minutes'.*such as"),
    ('severity = "page"', 'severity = "panic"', r"burn.severity is 'panic'.*page or ticket"),
    ('major = "0.25"', 'major = "0.05"', r"drift.major.*above drift.moderate"),
    ("[resources]", "[sources]", r"resources is missing"),
    ('window = "30d"', "window = 30d", r"is not TOML"),
    ("floor_events = 30\n", "", r"floor_events is missing"),
]


@pytest.fixture
def text(folder: Path) -> str:
    """Return what the repository states."""
    return (folder / "objectives.toml").read_text(encoding="utf-8")


def test_the_repository_states_what_was_promised() -> None:
    """The targets are those of the brief, and a budget is exactly what is left to one."""
    objectives = read()
    targets = {o.name: (o.target, o.budget) for o in objectives.objectives}
    assert targets == {
        "availability": (Decimal("0.999"), Decimal("0.001")),
        "latency": (Decimal("0.95"), Decimal("0.05")),
        "errors": (Decimal("0.999"), Decimal("0.001")),
    }
    assert objectives.resources.limit == Decimal("0.8")


@pytest.mark.parametrize(("old", "new", "named"), WRONG)
def test_a_wrong_statement_is_named(text: str, old: str, new: str, named: str) -> None:
    """The error says what is wrong, the rule, and what would be right."""
    assert old in text
    with pytest.raises(ObjectiveInvalidError, match=named):
        parsed(text.replace(old, new, 1))
