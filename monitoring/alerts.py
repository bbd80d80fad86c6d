"""The alerts: what must hold, for how long, and what somebody is then told.

Contract: limits and spans of conditions are those of objectives.toml, and their tests are made with
them; the tests of an expression are written by hand. Does not know how events are counted.
"""

from collections.abc import Iterator
from decimal import Decimal

from monitoring.conditions import Alert, Condition
from monitoring.objectives import Burn, Limit, Objective, Objectives
from monitoring.recordings import ACCURACY_SPAN, Group


def burning(objectives: Objectives, objective: Objective, burn: Burn) -> Alert:
    """Both spans burn the budget too fast, and there was enough to judge by."""
    limit = burn.rate * objective.budget
    chosen = f'{{objective="{objective.name}"}}'
    evidence = Decimal(objective.floor_events)
    return Alert(
        name=f"{objective.title}BudgetBurn",
        severity=burn.severity,
        summary=(
            f"{objective.title}: {{{{ $value | humanizePercentage }}}} of {objective.events} "
            f"{objective.fault} within {burn.long}, {burn.rate} times what the budget of "
            f"{objectives.window} allows or more"
        ),
        conditions=(
            Condition(f"objective:bad:ratio{burn.long}{chosen}", ">", limit),
            Condition(f"objective:bad:ratio{burn.short}{chosen}", ">", limit),
            Condition(f"objective:events:increase{burn.evidence}{chosen}", ">=", evidence),
        ),
        labels={"objective": objective.name, "window": burn.long},
    )


def spent(objectives: Objectives, objective: Objective) -> Alert:
    """Nothing is left of a budget."""
    series = f'objective:budget_left:ratio{{objective="{objective.name}"}}'
    return Alert(
        name=f"{objective.title}BudgetSpent",
        severity="ticket",
        summary=(
            f"{objective.title}: {{{{ $value | humanizePercentage }}}} of the budget of "
            f"{objectives.window} is left"
        ),
        conditions=(Condition(series, "<=", Decimal(0)),),
        labels={"objective": objective.name},
    )


def unmeasured(objective: Objective) -> Alert:
    """The metric that an objective is measured by is missing, so its other alerts are blind."""
    return Alert(
        name=f"{objective.title}Unmeasured",
        severity="page",
        summary=f"{objective.title}: there is nothing to measure it by",
        expression=f"absent({objective.metric})",
        hold="10m",
        labels={"objective": objective.name},
    )


def resource(name: str, of: str, series: str, limit: Limit) -> Alert:
    """A replica or a machine uses more than it should for long."""
    job = "node" if of == "machine" else "backend"
    labels = (("instance", f"{job}-1:9100"), ("job", job))
    return Alert(
        name=name,
        severity="ticket",
        summary=(
            f"The {of} {{{{ $labels.instance }}}} uses {{{{ $value | humanizePercentage }}}} of "
            f"its {'memory' if 'memory' in series else 'processors'}"
        ),
        conditions=(Condition(series, ">", limit.limit, labels),),
        hold=limit.hold,
    )


def resources(limit: Limit) -> list[Alert]:
    """Processors and memory of replicas and of machines."""
    return [
        resource("ReplicaCpuHigh", "replica", "instance:replica_cpu:ratio_rate5m", limit),
        resource("ReplicaMemoryHigh", "replica", "instance:replica_memory:ratio", limit),
        resource("NodeCpuHigh", "machine", "instance:node_cpu:ratio_rate5m", limit),
        resource("NodeMemoryHigh", "machine", "instance:node_memory:ratio", limit),
    ]


def accuracy(limit: Limit) -> Alert:
    """A model is wrong more often than it may."""
    version = (("model_version", "1"),)
    told = Decimal(limit.floor)
    return Alert(
        name="ModelAccuracyLow",
        severity="ticket",
        summary=(
            "Model {{ $labels.model_version }} was right in {{ $value | humanizePercentage }} of "
            f"the predictions of {ACCURACY_SPAN} whose digit was told"
        ),
        conditions=(
            Condition(f"model_version:accuracy:ratio{ACCURACY_SPAN}", "<", limit.limit, version),
            Condition(f"model_version:feedback:increase{ACCURACY_SPAN}", ">=", told, version),
        ),
        hold=limit.hold,
    )


