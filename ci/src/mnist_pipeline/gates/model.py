"""Judges a trained model by its card: accuracy, calibration, every digit, and what it replaces.

Contract: numbers are recomputed from the card's confusion matrices and must agree with what the
card says of them; a card that cannot be read, or contradicts itself, is never green. Standard
library only. Does not know the network, the data, or how either came to be.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

FORMAT = 2
DIGITS = 10
LEAST_PICTURES = 300
HELD_OUT = {"digits": 0.98, "mnist": 0.994}  # accuracy by source
DRAWINGS = 0.97  # 0.98 is the aim; chance takes one point in 600 drawings
CALIBRATION = 0.08  # 0.025 to 0.057 in three seeds: taught never to be quite sure, it is not
EACH_DIGIT = 0.85  # of both sets; the worst of three seeds was 0.867, 60 pictures a digit
NORMAL_95 = 1.959963984540054  # so many deviations hold 95 % of a normal distribution
ROUNDING = 1e-6
BESIDE = ("model-card.md", "model-card.png")


class CardMalformedError(ValueError):
    """The card is not one that can be judged."""


@dataclass(frozen=True)
class Measured:
    """How a model did on one set of pictures."""

    count: int
    right: int
    by_digit: tuple[float, ...]
    upper: float  # end of the accuracy's interval
    calibration: float

    @property
    def accuracy(self) -> float:
        """The share that was recognised."""
        return self.right / self.count


def judge(card: str, replaced: str, beside: Mapping[str, str]) -> Verdict:
    """The verdict on a card, given what the last released models reached and the card's files."""
    missing = [name for name in BESIDE if not beside.get(name)]
    try:
        source, found = read(card)
        before = read_replaced(replaced, source)
    except CardMalformedError as error:
        return not_run(str(error))
    faults = [f"the card comes without its {name}" for name in missing]
    faults += faults_of(f"held-out {source}", found["held_out"], HELD_OUT[source])
    faults += faults_of("drawings", found["drawings"], DRAWINGS)
    faults += [
        f"{name}: {measured.accuracy:.4f} right, at most {measured.upper:.4f} by its interval, "
        f"but the model it replaces reached {before[name]:.4f}"
        for name, measured in found.items()
        if name in before and before[name] > measured.upper
    ]
    counts = {
        f"of {found['held_out'].count} held-out digits": found["held_out"].right,
        f"of {found['drawings'].count} drawings right": found["drawings"].right,
    }
    return red(*faults, **counts) if faults else green(**counts)


def judge_runtime(runtime: str, exit_code: int, log: str) -> Verdict:
    """The verdict on an image that was told to check the model it holds."""
    last = last_line(log)
    if exit_code == 0 and last.endswith(f"answers as its card says, in {runtime}"):
        return green(runtimes=1)
    return red(f"in {runtime}, exit code {exit_code}: {last}")


def faults_of(name: str, found: Measured, least: float) -> Iterator[str]:
    """What is not good enough about one set of pictures."""
    if found.count < LEAST_PICTURES:
        yield f"{name}: {found.count} pictures are too few to judge by, {LEAST_PICTURES} needed"
    if found.accuracy < least:
        yield f"{name}: {found.accuracy:.4f} recognised, {least} needed"
    if found.calibration > CALIBRATION:
        yield f"{name}: calibration error {found.calibration:.4f}, at most {CALIBRATION} allowed"
    for digit, ratio in enumerate(found.by_digit):
        if ratio < EACH_DIGIT:
            yield f"{name}: {ratio:.4f} of the {digit}s recognised, {EACH_DIGIT} needed of each"


def read(card: str) -> tuple[str, dict[str, Measured]]:
    """The source and both sets of a card; raises where it is malformed."""
    fields = parsed(card, "the card")
    if fields.get("format") != FORMAT:
        message = f"the card has the format {fields.get('format')!r}, not {FORMAT}"
        raise CardMalformedError(message)
    source = fields.get("source")
    if source not in HELD_OUT:
        message = f"the card's source is {source!r}, not one of {', '.join(HELD_OUT)}"
        raise CardMalformedError(message)
    return str(source), {n: measured(n, fields.get(n)) for n in ("held_out", "drawings")}


def measured(name: str, fields: Any) -> Measured:  # noqa: ANN401  JSON, before it is looked at
    """One set of pictures, recomputed and compared with what the card says."""
    try:
        told = float(fields["accuracy"])
        low, high = map(float, fields["interval"])
        by_digit = [float(ratio) for ratio in fields["by_digit"]]
        calibration = float(fields["calibration_error"])
        count, confusion = fields["count"], fields["confusion"]
        rows = [[cell for cell in row if type(cell) is int and cell >= 0] for row in confusion]
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        message = f"{name} cannot be read: {type(error).__name__} {error}"
        raise CardMalformedError(message) from error
    if [len(row) for row in rows] != [DIGITS] * DIGITS or not all(map(sum, rows)):
        message = f"{name}: the confusion matrix is not 10 rows of 10 counts, each digit asked for"
        raise CardMalformedError(message)
    right, total = sum(rows[digit][digit] for digit in range(DIGITS)), sum(map(sum, rows))
    each = tuple(rows[digit][digit] / sum(rows[digit]) for digit in range(DIGITS))
    if not (
        count == total
        and near(told, right / total)
        and len(by_digit) == DIGITS
        and all(map(near, by_digit, each))
        and all(map(near, (low, high), wilson(right, total)))
        and 0 <= calibration <= 1
    ):
        message = f"{name}: the card contradicts itself: its figures are not those of its confusion"
        raise CardMalformedError(message)
    return Measured(total, right, each, high, calibration)


def wilson(right: int, count: int) -> tuple[float, float]:
    """The interval that the share of successes lies in, at 95 % (Wilson, 1927)."""
    ratio, squared = right / count, NORMAL_95**2
    middle = ratio + squared / (2 * count)
    reach = NORMAL_95 * math.sqrt(ratio * (1 - ratio) / count + squared / (4 * count**2))
    return (middle - reach) / (1 + squared / count), (middle + reach) / (1 + squared / count)


def near(one: float, other: float) -> bool:
    """Whether two ratios are the same but for rounding."""
    return math.isclose(one, other, abs_tol=ROUNDING)


def read_replaced(text: str, source: str) -> dict[str, float]:
    """What the last released model of a source reached; nothing where it says null."""
    fields = parsed(text, "the file of replaced models")
    if source not in fields:
        message = f"the file of replaced models says nothing of {source}; null says there is none"
        raise CardMalformedError(message)
    if fields[source] is None:
        return {}
    try:
        before = {name: float(fields[source][name]) for name in ("held_out", "drawings")}
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        message = f"the replaced model of {source} cannot be read: {type(error).__name__} {error}"
        raise CardMalformedError(message) from error
    if not all(0 <= ratio <= 1 for ratio in before.values()):
        message = f"the replaced model of {source} has an accuracy that is no ratio: {before}"
        raise CardMalformedError(message)
    return before


def parsed(text: str, what: str) -> dict[str, Any]:
    """The fields of a JSON object."""
    try:
        fields = json.loads(text)
    except ValueError as error:
        message = f"{what} is not JSON: {error}"
        raise CardMalformedError(message) from error
    if not isinstance(fields, dict):
        message = f"{what} is not a JSON object"
        raise CardMalformedError(message)
    return fields
