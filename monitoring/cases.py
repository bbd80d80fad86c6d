"""Tests of the alerts for promtool: each fires just beyond its limit, and only there.

Contract: of every condition a test knows values on both sides of the limit: exactly on it, one part
in a hundred beside it, and far away. A test holds all conditions but one, so that each of them, its
comparison and its number are seen to matter. Does not know how the series are recorded.
"""

from collections.abc import Iterable
from decimal import Decimal

from monitoring.conditions import Alert, Condition
from monitoring.objectives import seconds

Case = dict[str, object]

BESIDE = Decimal("0.01")  # of the limit; below the two hundredths that a mutant moves it by
BEFORE = 10  # minutes in which nothing is wrong
AFTER = 10  # minutes that an alert goes on once it fires, and after it ended
UPWARD = {">": 1, ">=": 1, "<": -1, "<=": -1}


def text(number: Decimal) -> str:
    """A number as promtool reads it."""
    return f"{number.normalize():f}"


def sides(condition: Condition) -> tuple[list[str], list[str]]:
    """Values for which a condition holds, and for which it does not: nearest to the limit first."""
    limit, sign = condition.limit, UPWARD[condition.comparison]
    step = abs(limit) * BESIDE or BESIDE
    beyond = [limit + sign * step, limit + sign * 20 * step]
    short = [limit - sign * step, limit - sign * 20 * step]
    if condition.comparison.endswith("="):
        beyond.insert(0, limit)
    else:
        short.insert(0, limit)
    return [text(v) for v in beyond], [text(v) for v in short]


def series(condition: Condition) -> str:
    """The series of a condition, with the labels that its expression leaves open."""
    labels = ", ".join(f'{name}="{value}"' for name, value in condition.labels)
    return f"{condition.series}{{{labels}}}" if labels else condition.series


def inputs(pairs: Iterable[tuple[Condition, str]]) -> list[Case]:
    """Series and their values; two conditions on one series are told by the narrower values."""
    known: dict[str, str] = {}
    for condition, values in pairs:
        known.setdefault(series(condition), values)
    return [{"series": name, "values": values} for name, values in known.items()]


def told(alert: Alert, value: str) -> Case:
    """The alert as it must arrive."""
    labels = {"severity": alert.severity, **alert.labels, **dict(alert.conditions[0].labels)}
    share = f"{float(value) * 100:.4g}%"
    summary = alert.summary.replace("{{ $value | humanizePercentage }}", share)
    summary = summary.replace('{{ printf "%.2f" $value }}', f"{float(value):.2f}")
    for name, content in labels.items():
        summary = summary.replace(f"{{{{ $labels.{name} }}}}", content)
    return {
        "exp_labels": labels,
        "exp_annotations": {"summary": summary, "runbook": alert.runbook},
    }


def asked(alert: Alert, minute: int, *expected: Case) -> Case:
    """What must be firing at a time; alerts of one name differ by their labels."""
    return {"eval_time": f"{minute}m", "alertname": alert.name, "exp_alerts": [*expected]}


def near(condition: Condition, minutes: int, *, which: int = 0) -> str:
    """A value for which a condition holds, for so long: the nearest to the limit, or another."""
    return f"{sides(condition)[0][which]}x{minutes}"


def fires(alert: Alert, title: str) -> Iterable[Case]:
    """Nearest and far beyond the limits an alert fires once it has held, and goes at once."""
    hold = seconds(alert.hold) // 60 if alert.hold else 0
    begun = BEFORE
    ended = begun + hold + AFTER
    first = alert.conditions[0]
    values, short = sides(first)
    same = [c for c in alert.conditions[1:] if c.series == first.series]
    for value in [*values, *(sides(c)[0][0] for c in same)]:
        moving = f"{short[0]}x{begun - 1} {value}x{ended - begun - 1} {short[0]}x{AFTER}"
        steady = [(c, near(c, ended + AFTER)) for c in alert.conditions[1:]]
        moments = [asked(alert, begun - 1)]
        moments += [asked(alert, begun + hold - 1)] if hold else []
        moments += [asked(alert, m, told(alert, value)) for m in (begun + hold, ended - 1)]
        moments.append(asked(alert, ended))
        yield {
            "name": f"{title}: {first.series} {value} is told, and when it has gone",
            "interval": "1m",
            "input_series": inputs([(first, moving), *steady]),
            "alert_rule_test": moments,
        }


def keeps_quiet(alert: Alert, title: str) -> Iterable[Case]:
    """Where one condition does not hold, however closely, nobody is told."""
    hold = seconds(alert.hold) // 60 if alert.hold else 0
    span = hold + AFTER
    for wrong in alert.conditions:
        short = sides(wrong)[1]
        values = " ".join(f"{value}x{span - 1}" for value in short)
        total = span * len(short)
        pairs = [(wrong, values)]
        pairs += [(c, near(c, total, which=-1)) for c in alert.conditions if c is not wrong]
        yield {
            "name": f"{title}: {wrong.series} {' and '.join(short)} call nobody",
            "interval": "1m",
            "input_series": inputs(pairs),
            "alert_rule_test": [asked(alert, span * (i + 1) - 1) for i in range(len(short))],
        }


def cases(alert: Alert) -> list[Case]:
    """Every test of an alert that consists of conditions."""
    title = " ".join([alert.name, *alert.labels.values()])
    nothing: Case = {
        "name": f"{title}: no data call nobody",
        "interval": "1m",
        "input_series": [],
        "alert_rule_test": [asked(alert, AFTER)],
    }
    return [*fires(alert, title), *keeps_quiet(alert, title), nothing]
