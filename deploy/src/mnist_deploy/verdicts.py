"""Judges what was measured of a release: in the dark, and beside the release before it.

Contract: pure functions of figures; a verdict without a reason is good, and too little data is a
reason. Does not know how anything is measured, or what follows from a verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, lgamma, log

CONFIDENCE = 0.95
CHANCE = 0.01  # that two equal releases look this different
FLOOR = 1e-4  # of a share, as in the drift that Prometheus works out
SLOW_LEAST = 5


@dataclass(frozen=True)
class Limits:
    """What a release must keep."""

    p95_seconds: float = 0.2
    error_ratio: float = 0.01  # that a release could have and still look as it did, at 95 %
    slow_ratio: float = 0.05  # of answers over 200 ms, which is p95, under traffic
    used_ratio: float = 0.8  # of processor and memory
    drift: float = 0.25  # population stability index of the digits
    drift_least: int = 200  # predictions on each side before it means anything


@dataclass(frozen=True)
class Traffic:
    """What one colour did in some time."""

    answered: int = 0
    failed: int = 0
    slow: int = 0  # of `counted`
    counted: int = 0
    digits: tuple[int, ...] = (0,) * 10

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(
            self.answered + other.answered,
            self.failed + other.failed,
            self.slow + other.slow,
            self.counted + other.counted,
            tuple(a + b for a, b in zip(self.digits, other.digits, strict=True)),
        )


@dataclass(frozen=True)
class Verdict:
    """Good where there is no reason against it, with the figures that it rests on."""

    reasons: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether there is no reason against it."""
        return not self.reasons


def binomial_tail(most: int, trials: int, ratio: float) -> float:
    """The chance of at most so many hits in so many trials."""
    if ratio <= 0:
        return 1.0
    if ratio >= 1:
        return float(most >= trials)
    terms = (
        log_ways(trials, k) + k * log(ratio) + (trials - k) * log(1 - ratio)
        for k in range(most + 1)
    )
    return min(1.0, sum(map(exp, terms)))


def largest_ratio(hits: int, trials: int) -> float:
    """The largest ratio that so few hits in so many trials leave possible, at 95 %."""
    if hits >= trials:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if binomial_tail(hits, trials, middle) > 1 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return high


def largest_quantile(values: Sequence[float], share: float) -> float | None:
    """The order statistic below which the quantile lies, at 95 %; None where too few are known."""
    ordered = sorted(values)
    for rank in range(int(len(ordered) * share), len(ordered) + 1):
        if rank and binomial_tail(rank - 1, len(ordered), share) >= CONFIDENCE:
            return ordered[rank - 1]
    return None


def by_chance(hits: int, trials: int, other_hits: int, other_trials: int) -> float:
    """The chance of at least so many hits if both sides were alike (Fisher's exact test)."""
    total, all_hits = trials + other_trials, hits + other_hits
    ways = log_ways(total, trials)
    return sum(
        exp(log_ways(all_hits, k) + log_ways(total - all_hits, trials - k) - ways)
        for k in range(max(hits, trials - total + all_hits), min(trials, all_hits) + 1)
    )


def log_ways(things: int, taken: int) -> float:
    """The logarithm of how many ways there are to take some of some things."""
    return lgamma(things + 1) - lgamma(taken + 1) - lgamma(things - taken + 1)


def stability(counts: Sequence[int], reference: Sequence[int]) -> float:
    """The population stability index between two mixes."""
    totals = max(1, sum(counts)), max(1, sum(reference))
    pairs = (
        (a / totals[0] + FLOOR, b / totals[1] + FLOOR)
        for a, b in zip(counts, reference, strict=True)
    )
    return sum((a - b) * log(a / b) for a, b in pairs)


def judge_dark(report: Mapping[str, object], used: Mapping[str, float], limits: Limits) -> Verdict:
    """Judges what the gate saw of a colour that nobody meets yet.

    The report holds `golden`, a list of wrong answers; `sent` and `failed`, numbers of requests;
    `reasons`, why some failed; `seconds`, a list of times. `used` holds ratios by name.
    """
    wrong, sent, failed = _texts(report["golden"]), _whole(report["sent"]), _whole(report["failed"])
    seconds = [float(s) for s in report["seconds"]] if isinstance(report["seconds"], list) else []
    if wrong:  # no request is sent then
        return Verdict(tuple(f"golden images: {text}" for text in wrong[:3]))
    reasons = []
    if failed:
        reasons.append(
            f"{failed} of {sent} requests failed: {'; '.join(_texts(report['reasons'])[:2])}"
        )
    bound = largest_ratio(failed, sent) if sent else 1.0
    if not failed and bound > limits.error_ratio:
        reasons.append(
            f"{sent} requests are too few to claim fewer than {limits.error_ratio:.2%} errors"
        )
    slowest = largest_quantile(seconds, CONFIDENCE)
    if slowest is None:
        reasons.append(f"{len(seconds)} answers are too few to tell their 95th percentile")
    elif slowest > limits.p95_seconds:
        reasons.append(
            f"p95 may be {slowest * 1000:.0f} ms, over {limits.p95_seconds * 1000:.0f} ms"
        )
    reasons += [
        f"{name} at {ratio:.0%}, over {limits.used_ratio:.0%}"
        for name, ratio in used.items()
        if ratio > limits.used_ratio
    ]
    if not used:
        reasons.append("nothing is known of its processor and memory")
    figures = {"sent": sent, "failed": failed, "error_ratio_below": bound, **used}
    return Verdict(tuple(reasons), figures | ({"p95_seconds_below": slowest} if slowest else {}))


def judge_beside(candidate: Traffic, baseline: Traffic, limits: Limits) -> Verdict:
    """Judges a candidate by what it has done so far, beside the release before it."""
    reasons = []
    trials = candidate.answered + candidate.failed
    others = baseline.answered + baseline.failed
    if (
        candidate.failed > 1
        and by_chance(candidate.failed, trials, baseline.failed, others) < CHANCE
    ):
        reasons.append(
            f"{candidate.failed} of {trials} failed, of the other {baseline.failed} of {others}"
        )
    elif candidate.failed > 1 and not others and candidate.failed > limits.error_ratio * trials:
        reasons.append(f"{candidate.failed} of {trials} failed")
    ratio = candidate.slow / candidate.counted if candidate.counted else 0.0
    if candidate.slow >= SLOW_LEAST and ratio > limits.slow_ratio:
        beside = (candidate.slow, candidate.counted, baseline.slow, baseline.counted)
        if not baseline.counted or by_chance(*beside) < CHANCE / 10:
            said = "{} of {} took over 200 ms, of the other {} of {}"
            reasons.append(said.format(*beside))
    return Verdict(
        tuple(reasons),
        {"answered": candidate.answered, "failed": candidate.failed, "slow": candidate.slow},
    )


def judge_step(candidate: Traffic, baseline: Traffic, limits: Limits, least: int) -> Verdict:
    """Judges a candidate at the end of a step: no data is a reason, and so is another mix."""
    soon = judge_beside(candidate, baseline, limits)
    reasons, figures = list(soon.reasons), dict(soon.figures)
    if candidate.answered < least:
        reasons.append(f"{candidate.answered} answers are no data: {least} are the least")
    if min(sum(candidate.digits), sum(baseline.digits)) >= limits.drift_least:
        figures["drift"] = stability(candidate.digits, baseline.digits)
        if figures["drift"] > limits.drift:
            reasons.append(
                f"its digits are another mix: index {figures['drift']:.2f} over {limits.drift}"
            )
    return Verdict(tuple(reasons), figures)


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float | str) else 0
