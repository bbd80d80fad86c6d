"""What the recorder wrote about a command: when it began, how long it took, how it ended.

Contract: a record that cannot be read raises `RecordMalformedError`. Does not know which command.
"""

import json
from dataclasses import dataclass


class RecordMalformedError(ValueError):
    """The recorder's own file is not what the recorder writes."""


@dataclass(frozen=True)
class Record:
    """One command's run."""

    exit_code: int
    started: float  # seconds since the epoch
    finished: float


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
