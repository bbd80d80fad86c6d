"""Shifts traffic from one colour to the other, step by step, and back at once if it does not do.

Contract: runs beside the edge, so that a connection that breaks elsewhere changes nothing; tells
each step as a line of JSON. A breach is met by one change of weights. Does not know releases.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from mnist_deploy.verdicts import Limits, Traffic, Verdict, judge_beside, judge_step

LOOK_SECONDS = 1.0
PATIENCE = 10  # a step waits for data at most so many times as long as it lasts
START_SECONDS = 20.0  # until the edge has found the new replicas


class Weights(Protocol):
    """Whoever sets the weights."""

    def weigh(self, weights: dict[str, int], *, pages: dict[str, int]) -> None:
        """Sets the weight of each colour's replicas, of the API and of the page."""


class Looks(Protocol):
    """Whoever looks at both colours."""

    def look(self) -> dict[str, int]:
        """Takes one look; returns how many replicas of each colour answer."""

    def traffic(self, colour: str) -> Traffic:
        """What a colour did since the first look."""


@dataclass(frozen=True)
class Plan:
    """From which colour to which, in which steps: percent, and for how long at least."""

    old: str  # empty where there is none
    new: str
    steps: tuple[tuple[int, float], ...]
    least: int  # answers of the new colour in a step
    limits: Limits = field(default_factory=Limits)


Tell = Callable[[str, dict[str, object]], None]


class Shift:
    """One shift of traffic."""

    def __init__(self, plan: Plan, edge: Weights, looks: Looks, tell: Tell) -> None:
        self._plan, self._edge, self._looks, self._tell = plan, edge, looks, tell
        self._limits = plan.limits
        self._before = Traffic()  # what the old colour did in earlier steps

    def run(self) -> Verdict:
        """Shifts; returns the last verdict, after which all traffic is on one colour."""
        verdict = self._found()
        for percent, seconds in self._plan.steps if verdict.good else ():
            self.weigh(percent)
            self._tell("weighed", {"percent": percent})
            verdict = self._step(seconds)
            self._tell(
                "step", {"percent": percent, "reasons": [*verdict.reasons], **verdict.figures}
            )
            if not verdict.good:
                break
        if not verdict.good:
            self.back(verdict)
        return verdict

    def weigh(self, percent: int) -> None:
        """Gives the new colour so much of the traffic; visits to the page move at the end."""
        plan = self._plan
        other = "blue" if plan.new == "green" else "green"
        ends = {plan.new: 100, other: 0} if percent == 100 else {plan.new: 0, other: 100}  # noqa: PLR2004
        self._edge.weigh({plan.new: percent, other: 100 - percent}, pages=ends)

    def back(self, verdict: Verdict) -> None:
        """Gives all traffic to the old colour."""
        began = time.monotonic()
        if self._plan.old:
            self.weigh(0)
        seconds = round(time.monotonic() - began, 4)
        self._tell("rolled back", {"reasons": [*verdict.reasons], "seconds": seconds})

    def _found(self) -> Verdict:
        """Waits until the edge has found the new replicas."""
        until = time.monotonic() + START_SECONDS
        while not self._looks.look()[self._plan.new]:
            if time.monotonic() > until:
                return Verdict((f"the edge finds no replica of {self._plan.new} that answers",))
            time.sleep(LOOK_SECONDS / 2)
        return Verdict()

    def _step(self, seconds: float) -> Verdict:
        """Watches one step; returns at the first breach."""
        plan, looks = self._plan, self._looks
        least = plan.least if plan.old else 0  # who comes first has nobody to be compared with
        began = time.monotonic()
        starts = {colour: looks.traffic(colour) for colour in ("blue", "green")}
        while True:
            time.sleep(LOOK_SECONDS)
            up = looks.look()
            candidate = less(looks.traffic(plan.new), starts[plan.new])
            beside = less(looks.traffic(plan.old), starts[plan.old]) if plan.old else Traffic()
            baseline = self._before + beside
            verdict = judge_beside(candidate, baseline, self._limits)
            if not up[plan.new]:
                return Verdict((f"no replica of {plan.new} answers any more",), verdict.figures)
            passed = time.monotonic() - began
            enough = candidate.answered >= least
            if not verdict.good or (passed >= seconds and (enough or passed >= seconds * PATIENCE)):
                break
        self._before = baseline
        return judge_step(candidate, baseline, self._limits, least)


def less(now: Traffic, then: Traffic) -> Traffic:
    """What was done between two looks."""
    digits = tuple(a - b for a, b in zip(now.digits, then.digits, strict=True))
    return Traffic(
        now.answered - then.answered,
        now.failed - then.failed,
        now.slow - then.slow,
        now.counted - then.counted,
        digits,
    )
