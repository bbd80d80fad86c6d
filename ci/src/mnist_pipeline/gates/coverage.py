"""The ratchet on coverage: what the tests of a part must reach, and may not have left behind.

Contract: a part without a floor, below it, or so far above that the floor has lost its meaning, is
red. Does not know how coverage is measured.
"""

import tomllib
from xml.etree import ElementTree

from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

FLOORS = "ci/coverage-floors.toml"
SLACK_PERCENT = 1.0  # a floor further below than this no longer holds anything
COUNTS = ("lines-valid", "lines-covered", "branches-valid", "branches-covered")


class FloorsMalformedError(ValueError):
    """The file of floors does not say a percentage for each part."""


def floors(toml: str) -> dict[str, float]:
    """Reads the floors in percent, by part.

    Raises:
        FloorsMalformedError: the file is no TOML, or a floor is no number from 0 to 100.
    """
    try:
        found = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        message = f"{FLOORS} cannot be read: {error}"
        raise FloorsMalformedError(message) from error
    for part, floor in found.items():
        if isinstance(floor, bool) or not isinstance(floor, int | float) or not 0 <= floor <= 100:  # noqa: PLR2004
            message = f"{FLOORS}: {part} = {floor!r}: a floor is a number from 0 to 100, in percent"
            raise FloorsMalformedError(message)
    return {part: float(floor) for part, floor in found.items()}


def percent(xml: str) -> float:
    """What a report in Cobertura's form says of lines and branches together.

    Raises:
        ValueError: it is no such report, or counts nothing.
    """
    try:
        head = ElementTree.fromstring(xml)  # noqa: S314  written by our own pytest a moment ago
        lines, covered, branches, taken = (int(head.attrib[name]) for name in COUNTS)
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        message = f"no report of coverage ({error!r})"
        raise ValueError(message) from error
    if not lines:
        message = "the report of coverage counts no line"
        raise ValueError(message)
    return 100 * (covered + taken) / (lines + branches)


def judge(part: str, xml: str, known: dict[str, float]) -> Verdict:
    """The verdict on what the tests of a part reach."""
    try:
        reached = percent(xml)
    except ValueError as error:
        return not_run(str(error))
    told, floor = f"{part} is covered to {reached:.1f} %", known.get(part)
    fit = f"{part} = {reached - SLACK_PERCENT / 2:.1f} in {FLOORS}"
    if floor is None:
        return red(f"{told} and has no floor: write {fit}")
    if reached < floor:
        return red(f"{told}, below its floor of {floor} %: test the lines coverage.xml names")
    if reached > floor + SLACK_PERCENT:
        return red(f"{told}, far above its floor of {floor} %: write {fit}")
    return green()
