"""What the recorder wrote about a command: when it began, how long it took, how it ended.

Contract: a record that cannot be read raises `RecordMalformedError`; a command that was killed or
took too long has not answered, and the verdict on it says so. Does not know what commands do.
"""

import json
from dataclasses import dataclass

from mnist_pipeline.gates.verdicts import Verdict, not_run, red

UNSETTLED = 124  # time-outs and signals; from here on the tool has not answered
SIGNALLED = 128  # by a signal, which is added
KILLED = 137  # as the kernel does where memory runs out
SIGNALS = {"Killed", "Terminated"}  # what a shell prints of them, after the command's own words


class RecordMalformedError(ValueError):
    """The recorder's own file is not what the recorder writes."""


@dataclass(frozen=True)
class Record:
    """One command's run."""

    exit_code: int
    started: float  # seconds since the epoch
    finished: float


@dataclass(frozen=True)
class Command:
    """What is recorded, and what of its exit codes is no answer."""

    name: str
    words: tuple[str, ...]
    limit_seconds: int
    unsettled: int = UNSETTLED
    always: bool = False  # after one that did not answer, too: it keeps evidence

    @property
    def arguments(self) -> list[str]:
        """What the recorder is given, after the folder."""
        limits = [str(self.limit_seconds), str(self.unsettled), "always" if self.always else ""]
        return [self.name, *limits, *self.words]

    def silence(self, run: Record, log: str) -> Verdict | None:
        """Why it did not answer; None where it did."""
        said = (line for line in log.splitlines() if line.strip() not in SIGNALS)
        code, last = run.exit_code, last_line("\n".join(said))
        if code < self.unsettled:
            return None
        if run.finished - run.started >= self.limit_seconds:
            return red(f"{self.name} was given up after {self.limit_seconds} s: {last}")
        if code == UNSETTLED:
            return red(f"{self.name} gave up: {last}")  # by itself, and has said why
        return killed(self.name, code, last)


def killed(what: str, exit_code: int, last: str) -> Verdict:
    """The verdict on what a signal ended; below those, it could not be run."""
    if exit_code < SIGNALLED:
        return not_run(f"{what}: exit code {exit_code}: {last}")
    memory = " (memory?)" if exit_code == KILLED else ""
    return red(f"{what} was killed, exit code {exit_code}{memory}: {last}")


def record(text: str) -> Record:
    """Reads what the recorder wrote."""
    try:
        fields = json.loads(text)
        return Record(int(fields["exit_code"]), float(fields["started"]), float(fields["finished"]))
    except (ValueError, KeyError, TypeError) as error:
        message = f"the record of a command cannot be read ({error}): {text[:80]!r}"
        raise RecordMalformedError(message) from error


def last_line(log: str) -> str:
    """The last line that says something, or that there is none."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
