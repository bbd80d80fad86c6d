"""What an alert is: conditions on recorded series that must all hold, and what is then told.

Contract: an alert is written as Prometheus reads it, its limit as people write it. What conditions
cannot say, such as that something is missing, is an expression. Does not know which alerts there
are.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from monitoring.recordings import Rule


@dataclass(frozen=True)
class Condition:
    """A recorded series compared with a number; the labels are those a test gives it."""

    series: str
    comparison: str
    limit: Decimal
    labels: tuple[tuple[str, str], ...] = ()  # that the expression does not name, for the tests

    @property
    def expression(self) -> str:
        """The condition in PromQL."""
        return f"{self.series} {self.comparison} {self.limit.normalize():f}"


@dataclass(frozen=True)
class Alert:
    """Something somebody is told about."""

    name: str
    severity: str
    summary: str
    conditions: tuple[Condition, ...] = ()
    expression: str = ""
    hold: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def promql(self) -> str:
        """What Prometheus looks at: every condition, or the expression."""
        return self.expression or "\nand ".join(c.expression for c in self.conditions)

    @property
    def runbook(self) -> str:
        """Where it is explained."""
        return f"runbook.md#{self.name.lower()}"

    @property
    def rule(self) -> Rule:
        """The alert as Prometheus reads it."""
        hold = {"for": self.hold} if self.hold else {}
        labels = {"severity": self.severity, **self.labels}
        annotations = {"summary": self.summary, "runbook": self.runbook}
        return {
            "alert": self.name,
            "expr": self.promql,
            **hold,
            "labels": labels,
            "annotations": annotations,
        }
