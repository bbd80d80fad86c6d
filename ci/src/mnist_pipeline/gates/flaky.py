"""Tests that may be tried again, and those that were: a TOML file, each entry with its reason.

Contract: an entry that has expired, or that names no test, is a fault; a test that needed another
try is always told of, with what went wrong before. Does not know how a test is tried again.
"""

import json
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from xml.etree import ElementTree

from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

MOST_TIMES = 3


class FlakyTestsMalformedError(ValueError):
    """The file of tests that may be tried again does not say what it must."""


@dataclass(frozen=True)
class Flaky:
    """A test that may be tried again until a date."""

    stage: str
    name: str
    times: int
    reason: str
    expires: date


def listed(toml: str, stages: Collection[str]) -> list[Flaky]:
    """Reads the file; `stages` are those whose tests may be in it."""
    try:
        found = [Flaky(**entry) for entry in tomllib.loads(toml).get("test", [])]
    except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
        message = f"the list of flaky tests cannot be read: {error}"
        raise FlakyTestsMalformedError(message) from error
    for test in found:
        told = all(isinstance(text, str) and text.strip() for text in (test.name, test.reason))
        bounded = type(test.times) is int and 1 <= test.times <= MOST_TIMES
        dated = type(test.expires) is date
        if not (told and bounded and dated and test.stage in stages):
            message = (
                f"{test.name!r} among the flaky tests needs a stage of {sorted(stages)}, times "
                f"from 1 to {MOST_TIMES}, a reason, and a date to expire"
            )
            raise FlakyTestsMalformedError(message)
    return found


def allowed(tests: Collection[Flaky], stage: str, today: date) -> dict[str, int]:
    """How often each test of a stage may be tried again today."""
    return {t.name: t.times for t in tests if t.stage == stage and t.expires >= today}


def judge(tests: Collection[Flaky], stage: str, today: date, xml: str) -> Verdict:
    """Whether the entries of a stage are still of use, by the report of all its tests, if any."""
    mine = [test for test in tests if test.stage == stage]
    faults = [
        f"{test.name} may no longer be tried again, since {test.expires}: mend the test, or renew "
        "its entry in ci/flaky-tests.toml with its reason"
        for test in mine
        if test.expires < today
    ]
    ran = names(xml)
    faults += [
        f"{test.name} in ci/flaky-tests.toml is no test of {stage}: delete the entry"
        for test in mine
        if test.expires >= today and ran and test.name not in ran
    ]
    return red(*faults) if faults else green()


def names(xml: str) -> set[str]:
    """The tests of a report without their parameters; none where it cannot be read."""
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314  written by our own pytest a moment ago
    except ElementTree.ParseError:  # which junit.judge tells of
        return set()
    return {case.get("name", "").partition("[")[0] for case in root.iter("testcase")}


def retried(text: str) -> Verdict | None:
    """What is to be told of tests that were tried again; None where none was."""
    try:
        tries = [(str(each["name"]), str(each["message"])) for each in json.loads(text)]
    except (ValueError, KeyError, TypeError) as error:
        return not_run(f"it is not known which tests were tried again: {error!r}")
    if not tries:
        return None
    told = tuple(f"tried again: {name}: {message}" for name, message in tries)
    return Verdict("green", told, {"tries": len(tries)})
