"""A copy of rules and routes in which time runs faster, to see days of them in minutes.

Contract: every span in the files, `[1h]` and `for: 5m` alike, is divided by one factor; nothing
else changes, so what is rehearsed is what is shipped. Names of series keep the span they are named
after. Does not know what the files mean.
"""

import re
from pathlib import Path

from monitoring.objectives import seconds

SPANS = re.compile(  # of a range, of an offset, or of a setting that is one
    r"(\[|\boffset |\b(?:for|\w*interval|\w*timeout|group_wait): )(\d+[smhd])\b"
)
COMPRESSED = ("rules/*.yml", "alertmanager.yml")


def shorter(text: str, factor: int) -> str:
    """The text with every span divided, to whole milliseconds and never to nothing."""

    def divided(found: re.Match[str]) -> str:
        milliseconds = seconds(found[2]) * 1000 // factor
        return f"{found[1]}{max(milliseconds, 1)}ms"

    return SPANS.sub(divided, text)


def compress(folder: Path, target: Path, factor: int) -> None:
    """Copies what holds spans, divided by the factor, to where it stands below another folder."""
    for pattern in COMPRESSED:
        for path in sorted(folder.glob(pattern)):
            copy = target / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(shorter(path.read_text(encoding="utf-8"), factor), encoding="utf-8")
