"""The audit trail: JSON lines, each of which holds the hash of the one before it.

Contract: pure; whoever changes, removes or swaps a line breaks the chain from there on. That the
end was cut off is seen by who kept an earlier hash: each deployment prints its own. Does not know
where the lines are kept.
"""

import hashlib
import json
from collections.abc import Sequence

from mnist_deploy.errors import AuditBrokenError

START = "0" * 64


def hashed(entry: dict[str, object]) -> str:
    """The hash of an entry without its own."""
    rest = {name: value for name, value in entry.items() if name != "hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def entry(last: str, event: str, fields: dict[str, object]) -> str:
    """The line that follows the last one, which is empty at the very start.

    Raises:
        AuditBrokenError: the last one is no entry.
    """
    try:
        previous = str(json.loads(last)["hash"]) if last.strip() else START
    except (ValueError, KeyError, TypeError) as error:
        message = "the last line of the audit trail is no entry: somebody changed it, or it was cut"
        raise AuditBrokenError(message) from error
    new: dict[str, object] = {"event": event, **fields, "previous": previous}
    return json.dumps(new | {"hash": hashed(new)}, sort_keys=True)


def verified(lines: Sequence[str]) -> list[dict[str, object]]:
    """The entries of a trail.

    Raises:
        AuditBrokenError: the chain does not hold; the message names the line.
    """
    entries: list[dict[str, object]] = []
    previous = START
    for number, line in enumerate(lines, 1):
        try:
            one = json.loads(line)
            whole = one["previous"] == previous and one["hash"] == hashed(one)
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            message = (
                f"line {number} of the audit trail was changed, removed or added by another hand; "
                "compare it with the copies in the evidence of earlier deployments"
            )
            raise AuditBrokenError(message)
        previous = one["hash"]
        entries.append(one)
    return entries
