"""Adds up what each colour does: at the edge, and by the replicas' own metrics.

Contract: a replica that begins anew, or comes and goes, never makes a sum run backwards; one that
does not answer adds nothing. Does not know what is made of the sums.
"""

import http.client
import re
import socket
import urllib.request
from collections import Counter
from collections.abc import Iterable

from mnist_deploy import edge
from mnist_deploy.verdicts import Traffic

METRICS_PORT = 9100
LIMIT_SECONDS = 2.0
SLOW = re.compile(
    r'^http_request_duration_seconds_(bucket\{.*le="(0\.2|\+Inf)".*) (\S+)$', re.MULTILINE
)
PREDICT = 'route="/api/v1/predict"'
DIGIT = re.compile(r'^predictions_total\{digit="(\d)"[^}]*\} (\S+)$', re.MULTILINE)


class Growth:
    """Sums of counters that belong to many instances, each of which may begin anew."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], float] = {}
        self.sums: Counter[tuple[str, str]] = Counter()

    def see(self, instance: str, colour: str, values: dict[str, float]) -> None:
        """Adds what an instance's counters grew by; the first look at one adds nothing."""
        for name, value in values.items():
            last = self._last.get((instance, name))
            if last is not None:
                grown = value - last if value >= last else value
                self.sums[colour, name] += int(grown)
            self._last[instance, name] = value


class Observer:
    """Looks at both colours, and remembers since when."""

    def __init__(self, runtime: edge.Edge) -> None:
        self._edge = runtime
        self._growth = Growth()

    def look(self) -> dict[str, int]:
        """Takes one look; returns how many replicas of each colour answer."""
        servers = self._edge.servers("api")
        for server in servers:
            answered, failed = edge.counted(server)
            values = {"answered": float(answered), "failed": float(failed)}
            self._growth.see(f"edge {server['svname']}", edge.colour_of(server), values)
        for colour in edge.COLOURS:
            for address in addresses(colour):
                text = metrics(address)
                if text:
                    self._growth.see(address, colour, parsed(text))
        return {colour: edge.up(servers, colour) for colour in edge.COLOURS}

    def traffic(self, colour: str) -> Traffic:
        """What a colour did since the first look."""

        def grown(name: str) -> int:
            return self._growth.sums[colour, name]

        counted = grown("counted")
        digits = tuple(grown(f"digit {digit}") for digit in range(10))
        slow = max(0, counted - grown("quick"))
        return Traffic(grown("answered"), grown("failed"), slow, counted, digits)


def parsed(text: str) -> dict[str, float]:
    """The counters that are looked at, of a replica's metrics."""
    values = {"quick": 0.0, "counted": 0.0}
    for line, bound, number in SLOW.findall(text):
        if PREDICT in line:
            values["quick" if bound == "0.2" else "counted"] += float(number)
    for digit, number in DIGIT.findall(text):
        values[f"digit {digit}"] = values.get(f"digit {digit}", 0.0) + float(number)
    return {f"digit {digit}": 0.0 for digit in range(10)} | values


def addresses(colour: str) -> Iterable[str]:
    """The addresses of a colour's replicas, by the network's own names; none while it is away."""
    try:
        found = socket.getaddrinfo(f"backend-{colour}", METRICS_PORT, socket.AF_INET)
    except OSError:
        return ()
    return sorted({str(one[4][0]) for one in found})


def metrics(address: str) -> str:
    """What a replica tells of itself; nothing where it does not answer."""
    try:
        url = f"http://{address}:{METRICS_PORT}/metrics"
        with urllib.request.urlopen(url, timeout=LIMIT_SECONDS) as response:
            return str(response.read().decode())
    except (OSError, http.client.HTTPException):
        return ""
