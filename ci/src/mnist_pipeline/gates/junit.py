"""Judges a test run by its JUnit XML and exit code.

Contract: green needs at least one test that ran, none that failed, and exit code 0. Does not know
what the tests are about.
"""

from dataclasses import dataclass
from xml.etree import ElementTree

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red


@dataclass(frozen=True)
class Tally:
    """The tests of a run: what failed, with its message, and what was skipped."""

    total: int
    failures: tuple[str, ...]
    skipped: tuple[str, ...]


def tally(xml: str) -> Tally:
    """Counts the cases of a JUnit file; raises ParseError where it is not XML."""
    root = ElementTree.fromstring(xml)  # noqa: S314  written by our own pytest a moment ago
    cases = list(root.iter("testcase"))
    failures, skipped = [], []
    for case in cases:
        name = case.get("name", "?")
        for child in case:
            if child.tag in {"failure", "error"}:
                first = (child.get("message") or child.text or "no message").strip()
                failures.append(f"{name}: {first.splitlines()[0] if first else 'no message'}")
            elif child.tag == "skipped":
                skipped.append(f"{name}: {child.get('message') or 'no reason'}")
    return Tally(len(cases), tuple(failures), tuple(skipped))


def judge(xml: str, exit_code: int, log: str, *, may_skip: bool) -> Verdict:
    """The verdict on a test run; a skipped test is red unless it may be skipped."""
    try:
        found = tally(xml)
    except ElementTree.ParseError as error:
        return not_run(f"no JUnit report ({error}), exit code {exit_code}: {last_line(log)}")
    ran = found.total - len(found.skipped)
    counts = {"tests": ran, "skipped": len(found.skipped)} if found.skipped else {"tests": ran}
    if found.failures:
        head = f"{len(found.failures)} of {ran} failed"
        return red(f"{head}: {found.failures[0]}", *found.failures[1:], **counts)
    if found.skipped and not may_skip:
        return red(*(f"skipped, which this stage forbids: {case}" for case in found.skipped))
    if ran < 1:
        return not_run(f"no test ran, exit code {exit_code}: {last_line(log)}")
    if exit_code != 0:
        return red(f"every test passed, yet exit code {exit_code}: {last_line(log)}", **counts)
    return green(**counts)
