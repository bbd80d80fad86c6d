"""The rehearsal happens once; every test looks at what it left."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asking
import pytest
from asking import MONITORING
from scenario import Rehearsal, rehearse

STEP_SECONDS = 1
REHEARSAL_SECONDS = 900
CHOICES = {  # what Grafana puts in the place of its own variables
    "$__rate_interval": "5s",
    "$instance": ".+",
    "$model_version": ".+",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first test the time of the whole rehearsal, and of what it waits for in vain."""
    for item in items:
        item.add_marker(pytest.mark.timeout(REHEARSAL_SECONDS))


@pytest.fixture(scope="session")
def rehearsal() -> Iterator[Rehearsal]:
    """Return all that happened, after it has."""
    done = rehearse()
    yield done
    done.visitors.client.close()
    asking.CLIENT.close()


@pytest.fixture(scope="session")
def reports() -> Path:
    """Return the folder for pictures and figures."""
    return Path(os.environ.get("REPORTS_DIR", "/reports"))


def dashboards() -> list[dict[str, Any]]:
    """Every dashboard as Grafana is given it."""
    paths = sorted((MONITORING / "grafana/dashboards").glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def chosen(expression: str) -> str:
    """An expression as Grafana would ask it."""
    for variable, value in CHOICES.items():
        expression = expression.replace(variable, value)
    return expression


def drawn(expression: str, rehearsal: Rehearsal) -> list[asking.Line]:
    """What a panel would draw of the whole rehearsal."""
    return asking.between(chosen(expression), rehearsal.started, rehearsal.ended, STEP_SECONDS)
