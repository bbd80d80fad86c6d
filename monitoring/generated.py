"""The files that are made of objectives.toml, committed, and compared by a test.

Contract: `files()` answers with every generated file's text by its path below monitoring/. Does not
know what stands in them.
"""

import json
from pathlib import Path

import yaml

from monitoring.alerts import alerting, alerts
from monitoring.cases import cases
from monitoring.dashboards import dashboards
from monitoring.objectives import read
from monitoring.recordings import budgeting, counting

HEAD = "# Made by `python3 -m monitoring write` of objectives.toml; a change by hand is lost.\n"
WIDTH = 110


class Dumper(yaml.SafeDumper):
    """Writes text of several lines as such, and repeats what is the same."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  the library's signature
        """Anchors would be harder to read than what they stand for."""
        return True


def lines(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
    """Text of one line as the library likes it, of several lines as a block."""
    style = "|" if "\n" in data else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


Dumper.add_representer(str, lines)


def as_yaml(content: object) -> str:
    """A document, in the order in which it was made."""
    return HEAD + yaml.dump(content, Dumper=Dumper, sort_keys=False, width=WIDTH)


def files() -> dict[str, str]:
    """Every generated file."""
    objectives = read()
    alerts_made = [a for group in alerts(objectives).values() for a in group if a.conditions]
    test = {
        "rule_files": ["../rules/alerts.rules.yml"],
        "evaluation_interval": "1m",
        "tests": [case for alert in alerts_made for case in cases(alert)],
    }
    return {
        "rules/objectives.rules.yml": as_yaml({"groups": counting(objectives)}),
        "rules/budgets.rules.yml": as_yaml({"groups": budgeting(objectives)}),
        "rules/alerts.rules.yml": as_yaml({"groups": alerting(objectives)}),
        "tests/alerts_test.yml": as_yaml(test),
        **{
            f"grafana/dashboards/{dashboard.uid}.json": json.dumps(
                dashboard.model(), indent=2, ensure_ascii=False
            )
            + "\n"
            for dashboard in dashboards(objectives)
        },
    }


def write(folder: Path) -> None:
    """Writes every generated file."""
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
