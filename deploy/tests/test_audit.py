"""The audit trail shows every hand that touches it."""

import pytest

from mnist_deploy import audit
from mnist_deploy.errors import AuditBrokenError


def trail() -> list[str]:
    """Three lines."""
    lines: list[str] = []
    for event in ("started", "gate", "done"):
        lines.append(audit.entry(lines[-1] if lines else "", event, {"who": "somebody"}))
    return lines


def test_an_untouched_trail_is_read() -> None:
    """Every entry comes back, in order."""
    assert [entry["event"] for entry in audit.verified(trail())] == ["started", "gate", "done"]
    assert audit.verified([]) == []


@pytest.mark.parametrize("fault", ["changed", "removed", "swapped", "added", "garbled"])
def test_a_touched_trail_is_refused(fault: str) -> None:
    """A line that was changed, removed, swapped or added breaks the chain."""
    lines = trail()
    if fault == "changed":
        lines[1] = lines[1].replace("somebody", "nobody")
    elif fault == "removed":
        del lines[1]
    elif fault == "swapped":
        lines[0], lines[1] = lines[1], lines[0]
    elif fault == "added":
        lines.insert(1, audit.entry("", "gate", {}))
    else:
        lines[2] = "{"
    with pytest.raises(AuditBrokenError, match="line"):
        audit.verified(lines)