def drifts(objectives: Objectives) -> list[Alert]:
    """The population of predictions moves away from the reference."""
    labels = (("model_version", "1"), ("feature", "ink"))
    psi, sample = (
        "model_version_feature:prediction_drift:psi1h",
        "model_version_feature:predictions:increase1h",
    )
    major, moderate = objectives.major_drift, objectives.moderate_drift
    enough = Condition(sample, ">=", Decimal(major.floor), labels)
    told = '{{ $labels.model_version }} {}: PSI {{ printf "%.2f" $value }}'
    said = "The {{ $labels.feature }} of predictions by model "
    return [
        Alert(
            name="ModelDriftMajor",
            severity="ticket",
            summary=said + told.replace("{}", "is far from its reference"),
            conditions=(Condition(psi, ">", major.limit, labels), enough),
            hold=major.hold,
        ),
        Alert(
            name="ModelDriftModerate",
            severity="warning",
            summary=said + told.replace("{}", "moves away from its reference"),
            conditions=(
                Condition(psi, ">", moderate.limit, labels),
                Condition(psi, "<=", major.limit, labels),
                enough,
            ),
            hold=moderate.hold,
        ),
    ]


UNKNOWN_BINS = """\
count by (model_version, feature) (
  (
    model_version_feature_bin:predictions:ratio1h
    unless on (model_version, feature, bin) model_version_feature_bin:model_reference:ratio
  )
  or (
    model_version_feature_bin:model_reference:ratio
    unless on (model_version, feature, bin) model_version_feature_bin:predictions:ratio1h
  )
)
and on (model_version) model_version_feature:predictions:increase1h{{feature="digit"}} >= {floor}"""


def unmeasured_drift(limit: Limit) -> Alert:
    """Drift cannot be measured: bins that only one side knows are left out of the sum."""
    return Alert(
        name="ModelDriftUnmeasured",
        severity="ticket",
        summary=(
            "The drift of the {{ $labels.feature }} of predictions by model "
            "{{ $labels.model_version }} cannot be measured: {{ $value }} bins are not those "
            "of its reference"
        ),
        expression=UNKNOWN_BINS.format(floor=limit.floor),
        hold=limit.hold,
    )


WATCHING = [
    Alert(
        name="Watchdog",
        severity="none",
        summary="Alerts reach you: this one always fires, and is missed where it does not arrive",
        expression="vector(1)",
    ),
    Alert(
        name="ReplicasMissing",
        severity="ticket",
        summary="{{ $value }} replicas of the backend answer, fewer than mostly within 6h",
        expression=(  # the median: a deployment doubles the replicas for a while
            'job:up:sum{job="backend"}\n< quantile_over_time(0.5, job:up:sum{job="backend"}[6h])'
        ),
        hold="2m",
    ),
    Alert(
        name="TargetDown",
        severity="ticket",
        summary="{{ $labels.job }} at {{ $labels.instance }} does not answer Prometheus",
        expression='up{job!="backend"} == 0',
        hold="2m",
    ),
    Alert(
        name="PredictionsDropped",
        severity="ticket",
        summary=(
            '{{ $labels.instance }} gave up {{ printf "%.0f" $value }} predictions within 15m, '
            "which are written down nowhere"
        ),
        expression="increase(recording_dropped_total[15m]) > 0",
    ),
    Alert(
        name="NotificationsFailing",
        severity="page",
        summary="Alertmanager cannot reach {{ $labels.integration }}",
        expression=(
            "sum by (integration) (increase(alertmanager_notifications_failed_total[10m])) > 0"
        ),
        hold="2m",
    ),
    Alert(
        name="RulesFailing",
        severity="page",
        summary="Prometheus cannot evaluate {{ $labels.rule_group }}",
        expression=(
            "sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[10m])) > 0"
        ),
        hold="2m",
    ),
]


def of_objectives(objectives: Objectives) -> Iterator[Alert]:
    """The alerts of the objectives with a budget."""
    for objective in objectives.objectives:
        yield from (burning(objectives, objective, burn) for burn in objectives.burns)
        yield spent(objectives, objective)
        yield unmeasured(objective)


def alerts(objectives: Objectives) -> dict[str, list[Alert]]:
    """Every alert, by its group."""
    return {
        "objective_alerts": [*of_objectives(objectives)],
        "resource_alerts": resources(objectives.resources),
        "model_alerts": [
            accuracy(objectives.accuracy),
            *drifts(objectives),
            unmeasured_drift(objectives.major_drift),
        ],
        "watching": WATCHING,
    }


def alerting(objectives: Objectives) -> list[Group]:
    """The groups as Prometheus reads them."""
    return [
        {"name": name, "interval": "30s", "rules": [alert.rule for alert in group]}
        for name, group in alerts(objectives).items()
    ]
