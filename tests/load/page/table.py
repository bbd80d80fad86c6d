"""The figures of the page's benchmark as a page.

Contract: pure; a wait holds milliseconds, each of its parts within the one before: `total`, `page`,
`http`, `model`. Does not know how anything was measured.
"""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from load.serving.figures import quantile

COMMAND = "./daggerw call bench-page export --path evidence/page"
AIM_MS = 300
PARTS = {
    "browser": "Browser and web socket",
    "page": "Streamlit and the page",
    "http": "HTTP to the backend and back",
    "model": "Preparation and model",
}

Wait = Mapping[str, float]


def parts(wait: Wait) -> dict[str, float]:
    """Return the milliseconds that each part took by itself."""
    inner = {"browser": "page", "page": "http", "http": "model"}
    whole = {"browser": wait["total"], **wait}
    return {part: whole[part] - (whole[inner[part]] if part in inner else 0) for part in PARTS}


def told(
    waits: Sequence[Wait],
    unseen: Sequence[Wait],
    sessions: int,
    browsers: int,
    starts: Sequence[float],
) -> str:
    """Write the page of results: of the waits in browsers, and beside them those at sockets."""
    totals = sorted(wait["total"] for wait in waits)
    at_sockets = sorted(wait["total"] for wait in unseen)
    p95, p95_at_sockets = quantile(totals, 0.95), quantile(at_sockets, 0.95)
    shares = [parts(wait) for wait in waits]
    rows = "\n".join(
        row(title, [each[part] for each in shares], totals) for part, title in PARTS.items()
    )
    verdict = "met" if p95 < AIM_MS else f"missed by {p95 - AIM_MS:.0f} ms"
    return f"""\
# From lifting the pen to the answer on screen

{len(waits) + len(unseen)} readings by {sessions} sessions at once, {datetime.now(UTC):%Y-%m-%d}, \
{os.cpu_count()} processors ({platform.machine()}) for browser, page and backend together.
Made by `{COMMAND}`. \
Real browsers among the sessions: {browsers}, where these {len(waits)} readings were timed.

| part | median | p95 | share of the whole |
|---|---:|---:|---:|
{rows}
| **whole** | **{quantile(totals, 0.5):.0f} ms** | **{p95:.0f} ms** | 100 % |

Aim: p95 under {AIM_MS} ms with 20 sessions on 2 processors: {verdict}.
From its start until it was healthy, the page took {min(starts):.1f} to {max(starts):.1f} s \
({len(starts)} starts).

The other sessions are web sockets that send what a browser sends for the same drawings, as often:
a visitor's browser runs on the visitor's machine. Their {len(unseen)} readings, from sending to the
answer at the socket: median {quantile(at_sockets, 0.5):.0f} ms, p95 {p95_at_sockets:.0f} ms.
"""


def row(title: str, values: Iterable[float], totals: Sequence[float]) -> str:
    """Write the line of one part."""
    ordered = sorted(values)
    share = sum(ordered) / sum(totals)
    median, p95 = quantile(ordered, 0.5), quantile(ordered, 0.95)
    return f"| {title} | {median:.1f} ms | {p95:.1f} ms | {share:.0%} |"
