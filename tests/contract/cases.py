"""Reads the notes of what schemathesis sent, a line a call.

Contract: `tally` counts the calls by operation and phase; a note that cannot be read, or notes
without a call, raise `NotesMalformedError`. Does not know what the answers should have been.
"""

import json
from collections import Counter


class NotesMalformedError(ValueError):
    """The notes are not what hooks.py writes."""


def tally(text: str) -> Counter[tuple[str, str]]:
    """Return how many calls there were of each operation in each phase."""
    counted: Counter[tuple[str, str]] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        try:
            note = json.loads(line)
            counted[str(note["operation"]), str(note["phase"])] += int(100 <= note["status"] <= 599)
        except (ValueError, KeyError, TypeError) as error:
            message = f"line {number} of the notes is none ({error!r}): {line[:80]!r}"
            raise NotesMalformedError(message) from error
    if not counted.total():
        message = "the notes hold no call: schemathesis has sent nothing"
        raise NotesMalformedError(message)
    return counted
