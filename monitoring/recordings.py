"""The recording rules: events and ratios of every objective, budgets, and what replicas use.

Contract: groups as Prometheus reads them, in an order in which each rule's inputs stand above it.
Long spans are summed from the five-minute series, every event weighing the same, so that a busy
hour counts for what it was; a mean of ratios would let a quiet night hide it. Does not know alerts.
"""

from monitoring.objectives import Objective, Objectives, seconds

Rule = dict[str, object]
Group = dict[str, object]

SHORTEST = "5m"
LONGEST_COUNTED = "6h"  # spans up to here are counted from the counters themselves
ACCURACY_SPAN = "1d"


def counted(objectives: Objectives) -> list[str]:
    """Spans that are counted from the counters, shortest first."""
    spans = {SHORTEST} | {s for b in objectives.burns for s in (b.long, b.short, b.evidence)}
    limit = seconds(LONGEST_COUNTED)
    return sorted((s for s in spans if seconds(s) <= limit), key=seconds)


def summed(objectives: Objectives) -> list[str]:
    """Spans that are summed from the shortest one, shortest first."""
    spans = {objectives.window} | {s for b in objectives.burns for s in (b.long, b.short)}
    limit = seconds(LONGEST_COUNTED)
    return sorted((s for s in spans if seconds(s) > limit), key=seconds)


def events(objective: Objective, span: str) -> list[Rule]:
    """How many events of an objective there were within a span, and how many of them were bad."""
    labels = {"objective": objective.name}
    return [
        {
            "record": f"objective:events:increase{span}",
            "expr": objective.total.replace("$window", span),
            "labels": labels,
        },
        {
            "record": f"objective:bad_events:increase{span}",
            "expr": objective.bad.replace("$window", span),
            "labels": labels,
        },
    ]


def ratio_of_counted(span: str) -> Rule:
    """The share of bad events within a span; of no events it is NaN, which no alert exceeds."""
    return {
        "record": f"objective:bad:ratio{span}",
        "expr": f"objective:bad_events:increase{span} / objective:events:increase{span}",
    }


def ratio_of_summed(span: str) -> Rule:
    """The same for a long span: each event counts in many five-minute windows, all alike."""
    bad = f"sum_over_time(objective:bad_events:increase{SHORTEST}[{span}])"
    total = f"sum_over_time(objective:events:increase{SHORTEST}[{span}])"
    return {"record": f"objective:bad:ratio{span}", "expr": f"{bad}\n/ {total}"}


def budgets(objectives: Objectives) -> list[Rule]:
    """The targets as series, what is left of the budgets, and how fast they burn."""
    targets: list[Rule] = [
        {
            "record": "objective:target:ratio",
            "expr": f"vector({objective.target})",
            "labels": {"objective": objective.name},
        }
        for objective in objectives.objectives
    ]
    return [
        *targets,
        {
            "record": "objective:budget_left:ratio",
            "expr": f"1 - objective:bad:ratio{objectives.window} / (1 - objective:target:ratio)",
        },
        {
            "record": "objective:burn_rate:ratio1h",
            "expr": "objective:bad:ratio1h / (1 - objective:target:ratio)",
        },
    ]


def usage(objectives: Objectives) -> list[Rule]:
    """What replicas and machines use of what they have."""
    memory = "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"
    cpu = f'rate(process_cpu_seconds_total{{job="backend"}}[{SHORTEST}])'
    idle = f'rate(node_cpu_seconds_total{{mode="idle"}}[{SHORTEST}])'
    resident = 'process_resident_memory_bytes{job="backend"}'
    return [
        {"record": "instance:replica_cpu:ratio_rate5m", "expr": f"{cpu} / {objectives.cores}"},
        {
            "record": "instance:replica_memory:ratio",
            "expr": f"{resident} / {objectives.memory_bytes}",
        },
        {
            "record": "instance:node_cpu:ratio_rate5m",
            "expr": f"1 - avg by (job, instance) ({idle})",
        },
        {"record": "instance:node_memory:ratio", "expr": f"1 - {memory}"},
        {"record": "job:up:sum", "expr": "sum by (job) (up)"},
    ]


def accuracy() -> list[Rule]:
    """How many true digits were told of each model's predictions, and the share that was right.

    The share is one expression: of two series recorded one after the other, a scrape between them
    would make more right than there are.
    """
    told = f"sum by (model_version) (increase(feedback_total[{ACCURACY_SPAN}]))"
    known = f"model_version:feedback:increase{ACCURACY_SPAN}"
    right = f'increase(feedback_total{{outcome="right"}}[{ACCURACY_SPAN}])'
    return [
        {"record": known, "expr": told},
        {
            "record": f"model_version:accuracy:ratio{ACCURACY_SPAN}",
            "expr": f"(sum by (model_version) ({right}) or 0 * {known})\n/ {told}",
        },
    ]


def counting(objectives: Objectives) -> list[Group]:
    """The groups that look at what is scraped."""
    rules = [
        rule
        for objective in objectives.objectives
        for span in counted(objectives)
        for rule in events(objective, span)
    ]
    ratios = [ratio_of_counted(span) for span in counted(objectives)]
    return [
        {"name": "objectives", "interval": "30s", "rules": [*rules, *ratios]},
        {"name": "usage", "interval": "30s", "rules": usage(objectives)},
        {"name": "accuracy", "interval": "2m", "rules": accuracy()},
    ]


def budgeting(objectives: Objectives) -> list[Group]:
    """The group that looks at what `counting` recorded over days."""
    rules = [ratio_of_summed(span) for span in summed(objectives)]
    return [{"name": "budgets", "interval": "2m", "rules": [*rules, *budgets(objectives)]}]
