"""What the tests against a running stack share: its addresses, a real browser, a reports folder.

Contract: an address comes from the variable of its name, such as BACKEND_URL, files go to
REPORTS_DIR; the defaults are the names the stack has inside the pipeline. A test that needs what
has no address, for its variable is empty, is skipped and says so. Imports the browser only when a
test asks for it, so that tests without one run anywhere. Does not start or wait for it.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = (
    "/usr/bin/chromium-headless-shell"  # Chromium without a window: less work for the same page
)
CHROMIUM_FLAGS = [
    "--no-sandbox",  # the container is the sandbox
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

TRIES: list[dict[str, str]] = []  # that failed and were tried again


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that TRY_AGAIN names, with how often, to be run again where they fail."""
    again = json.loads(os.environ.get("TRY_AGAIN", "{}"))
    for item in items:
        if name(item.nodeid) in again:
            item.add_marker(pytest.mark.flaky(reruns=again[name(item.nodeid)]))


def name(nodeid: str) -> str:
    """Return the name of a test's function."""
    return nodeid.rpartition("::")[2].partition("[")[0]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what a try came to that did not count."""
    if str(report.outcome) == "rerun":
        lines = report.longreprtext.splitlines()
        said = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")]
        message = next(iter(said or lines), "no message")
        TRIES.append({"name": report.nodeid.rpartition("::")[2], "message": message})


def pytest_sessionfinish() -> None:
    """Leave which tests were tried again, and why, beside the other reports."""
    folder = os.environ.get("REPORTS_DIR")
    if folder:
        Path(folder, "retried.json").write_text(json.dumps(TRIES), encoding="utf-8")


@dataclass(frozen=True)
class Stack:
    """Where the running parts answer."""

    frontend: str
    alone: str  # a page whose backend is away
    locked: str  # a page whose backend asks for a key that it does not have
    edge: str  # in front of two pages
    backend: str
    metrics: str
    prometheus: str

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401  as every attribute
        """Hand out an address; whoever needs one that was not given is skipped."""
        value = super().__getattribute__(name)
        if value == "":
            pytest.skip(f"no address of {name} was given")
        return value

    def has(self, name: str) -> bool:
        """Whether a part has an address."""
        return super().__getattribute__(name) != ""


@pytest.fixture(scope="session")
def stack() -> Stack:
    """Return the addresses of the stack under test."""
    return Stack(
        frontend=os.environ.get("FRONTEND_URL", "http://frontend:8501"),
        alone=os.environ.get("ALONE_URL", "http://alone:8501"),
        locked=os.environ.get("LOCKED_URL", "http://locked:8501"),
        edge=os.environ.get("EDGE_URL", "http://edge:8080"),
        backend=os.environ.get("BACKEND_URL", "http://backend:8000"),
        metrics=os.environ.get("METRICS_URL", "http://backend:9100/metrics"),
        prometheus=os.environ.get("PROMETHEUS_URL", "http://prometheus:9090"),
    )


@pytest.fixture(scope="session")
def reports() -> Path:
    """Return the folder for screenshots and results."""
    folder = Path(os.environ.get("REPORTS_DIR", "/reports"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Start the distribution's Chromium once for all tests."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", CHROMIUM), args=CHROMIUM_FLAGS
        )
        yield chromium
        chromium.close()
