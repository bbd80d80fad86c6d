"""Sloth's expressions and ours, asked of the same two days, answer the same.

Another generator of burn rates is the oracle: what it makes of the same objectives is committed in
sloth/rules.yml. Long spans may differ a little where the share changes, for sloth counts them from
the counters and we sum what was counted every five minutes. Its 30 days are not compared: a mean of
ratios there, a share of events here.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from monitoring.objectives import read

MINUTES = 2 * 1440
EACH_MINUTE = 1000  # requests
SAMPLE, LOOK, STEP = 2, 5, 60  # minutes between samples, evaluations, and questions
EXACTLY = {span: 1e-9 for span in ("5m", "30m", "1h", "2h", "6h")}
NEARLY = {"1d": 0.1, "3d": 0.1}
BAD = {  # by objective: from which minute on which share of events is bad
    "availability": {0: 0.0, 720: 1.0, 730: 0.0, 1440: 0.5, 1860: 0.0},
    "latency": {0: 0.01, 720: 1.0, 780: 0.0, 1440: 0.4, 1860: 0.0, 2160: 0.06},
    "errors": {0: 0.0005, 720: 1.0, 730: 0.0, 1440: 0.02, 1860: 0.0, 2160: 0.002},
}
FIRE = [  # so that nothing agrees by being silent: when, and for which objectives
    (710, "page", ()),
    (710, "ticket", ()),
    (730, "page", ("availability", "errors")),
    (770, "page", ("latency",)),
    (1430, "page", ()),
    (1810, "page", ("availability", "errors", "latency")),
    (2850, "ticket", ("errors", "latency")),
    (2850, "page", ()),
]
OURS = (
    'count by (objective) (ALERTS{{alertname=~".+BudgetBurn", alertstate="firing", severity="{}"}})'
)
SLOTHS = (
    "label_replace(count by (sloth_slo) ("
    'ALERTS{{alertname="SlothBurn", alertstate="firing", severity="{}"}}'
    '), "objective", "$1", "sloth_slo", "(.+)")'
)
RATIO = 'label_replace(slo:sli_error:ratio_rate{}, "objective", "$1", "sloth_slo", "(.+)")'


def share(objective: str, minute: int) -> float:
    """The share of an objective's events that is bad in a minute."""
    return BAD[objective][max(begun for begun in BAD[objective] if begun <= minute)]


def counters(objective: str) -> tuple[list[int], list[int]]:
    """How many events there were until each sample, and how many of them were good."""
    total, bad = [0], [0.0]
    for minute in range(0, MINUTES, SAMPLE):
        total.append(total[-1] + EACH_MINUTE * SAMPLE)
        bad.append(bad[-1] + EACH_MINUTE * SAMPLE * share(objective, minute))
    return total, [t - round(b) for t, b in zip(total, bad, strict=True)]


def probes() -> list[int]:
    """What the probe saw each time: as many failures as the share says, evenly spread."""
    seen, owed = [], 0.0
    for minute in range(0, MINUTES + 1, SAMPLE):
        owed += share("availability", minute)
        seen.append(int(owed < 1))
        owed -= 0 if seen[-1] else 1
    return seen


def inputs() -> list[dict[str, str]]:
    """The series of two days."""
    durations, fast = counters("latency")
    requests, right = counters("errors")
    wrong = [r - good for r, good in zip(requests, right, strict=True)]
    chosen = 'job="backend", route="/api/v1/predict"'
    series = {
        'probe_success{job="probe"}': probes(),
        f"http_request_duration_seconds_count{{{chosen}}}": durations,
        f'http_request_duration_seconds_bucket{{{chosen}, le="0.2"}}': fast,
        f'http_requests_total{{{chosen}, status="200"}}': right,
        f'http_requests_total{{{chosen}, status="500"}}': wrong,
    }
    return [{"series": s, "values": " ".join(map(str, v))} for s, v in series.items()]


def asked(expression: str, minute: int, *samples: str, value: float = 0) -> dict[str, Any]:
    """A question, and the labels of the series that must answer it."""
    expected = [{"labels": labels, "value": value} for labels in samples]
    return {"expr": expression, "eval_time": f"{minute}m", "exp_samples": expected}


def questions() -> Iterator[dict[str, Any]]:
    """Every share and every alert, again and again; and when they fire."""
    for minute in range(STEP // 2, MINUTES, STEP):  # never at the edge of a span that changes
        for span, tolerance in (EXACTLY | NEARLY).items():
            ours, sloths = f"objective:bad:ratio{span}", RATIO.format(span)
            difference = f"abs({ours} - on (objective) {sloths})"
            allowed = f"({tolerance} * {sloths} + {tolerance / 100})"
            yield asked(f"count({difference} <= on (objective) {allowed})", minute, "{}", value=3)
        for severity in ("page", "ticket"):
            ours, sloths = OURS.format(severity), SLOTHS.format(severity)
            alone = f"({ours} unless on (objective) {sloths})"
            yield asked(f"{alone} or ({sloths} unless on (objective) {ours})", minute)
    for minute, severity, objectives in FIRE:
        labels = [f'{{objective="{name}"}}' for name in objectives]
        yield asked(f"{OURS.format(severity)} > bool 0", minute, *labels, value=1)


def groups(path: Path) -> list[str]:
    """The names of the groups in a file, in its order."""
    return [group["name"] for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]


def test_sloth_is_told_the_same_objectives(folder: Path) -> None:
    """Targets and what is counted are those of objectives.toml."""
    told = yaml.safe_load((folder / "tests/sloth/slos.yml").read_text(encoding="utf-8"))
    objectives = {o.name: o for o in read().objectives}
    assert [slo["name"] for slo in told["slos"]] == [*objectives]
    for slo in told["slos"]:
        objective, events = objectives[slo["name"]], slo["sli"]["events"]
        assert slo["objective"] == float(objective.target * 100)
        total = (
            events["total_query"].replace("rate(", "increase(").replace("{{.window}}", "$window")
        )
        assert total == objective.total
        bad = events["error_query"].replace("rate(", "increase(").replace("{{.window}}", "$window")
        for part in bad.split(" - "):
            assert part in objective.bad.replace("\n", " ") or part == objective.total


def test_sloth_and_we_agree(folder: Path, promtool: str, tmp_path: Path) -> None:
    """At every hour each share is the same, and whoever is paged there is paged here."""
    files = [folder / f"rules/{name}.rules.yml" for name in ("objectives", "budgets", "alerts")]
    files.append(folder / "tests/sloth/rules.yml")
    document = {
        "rule_files": [str(path) for path in files],
        "evaluation_interval": f"{LOOK}m",
        "group_eval_order": [name for path in files for name in groups(path)],
        "tests": [
            {
                "interval": f"{SAMPLE}m",
                "input_series": inputs(),
                "promql_expr_test": [*questions()],
            }
        ],
    }
    path = tmp_path / "oracle_test.yml"
    path.write_text(json.dumps(document), encoding="utf-8")
    asked = [promtool, "test", "rules", str(path)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
