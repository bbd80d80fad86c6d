"""Dashboards and panels as Grafana reads them, small and typed.

Contract: a dashboard is panels in rows of three; every panel has a title, a unit, a sentence that
says what it tells, and expressions over the one data source that the reader chooses. Does not know
what is shown.
"""

from dataclasses import dataclass, field

Json = dict[str, object]

SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA_VERSION = 39  # of Grafana 11
COLUMNS, WIDTH, HEIGHT = 3, 8, 8  # of Grafana's 24 columns


@dataclass(frozen=True)
class Query:
    """An expression, and how each of its series is named."""

    expression: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """Lines over time; a limit is drawn where there is one."""

    title: str
    unit: str  # as Grafana names it: percentunit, s, reqps, bytes, short
    tells: str
    queries: tuple[Query, ...]
    limit: float | None = None
    stacked: bool = False

    def model(self, number: int) -> Json:
        """The panel in its place, counted from 0."""
        row, column = divmod(number, COLUMNS)
        return {
            "id": number + 1,
            "type": "timeseries",
            "title": self.title,
            "description": self.tells,
            "datasource": SOURCE,
            "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
            "targets": [
                {
                    "refId": chr(ord("A") + i),
                    "datasource": SOURCE,
                    "expr": query.expression,
                    "legendFormat": query.legend,
                    "range": True,
                }
                for i, query in enumerate(self.queries)
            ],
            "fieldConfig": {"defaults": self.defaults(), "overrides": []},
            "options": {
                "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull"]},
                "tooltip": {"mode": "multi", "sort": "desc"},
            },
        }

    def defaults(self) -> Json:
        """How every series of the panel is drawn."""
        steps: list[Json] = [{"color": "green", "value": None}]
        if self.limit is not None:
            steps.append({"color": "red", "value": self.limit})
        return {
            "unit": self.unit,
            "custom": {
                "drawStyle": "line",
                "fillOpacity": 20 if self.stacked else 0,
                "stacking": {"mode": "normal" if self.stacked else "none"},
                "thresholdsStyle": {"mode": "off" if self.limit is None else "line"},
            },
            "thresholds": {"mode": "absolute", "steps": steps},
        }


@dataclass(frozen=True)
class Variable:
    """Values of a label to choose from; all at first."""

    name: str
    metric: str

    def model(self) -> Json:
        """The variable as Grafana reads it."""
        query = f"label_values({self.metric}, {self.name})"
        return {
            "type": "query",
            "name": self.name,
            "datasource": SOURCE,
            "definition": query,
            "query": {"query": query, "refId": self.name},
            "refresh": 2,  # whenever the span of time changes
            "includeAll": True,
            "multi": True,
            "allValue": ".+",
            "current": {"text": "All", "value": "$__all"},
        }


CHOICE: Json = {"type": "datasource", "name": "datasource", "query": "prometheus", "hide": 0}
DEPLOYMENTS: Json = {
    "name": "Replica started",
    "datasource": SOURCE,
    "enable": True,
    "iconColor": "blue",
    "expr": 'changes(process_start_time_seconds{job="backend"}[$__rate_interval]) > 0',
    "titleFormat": "{{instance}} started",
}


@dataclass(frozen=True)
class Dashboard:
    """Panels that answer one question."""

    uid: str
    title: str
    tells: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...] = field(default=())

    def model(self) -> Json:
        """The dashboard as Grafana reads it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.tells,
            "tags": ["mnist"],
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "timezone": "utc",
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": [CHOICE, *(v.model() for v in self.variables)]},
            "annotations": {"list": [DEPLOYMENTS]},
            "links": [
                {"type": "dashboards", "tags": ["mnist"], "title": "MNIST", "asDropdown": True}
            ],
            "panels": [panel.model(i) for i, panel in enumerate(self.panels)],
        }
