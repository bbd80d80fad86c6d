"""What came of the requests of one situation.

Contract: pure; times are seconds since the deployment, or whatever else was done, began. A request
that was not answered with 200 has failed. Does not know methods or situations.
"""

import base64
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

OK = "200"
UNMARKED = "release-1"  # its answers do not name it: its image is as it was built
END_SECONDS = 5.0  # that tell what it has come to


@dataclass(frozen=True)
class Request:
    """One request, and its answer."""

    sent: float
    answered: float
    status: str  # 0 where there was no answer
    release: str  # that answered; empty where it failed

    @property
    def failed(self) -> bool:
        """Whether it was not answered as it should be."""
        return self.status != OK


@dataclass(frozen=True)
class Figures:
    """What came of all of them."""

    sent: int
    failed: int
    statuses: dict[str, int]
    longest_seconds: float
    failing_seconds: float | None  # from the first request that failed to the last one
    alone_seconds: float | None  # until nobody else's answers came; None where others' still did
    at_end: tuple[str, ...]  # the releases that answered at the end
    failing_at_end_ratio: float


def read(rows: str, began: float) -> list[Request]:
    """The requests in the rows that vegeta writes, by the time at which they were sent."""
    found = []
    for row in csv.reader(io.StringIO(rows)):
        sent = int(row[0]) / 1e9 - began
        release = named(base64.b64decode(row[6])) if row[1] == OK else ""
        found.append(Request(sent, sent + int(row[2]) / 1e9, row[1], release))
    return sorted(found, key=lambda request: request.sent)


def named(body: bytes) -> str:
    """The release that an answer names."""
    return str(json.loads(body).get("release", UNMARKED))


def figured(requests: Sequence[Request], release: str) -> Figures:
    """What came of requests while a release was deployed."""
    failed = [request for request in requests if request.failed]
    end = max(request.sent for request in requests) - END_SECONDS
    last = [request for request in requests if request.sent >= end]
    statuses = {s: sum(r.status == s for r in failed) for s in sorted({r.status for r in failed})}
    return Figures(
        sent=len(requests),
        failed=len(failed),
        statuses=statuses,
        longest_seconds=max(request.answered - request.sent for request in requests),
        failing_seconds=failed[-1].sent - failed[0].sent if failed else None,
        alone_seconds=alone(requests, release),
        at_end=tuple(sorted({r.release for r in last if r.release})),
        failing_at_end_ratio=sum(r.failed for r in last) / len(last),
    )


def alone(requests: Sequence[Request], release: str) -> float | None:
    """When the last answer of another release came; None where this one does not answer alone."""
    own = [r.sent for r in requests if r.release == release]
    others = [r for r in requests if r.release not in {"", release}]
    if not own or not others or own[-1] <= others[-1].sent:
        return None
    return max(request.answered for request in others)
