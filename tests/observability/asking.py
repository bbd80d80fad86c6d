"""What Prometheus, Alertmanager and the receiver know, asked over HTTP.

Contract: addresses come from PROMETHEUS_URL, ALERTMANAGER_URL and RECEIVER_URL; the defaults are
the names of the rehearsal. An answer that is an error raises. Does not know what is expected.
"""

import os
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import httpx

PROMETHEUS = os.environ.get("PROMETHEUS_URL", "http://prometheus:9090")
ALERTMANAGER = os.environ.get("ALERTMANAGER_URL", "http://alertmanager:9093")
MONITORING = Path(os.environ.get("MONITORING", "/monitoring"))  # rules, dashboards, runbook
RECEIVER = os.environ.get("RECEIVER_URL", "http://receiver:8080")
IDENTITY = ("alertname", "objective", "window", "feature")  # labels that tell alerts apart
CLIENT = httpx.Client(trust_env=False, timeout=30)


class QueryRefusedError(ValueError):
    """Prometheus does not understand a query."""


@dataclass(frozen=True)
class Line:
    """One series of an answer: its labels, and its values over time."""

    labels: dict[str, str]
    points: list[tuple[float, float]]  # seconds since the epoch, value; NaN is left out


def ask(path: str, **parameters: str | float) -> list[dict[str, Any]]:
    """Ask Prometheus' API for a result."""
    response = CLIENT.get(f"{PROMETHEUS}/api/v1/{path}", params=parameters)
    if response.is_server_error:  # as long as it is starting; a wrong query is told in JSON
        response.raise_for_status()
    answer = response.json()
    if answer["status"] != "success":
        message = f"{parameters.get('query')}: {answer['error']}"
        raise QueryRefusedError(message)
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result


def now(expression: str) -> list[Line]:
    """The value of an expression at this moment."""
    found = ask("query", query=expression)
    return [Line(r["metric"], [(r["value"][0], float(r["value"][1]))]) for r in found]


def between(expression: str, start: float, end: float, step: float) -> list[Line]:
    """The values of an expression over time."""
    found = ask("query_range", query=expression, start=start, end=end, step=step)
    lines = []
    for series in found:
        values = [(float(at), float(value)) for at, value in series["values"]]
        lines.append(Line(series["metric"], [(at, v) for at, v in values if not isnan(v)]))
    return lines


def identity(labels: dict[str, str]) -> str:
    """An alert in words: its name, and what tells it from others of that name."""
    names = (*IDENTITY, "job") if labels["alertname"] == "TargetDown" else IDENTITY
    return " ".join(labels[name] for name in names if name in labels)


def firing() -> set[str]:
    """The alerts that fire."""
    return {identity(line.labels) for line in now('ALERTS{alertstate="firing"}')}


def suppressed() -> set[str]:
    """The alerts that Alertmanager keeps to itself, for another one tells more."""
    alerts = CLIENT.get(f"{ALERTMANAGER}/api/v2/alerts").json()
    return {identity(a["labels"]) for a in alerts if a["status"]["inhibitedBy"]}


def received() -> list[dict[str, Any]]:
    """Every notification that arrived."""
    told: list[dict[str, Any]] = CLIENT.get(f"{RECEIVER}/received").raise_for_status().json()
    return told


def switch(name: str, state: str) -> None:
    """Turn a part of the rehearsal on or off; off is a power cut."""
    CLIENT.post(f"{RECEIVER}/switch/{name}", content=state).raise_for_status()
