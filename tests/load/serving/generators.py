"""The two programs that put load on a server: wrk as fast as it answers, vegeta at a set rate.

Contract: wrk is a closed loop and tells what a request costs, never how long it takes. Vegeta is an
open loop: it sends at a constant rate whatever comes back, and a request's latency here counts from
the moment it should have been sent, so a late generator never makes a server look quick.
Does not know: which server it is, or what the figures say about it.
"""

import base64
import csv
import io
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from load.serving.figures import quantile

CONNECTIONS = 16  # of the closed loop
MOST_CONNECTIONS = 256  # of the open loop
TIMEOUT_SECONDS = 5
OK = "200"
SCRIPT = """\
wrk.method = "POST"
wrk.body = io.open(%s):read("*a")
%s
done = function(summary)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %%d, "microseconds": %%d, "errors": %%d}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Target:
    """Where a body is sent, and from which processor."""

    url: str
    headers: Mapping[str, str]
    body: Path
    processor: int
    scratch: Path


@dataclass(frozen=True)
class Closed:
    """What came of a closed loop."""

    requests: int
    seconds: float
    errors: int


@dataclass(frozen=True)
class Open:
    """What came of an open loop; milliseconds count from when a request should have been sent."""

    rate: float
    requests: int
    errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    late_p99_ms: float  # how late the generator itself was
    drained_seconds: float  # from the last request to the last answer


def closed(target: Target, seconds: float) -> Closed:
    """Ask as fast as it answers, over a few connections."""
    headers = "\n".join(f'wrk.headers["{n}"] = "{v}"' for n, v in target.headers.items())
    script = target.scratch / "wrk.lua"
    script.write_text(SCRIPT % (json.dumps(str(target.body)), headers), encoding="utf-8")
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS)]
    command += ["--duration", f"{seconds:.0f}s", "--script", str(script), target.url]
    printed = run(target, command, seconds)
    found = json.loads(printed.strip().splitlines()[-1])
    return Closed(found["requests"], found["microseconds"] / 1e6, found["errors"])


def opened(
    target: Target, rate: float, seconds: float, fault: Callable[[bytes], str] | None = None
) -> Open:
    """Ask at a constant rate; with `fault`, every answer's body is looked at too."""
    headers = "\n".join(f"{name}: {value}" for name, value in target.headers.items())
    targets, results = target.scratch / "targets.txt", target.scratch / "results.bin"
    targets.write_text(f"POST {target.url}\n{headers}\n@{target.body}\n", encoding="utf-8")
    command = ["vegeta", "attack", f"-targets={targets}", f"-output={results}", "-http2=false"]
    command += [f"-rate={round(rate)}", f"-duration={seconds}s", f"-timeout={TIMEOUT_SECONDS}s"]
    command += [f"-connections={MOST_CONNECTIONS}", f"-max-connections={MOST_CONNECTIONS}"]
    command += [f"-max-body={-1 if fault else 0}"]
    run(target, command, seconds + TIMEOUT_SECONDS)
    rows = run(target, ["vegeta", "encode", "-to=csv", str(results)], seconds)
    return read(rows, round(rate), fault)


def read(rows: str, rate: float, fault: Callable[[bytes], str] | None = None) -> Open:
    """Return what vegeta's rows say: time, status, latency, in nanoseconds, and the body."""
    found = [(int(row[0]), row[1], int(row[2]), row[6]) for row in csv.reader(io.StringIO(rows))]
    found.sort()
    began = found[0][0]
    late = [sent - began - number / rate * 1e9 for number, (sent, *_) in enumerate(found)]
    latencies = [(max(0.0, by) + row[2]) / 1e6 for by, row in zip(late, found, strict=True)]
    wrong = sum(
        status != OK or bool(fault and fault(base64.b64decode(body)))
        for _, status, _, body in found
    )
    last = max(sent + took for sent, _, took, _ in found) - found[-1][0]
    return Open(
        rate=rate,
        requests=len(found),
        errors=wrong,
        p50_ms=quantile(latencies, 0.5),
        p95_ms=quantile(latencies, 0.95),
        p99_ms=quantile(latencies, 0.99),
        late_p99_ms=quantile(late, 0.99) / 1e6,
        drained_seconds=last / 1e9,
    )


def run(target: Target, command: list[str], seconds: float) -> str:
    """Run a program on the client's processor and return what it prints."""
    pinned = ["taskset", "-c", str(target.processor), *command]
    limit = 3 * seconds + 60
    done = subprocess.run(pinned, capture_output=True, text=True, check=False, timeout=limit)
    if done.returncode:
        message = f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}"
        raise ChildProcessError(message)
    return done.stdout
