"""The figures as a page: a table for each model, the floor, the aims, and where this one loses.

Contract: pure; every sentence about who wins is made from the figures, so it cannot be kept when
they change. Does not know: how anything was measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from load.serving.figures import Spread, ratios, spread
from load.serving.generators import Open
from load.serving.servers import BARE, BENTOML, LITSERVE, NOOP, OURS, TITLES, TORCH

MODELS = {
    "example": "PyTorch's MNIST example, 1.2 M parameters",
    "own": "this project's own network",
}
STEPS = {
    "parse": "body to 784 floats (simdjson, numpy)",
    "prepare": "crop, fit, centre, standardise",
    "forward": "forward pass (ONNX Runtime)",
}
AIMS = (("example", LITSERVE, 5.0), ("example", BENTOML, 4.5), ("own", LITSERVE, 10.0))
AIMS = (*AIMS, ("own", BENTOML, 10.0))
FLOOR_AIM, P95_AIM_MS = 1.3, 10.0
MEGABYTE = 1e6
SHARE_LEAST = 0.9  # of a processor, under full load; with less, something else ran there


@dataclass
class Measured:
    """All that was found about one server."""

    title: str
    cpu_us: list[float] = field(default_factory=list)  # per request, one a pass
    closed_rates: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)  # of its processor that it got under load
    errors: int = 0
    knee_rate: float = 0.0
    knee_failed: float = 0.0  # the lowest rate that did not hold; 0 where all did
    at_70: Open | None = None
    memory_bytes: int = 0
    processes: int = 0
    start_seconds: list[float] = field(default_factory=list)
    unrecorded: int = 0  # predictions that the database did not keep up with
    recorded: int = 0


@dataclass(frozen=True)
class Results:
    """All that was found."""

    servers: Mapping[str, Measured]  # by model/kind
    steps: Mapping[str, Mapping[str, Sequence[float]]]  # µs by model and step, one a pass
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Aim:
    """What was aimed at, and what came of it."""

    text: str
    wanted: str
    found: str
    met: bool


def told(value: Spread, digits: int = 1) -> str:
    """A median and its range."""
    return f"{value.median:.{digits}f} ({value.least:.{digits}f} to {value.most:.{digits}f})"


def rows(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def floor(results: Results, model: str, *, prepared: bool) -> list[float]:
    """The least that an answer costs, pass by pass: no-op over HTTP, parsing, forward pass."""
    steps = results.steps[model]
    names = [name for name in STEPS if prepared or name != "prepare"]
    parts = [results.servers[f"-/{NOOP}"].cpu_us, *(steps[name] for name in names)]
    return [sum(values) for values in zip(*parts, strict=True)]


def better(results: Results, model: str, kind: str) -> Spread:
    """How many requests ours answers in the processor time in which another answers one."""
    ours = results.servers[f"{model}/{OURS}"].cpu_us
    return ratios(results.servers[f"{model}/{kind}"].cpu_us, ours)


def row(results: Results, model: str, kind: str) -> list[str]:
    """One server's line."""
    one = results.servers[f"{model}/{kind}"]
    cost, at_70 = spread(one.cpu_us), one.at_70
    times = "1" if kind == OURS else told(better(results, model, kind))
    delays = f"{at_70.p50_ms:.1f} / {at_70.p95_ms:.1f} / {at_70.p99_ms:.1f}" if at_70 else "-"
    return [
        one.title,
        told(cost, 0),
        f"{1e6 / cost.median:,.0f}",
        times,
        f"{one.knee_rate:,.0f}" if one.knee_failed else f"more than {one.knee_rate:,.0f}",
        delays,
        f"{one.memory_bytes / MEGABYTE:.0f} in {one.processes}",
        f"{median(one.start_seconds):.1f}",
        str(one.errors),
    ]


HEAD = (
    "server",
    "processor µs a request (range)",
    "requests a processor second",
    "ours answers as many, times (range)",
    "sustained requests/s, p95 < 200 ms",
    "p50 / p95 / p99 ms at 70 % of that",
    "MB in processes",
    "cold start s",
    "errors",
)


def of_model(results: Results, model: str) -> list[str]:
    """The section of one model."""
    kinds = (OURS, TORCH, LITSERVE, BENTOML, BARE)
    body = [row(results, model, kind) for kind in kinds if f"{model}/{kind}" in results.servers]
    ours = results.servers[f"{model}/{OURS}"].cpu_us
    strict, whole = (floor(results, model, prepared=prepared) for prepared in (False, True))
    lines = [f"## {MODELS[model]}", "", *rows(HEAD, body)]
    lines += rows(("step of the floor", "processor µs (range)"), floor_rows(results, model))
    lines += [
        f"Ours costs {told(ratios(ours, strict), 2)} times the floor without the preparation of "
        f"the drawing, and {told(ratios(ours, whole), 2)} times the one with it.",
        "",
    ]
    return lines


