"""Reads Prometheus' text format as far as the tests need it.

Contract: `value` sums the series that carry the labels that are asked for, and is zero where none
does. Does not know what is counted.
"""

import re

SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """What a service counted at one moment."""

    def __init__(self, text: str) -> None:
        """Read the series of a scrape."""
        self._series = [
            (name, dict(LABEL.findall(labels)), float(value))
            for name, labels, value in SERIES.findall(text)
        ]

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the series with that name and those labels."""
        return sum(
            v for n, found, v in self._series if n == name and labels.items() <= found.items()
        )

    def labels(self, name: str, label: str, **others: str) -> set[str]:
        """Return the values that a label has in the series with that name and the other labels."""
        chosen = [f for n, f, _ in self._series if n == name and others.items() <= f.items()]
        return {found[label] for found in chosen if label in found}
