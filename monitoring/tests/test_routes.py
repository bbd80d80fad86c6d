"""Who is told of what, as Alertmanager's own judge routes it."""

import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

ROUTES = [  # labels, and who is told
    ({"environment": "production", "severity": "page"}, "production-pages"),
    ({"environment": "production", "severity": "ticket"}, "production-tickets"),
    ({"environment": "production", "severity": "warning"}, "production-tickets"),
    ({"environment": "production", "severity": "none"}, "nobody"),
    ({"environment": "staging", "severity": "page"}, "staging"),
    ({"environment": "staging", "severity": "ticket"}, "staging"),
    ({"environment": "staging", "severity": "warning"}, "staging"),
    ({"environment": "dev", "severity": "page"}, "nobody"),
    ({"environment": "dev", "severity": "ticket"}, "nobody"),
    ({"severity": "page"}, "nobody"),
    ({"environment": "production", "severity": "none", "alertname": "Watchdog"}, "watchdog"),
    ({"environment": "staging", "severity": "none", "alertname": "Watchdog"}, "watchdog"),
    ({"environment": "dev", "severity": "none", "alertname": "Watchdog"}, "nobody"),
]


@pytest.mark.parametrize(("labels", "receiver"), ROUTES)
def test_an_alert_goes_to_its_receiver(
    amtool: str, folder: Path, labels: dict[str, str], receiver: str
) -> None:
    """Severity and environment say who is told, and nobody else is."""
    pairs = [f"{name}={value}" for name, value in labels.items()]
    config = f"--config.file={folder / 'alertmanager.yml'}"
    asked = [amtool, "config", "routes", "test", config, f"--verify.receivers={receiver}", *pairs]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == [receiver]


def leaves(tree: object) -> Iterator[tuple[str, object]]:
    """Every value of a document with its key."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield str(key), value
            yield from leaves(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value)


def test_no_address_stands_in_the_routes(folder: Path) -> None:
    """Whoever knows a webhook may write to it, so each is read from a file of a secret."""
    tree: Any = yaml.safe_load((folder / "alertmanager.yml").read_text(encoding="utf-8"))
    found = [(key, value) for key, value in leaves(tree) if "url" in key]
    assert found
    assert [pair for pair in found if not str(pair[1]).startswith("/run/secrets/")] == []


@pytest.mark.parametrize("environment", ["dev", "staging", "production"])
def test_an_environment_says_which_it_is(folder: Path, environment: str) -> None:
    """Routes go by the label that Prometheus puts on every alert."""
    path = folder / "prometheus" / f"{environment}.yml"
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert tree["global"]["external_labels"] == {"environment": environment}
    assert tree["alerting"]["alertmanagers"]


def test_grafana_takes_its_password_from_a_secret(folder: Path) -> None:
    """There is no password in the file, no anonymous user, and nobody may sign up."""
    settings = ConfigParser(interpolation=None)
    settings.read(folder / "grafana/grafana.ini")
    secret = settings["security"]["admin_password"]
    assert secret == "$__file{/run/secrets/grafana_password}"  # noqa: S105  where it is read from
    assert settings["auth.anonymous"]["enabled"] == settings["users"]["allow_sign_up"] == "false"
