"""Traffic goes to the new colour step by step, and back at once at a breach."""

import pytest

from mnist_deploy import shifting
from mnist_deploy.shifting import Plan, Shift
from mnist_deploy.verdicts import Traffic

STEPS = ((1, 3.0), (50, 3.0), (100, 3.0))


class Clock:
    """A time that passes only where somebody waits."""

    now = 0.0

    def monotonic(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """No test waits."""
    one = Clock()
    monkeypatch.setattr(shifting, "time", one)
    return one


class World:
    """An edge, and two colours that answer by their weights."""

    def __init__(self, *, failing: bool = False, silent: bool = False, gone_at: int = 999) -> None:
        """Say what the new colour does."""
        self.weights = {"blue": 100, "green": 0}
        self.pages = dict(self.weights)
        self.failing, self.silent, self.gone_at, self.looks = failing, silent, gone_at, 0
        self.done = {"blue": Traffic(), "green": Traffic()}

    def weigh(self, weights: dict[str, int], *, pages: dict[str, int]) -> None:
        """Set the weights."""
        self.weights, self.pages = dict(weights), dict(pages)

    def look(self) -> dict[str, int]:
        """Let a second of requests pass."""
        self.looks += 1
        for colour, weight in self.weights.items():
            new = Traffic(weight, 0, 0, weight, (weight,) + (0,) * 9)
            if colour == "green" and weight and self.failing:
                new = Traffic(0, max(2, weight))
            if colour == "green" and self.silent:
                new = Traffic()
            self.done[colour] += new
        return {"blue": 2, "green": 2 if self.looks < self.gone_at else 0}

    def traffic(self, colour: str) -> Traffic:
        """What a colour has done."""
        return self.done[colour]


def shifted(world: World, old: str = "blue") -> tuple[bool, list[str]]:
    """Shift in a world; returns whether it went well, and what was told."""
    told: list[str] = []
    plan = Plan(old, "green", STEPS, 3)
    verdict = Shift(
        plan, world, world, lambda event, fields: told.append(f"{event} {fields}")
    ).run()
    return verdict.good, told


def test_a_good_release_gets_all_traffic() -> None:
    """After every step the new colour has all of it, and visits to the page move last."""
    world = World()
    good, told = shifted(world)
    assert good
    assert world.weights == world.pages == {"blue": 0, "green": 100}
    assert [line[:4] for line in told] == ["weig", "step"] * 3


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (World(failing=True), "failed"),
        (World(silent=True), "are no data"),
        (World(gone_at=4), "answers any more"),
        (World(gone_at=0), "finds no replica"),
    ],
)
def test_a_breach_gives_all_traffic_back(world: World, reason: str) -> None:
    """Whatever the breach, the old colour has all traffic again, and the reason is told."""
    good, told = shifted(world)
    assert not good
    assert world.weights["blue"] == 100
    assert world.weights["green"] == 0
    assert told[-1].startswith("rolled back")
    assert reason in told[-1]


def test_a_breach_is_found_before_its_step_ends(clock: Clock) -> None:
    """Errors are met within two looks, not at the end of a step."""
    good, _ = shifted(World(failing=True))
    assert not good
    assert clock.now <= 3


def test_the_first_release_is_compared_with_nobody(clock: Clock) -> None:
    """Where nothing answered before, a release without visitors does well, and waits for none."""
    world = World(silent=True)
    good, _ = shifted(world, old="")
    assert good
    assert clock.now <= sum(seconds for _, seconds in STEPS) + 1
    assert world.weights["green"] == 100