def floor_rows(results: Results, model: str) -> list[list[str]]:
    """The floor, step by step, and its sums."""
    http = ["request and answer over HTTP (uvicorn, no-op)"]
    body = [[*http, told(spread(results.servers[f"-/{NOOP}"].cpu_us))]]
    body += [[STEPS[n], told(spread(results.steps[model][n]))] for n in STEPS]
    for prepared, title in ((False, "floor, drawing not prepared"), (True, "floor, prepared")):
        body.append([f"**{title}**", told(spread(floor(results, model, prepared=prepared)))])
    return body


def aims(results: Results) -> list[Aim]:
    """What the project aims at beside what was found."""
    found = []
    for model, kind, least in AIMS:
        times = better(results, model, kind)
        text = f"requests a processor second beside {TITLES[kind]}, {MODELS[model]}"
        found.append(Aim(text, f"≥ {least:g} times", told(times), times.median >= least))
    for model, named in MODELS.items():
        one = results.servers[f"{model}/{OURS}"]
        over = ratios(one.cpu_us, floor(results, model, prepared=False))
        text = f"processor time beside the floor, {named}"
        found.append(Aim(text, f"≤ {FLOOR_AIM:g} times", told(over, 2), over.median <= FLOOR_AIM))
        p95 = one.at_70.p95_ms if one.at_70 else float("inf")
        text = f"p95 at 70 % of the sustained rate, {named}"
        found.append(Aim(text, f"< {P95_AIM_MS:g} ms", f"{p95:.1f} ms", p95 < P95_AIM_MS))
    ours = [results.servers[f"{model}/{OURS}"] for model in MODELS]
    errors, lost = sum(one.errors for one in ours), sum(one.unrecorded for one in ours)
    found.append(Aim("errors of this backend", "0", str(errors), errors == 0))
    text = "predictions that its database did not keep up with"
    kept = sum(one.recorded for one in ours)
    found.append(Aim(text, "0", f"{lost:,} of {lost + kept:,}", lost == 0))
    return found


def losses(results: Results) -> list[str]:
    """Where another server does better than ours, in the order of the table."""
    found = []
    for key, one in results.servers.items():
        model, _, kind = key.partition("/")
        if kind in (OURS, NOOP):
            continue
        ours = results.servers[f"{model}/{OURS}"]
        pairs = {
            "processor time": (median(one.cpu_us), median(ours.cpu_us), "µs"),
            "memory": (one.memory_bytes / MEGABYTE, ours.memory_bytes / MEGABYTE, "MB"),
            "cold start": (median(one.start_seconds), median(ours.start_seconds), "s"),
            "p95": (p95(one), p95(ours), "ms"),
            "sustained rate": (-one.knee_rate, -ours.knee_rate, "requests/s"),
        }
        found += [
            f"- {MODELS[model]}: {one.title} has the better {what}, "
            f"{abs(theirs):,.1f} to {abs(own):,.1f} {unit}"
            for what, (theirs, own, unit) in pairs.items()
            if theirs < own
        ]
    return found or ["- nowhere in this run"]


def p95(one: Measured) -> float:
    """The p95 at 70 % of the sustained rate."""
    return one.at_70.p95_ms if one.at_70 else float("inf")


def disturbed(results: Results) -> list[str]:
    """A warning where other programs took the processor: a server under full load uses it up."""
    asked = [results.servers[f"{model}/{kind}"] for model in MODELS for kind in (OURS, BARE)]
    share = min(median(one.shares) for one in asked)
    if share >= SHARE_LEAST:
        return []
    return [f"**Disturbed: under full load a server got only {share:.0%} of its processor.**", ""]


def page(results: Results, method: str) -> str:
    """The whole page in Markdown."""
    met = [[a.text, a.wanted, a.found, "met" if a.met else "**missed**"] for a in aims(results)]
    lines = ["# Serving, measured side by side", "", *disturbed(results)]
    lines += [f"![{PICTURE}](serving.png)", ""]
    for model in MODELS:
        lines += of_model(results, model)
    lines += ["## Aims", "", *rows(("aim", "wanted", "found", ""), met)]
    lines += ["## Where this backend loses", "", *losses(results), ""]
    ceiling = results.servers[f"-/{NOOP}"].knee_rate
    told_ceiling = f"The no-op sustained {ceiling:,.0f} requests/s: more cannot be shown this way."
    lines += ["## How it was measured", "", method, "", told_ceiling, ""]
    lines += rows(("what", "which"), [[n, v] for n, v in results.facts.items()])
    return "\n".join(lines).rstrip() + "\n"


PICTURE = "Processor time of one request, for each server and both networks"
