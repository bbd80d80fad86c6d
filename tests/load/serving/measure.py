"""The course of a measurement: start all, pass after pass, then the knee, then cold starts.

Contract: one server runs at a time, on a processor of its own; the others are paused. What was
started is ended, whatever happens. Does not know: what the figures mean.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from load.serving.figures import interleaved, knee
from load.serving.generators import Open, Target, closed, opened
from load.serving.servers import SINGLE, TITLES, Place, Running, Server
from load.serving.table import Measured

P95_LIMIT_MS = 200.0
SHARE_OF_KNEE = 0.7
FIRST_TRIAL = 0.8  # of the rate that the closed loop saw
DRAIN_LIMIT_SECONDS = 0.5  # after the last request; longer means that a queue has built up


@dataclass(frozen=True)
class Plan:
    """How long everything takes."""

    passes: int
    warm_seconds: float
    load_seconds: float
    trial_seconds: float  # of one rate of the search for the knee
    steady_seconds: float  # at 70 % of it
    halvings: int
    starts: int  # cold starts of each server


FULL = Plan(5, 2, 3, 3, 5, 2, 3)
QUICK = Plan(2, 1, 1, 1.5, 2, 1, 1)


@dataclass
class Course:
    """One measurement."""

    plan: Plan
    place: Place
    processors: tuple[int, int]  # the server's and the client's
    body: bytes
    expected: Mapping[str, Mapping[str, Any]]  # the right answer of each model
    say: Callable[[str], None]
    measured: dict[str, Measured] = field(default_factory=dict)
    steps: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def run(self, servers: Sequence[Server]) -> None:
        """Measure all servers."""
        (self.place.scratch / "body.json").write_bytes(self.body)
        with ExitStack() as stack:
            running = []
            for server in servers:
                running.append(self.start(server))
                stack.callback(running[-1].started.end)
                running[-1].started.pause()
            for number in range(self.plan.passes):
                self.once(running, number)
            for one in running:
                self.limits(one)
        for server in servers * (self.plan.starts - 1):
            self.start(server).started.end()

    def start(self, server: Server) -> Running:
        """Start a server cold and wait for its first right answer."""
        log = self.place.scratch / f"{server.key.replace('/', '-')}.log"
        expected = self.expected.get(server.model, {})
        running = Running(server, self.processors[0], self.body, expected, log)
        one = self.measured.setdefault(server.key, Measured(TITLES[server.kind]))
        one.start_seconds.append(running.start_seconds)
        self.say(f"{server.key}: first right answer after {running.start_seconds:.2f} s")
        return running

    def once(self, running: Sequence[Running], number: int) -> None:
        """Measure the cost of a request on every server, and the floor."""
        for index in interleaved(len(running), number):
            self.cost(running[index], number)
        folders = {one.server.model: one.server.folder for one in running if self.has_network(one)}
        for model, folder in folders.items():
            found = self.floor(folder)
            self.say(f"pass {number + 1}, {model}: floor {found}")
            for name, microseconds in found.items():
                self.steps.setdefault(model, {}).setdefault(name, []).append(microseconds)

    @staticmethod
    def has_network(one: Running) -> bool:
        """Whether a server's folder is that of a network."""
        return (one.server.folder / "model.onnx").exists()

    def cost(self, one: Running, number: int) -> None:
        """Measure what a request costs: processor time of all processes over what was answered."""
        target, found = self.target(one), self.measured[one.server.key]
        one.started.resume()
        one.check()
        closed(target, self.plan.warm_seconds)
        before, written = one.started.cpu_seconds(), self.recorded(one)
        load = closed(target, self.plan.load_seconds)
        spent = one.started.cpu_seconds() - before
        one.check()
        kept = [now - then for now, then in zip(self.recorded(one), written, strict=True)]
        found.recorded, found.unrecorded = found.recorded + kept[0], found.unrecorded + kept[1]
        found.cpu_us.append(spent / load.requests * 1e6)
        found.closed_rates.append(load.requests / load.seconds)
        found.shares.append(spent / load.seconds)
        found.errors += load.errors
        found.memory_bytes = one.started.memory_bytes()
        found.processes = len(one.started.pids())
        one.started.pause()
        self.say(
            f"pass {number + 1}, {one.server.key}: {found.cpu_us[-1]:.0f} µs a request, "
            f"{found.closed_rates[-1]:.0f} requests/s, {load.errors} errors"
        )

    def limits(self, one: Running) -> None:
        """Find the highest rate that a server sustains, and its delays at 70 % of it."""
        target, found = self.target(one), self.measured[one.server.key]
        one.started.resume()
        closed(target, self.plan.warm_seconds)

        def holds(rate: float) -> bool:
            trial = opened(target, rate, self.plan.trial_seconds)
            good = sustained(trial)
            self.say(f"{one.server.key}: {told(trial)}: {'holds' if good else 'fails'}")
            return good

        estimate = FIRST_TRIAL * median(found.closed_rates)
        edge = knee(holds, estimate, self.plan.halvings)
        found.knee_rate, found.knee_failed = edge.holds, edge.fails
        if edge.holds:
            rate = SHARE_OF_KNEE * edge.holds
            found.at_70 = opened(target, rate, self.plan.steady_seconds, one.fault)
            found.errors += found.at_70.errors
            self.say(f"{one.server.key}, at 70 %: {told(found.at_70)}")
        one.check()
        one.started.pause()

    def target(self, one: Running) -> Target:
        """Return where the generators send to."""
        scratch = self.place.scratch
        body = scratch / "body.json"
        return Target(one.url, one.server.headers, body, self.processors[1], scratch)

    def recorded(self, one: Running) -> tuple[int, int]:
        """Return how many predictions the backend has written and given up."""
        names = ("recording_written_total", "recording_dropped_total")
        written, dropped = (int(one.metric(name)) for name in names)
        return written, dropped

    def floor(self, folder: Path) -> dict[str, float]:
        """Return the processor time of each step, measured without a server."""
        settings = [f"{name}={value}" for name, value in SINGLE.items()]
        python = str(self.place.peers / "bin" / "python")
        body = str(self.place.scratch / "body.json")
        command = ["taskset", "-c", str(self.processors[0]), "env", *settings, python]
        command += ["-m", "load.serving.steps", body, str(self.plan.load_seconds)]
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True, timeout=120
        )
        found: dict[str, float] = json.loads(done.stdout)
        return found


def sustained(trial: Open) -> bool:
    """Whether a rate holds: no error, p95 under the limit, and no queue left at the end."""
    quick = trial.p95_ms < P95_LIMIT_MS and trial.drained_seconds < DRAIN_LIMIT_SECONDS
    return quick and trial.errors == 0


def told(trial: Open) -> str:
    """One line about an open loop."""
    return (
        f"{trial.rate:.0f} requests/s, p50 {trial.p50_ms:.1f} p95 {trial.p95_ms:.1f} "
        f"p99 {trial.p99_ms:.1f} ms, {trial.errors} errors, "
        f"generator late by {trial.late_p99_ms:.1f} ms (p99)"
    )


def processors(available: Sequence[int]) -> tuple[int, int]:
    """Return the server's processor and the client's.

    Raises:
        SystemExit: there is only one.
    """
    if len(available) < len(("server", "client")):
        sys.exit("one processor is too few: the server and the client need one each; give it two")
    return available[0], available[1]
