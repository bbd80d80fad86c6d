"""What the runbook has one ask Prometheus, by alert.

Contract: an expression is whatever stands in backquotes and looks like one, or the name of a
metric, which is asked for with its histogram's buckets; SQL and requests are not. Does not know
what is answered.
"""

import re

from asking import MONITORING

ENTRY = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
EXPRESSION = re.compile(r"`([^`\n]*[a-z_]+[({][^`\n]*)`")
METRIC = re.compile(r"`([a-z]+(?:[_:][a-z0-9_]+)+)`")
OTHER = ("SELECT", "POST", "docker")
NAMES = {"request_id", "memory_bytes"}  # of a log's field and of a setting


def steps() -> dict[str, list[str]]:
    """Every expression of every entry."""
    text = (MONITORING / "runbook.md").read_text(encoding="utf-8")
    found = {}
    for name, entry in ENTRY.findall(text):
        found[name] = [e for e in EXPRESSION.findall(entry) if not e.startswith(OTHER)]
        metrics = dict.fromkeys(m for m in METRIC.findall(entry) if m not in NAMES)
        found[name] += [f'{{__name__=~"{metric}(_bucket)?"}}' for metric in metrics]
    return found


STEPS = steps()
