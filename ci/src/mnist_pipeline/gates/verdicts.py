"""What a stage was found to be, and how that is told: a table, status.json and summary.md.

Contract: a verdict is green, red or "not run"; only green passes, and judging nothing is "not run".
What people read of a stage that is not green begins with what to do. Standard library only. Does
not know how a stage runs or what its reports look like.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, TypeVar

Status = Literal["green", "red", "not run"]
Origin = Literal["ran", "cached", "-"]

Kept = TypeVar("Kept")
SEVERITY: dict[Status, int] = {"green": 0, "not run": 1, "red": 2}
REASON_WIDTH = 110


@dataclass(frozen=True)
class Verdict:
    """What was found, with one sentence a fault; the most telling one stands first."""

    status: Status
    reasons: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Only green passes."""
        return self.status == "green"


@dataclass(frozen=True)
class StageResult:
    """A stage's verdict with its time, where it came from, and remarks that do not turn it red."""

    stage: str
    verdict: Verdict
    seconds: float
    origin: Origin
    remarks: Mapping[str, Verdict] = field(default_factory=dict)
    again: str = ""  # the command that runs it again, where that is not `test`


def green(**counts: int) -> Verdict:
    """Nothing was found, in so many things that were looked at."""
    return Verdict("green", (), counts)


def red(*reasons: str, **counts: int) -> Verdict:
    """Faults were found."""
    return Verdict("red", reasons, counts)


def not_run(*reasons: str) -> Verdict:
    """Nothing could be judged; never green."""
    return Verdict("not run", reasons)


def combined(parts: Mapping[str, Verdict]) -> Verdict:
    """The worst of the parts, every reason under the name of its part, counts summed."""
    if not parts:
        return not_run("nothing was judged")
    worst = max((part.status for part in parts.values()), key=lambda status: SEVERITY[status])
    ranked = sorted(parts.items(), key=lambda item: -SEVERITY[item[1].status])
    reasons = tuple(f"{name}: {reason}" for name, part in ranked for reason in part.reasons)
    counts: dict[str, int] = {}
    for part in parts.values():
        for name, number in part.counts.items():
            counts[name] = counts.get(name, 0) + number
    return Verdict(worst, reasons, counts)


def merged(remarks: Mapping[str, Mapping[str, Verdict]]) -> dict[str, Verdict]:
    """The remarks of several places by their names; where some are alike, each says its place."""
    found: dict[str, dict[str, Verdict]] = {}
    for place, named in remarks.items():
        for name, remark in named.items():
            found.setdefault(name, {})[place] = remark
    return {
        name: combined(alike) if len(alike) > 1 else next(iter(alike.values()))
        for name, alike in found.items()
    }


def remarked(
    results: Sequence[StageResult], name: str, remarks: Mapping[str, Verdict]
) -> list[StageResult]:
    """The results, with one more remark for each stage that has one."""
    return [
        replace(r, remarks=merged({"stage": r.remarks, "evidence": {name: remarks[r.stage]}}))
        if r.stage in remarks
        else r
        for r in results
    ]


def telling(parts: Sequence[tuple[Verdict, Kept | None]]) -> Kept | None:
    """What to look into: of the first part that is not green and has it, else of the first one.

    Where parts failed and none of those has anything, a green one's would mislead.
    """
    failed = [kept for verdict, kept in parts if not verdict.passed]
    found = failed or [kept for _, kept in parts]
    return next((kept for kept in found if kept is not None), None)


def origin_of(starts: Iterable[float], session_started: float) -> Origin:
    """Whether commands ran in this session or an earlier run's answers were taken."""
    known = list(starts)
    if not known:
        return "-"
    return "ran" if any(start >= session_started for start in known) else "cached"


def passed(results: Sequence[StageResult]) -> bool:
    """Whether every stage is green, and there is one."""
    return bool(results) and all(result.verdict.passed for result in results)


def shortened(text: str, width: int = REASON_WIDTH) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def told(verdict: Verdict) -> str:
    """The first reason, or what was counted where there is none."""
    if verdict.reasons:
        more = len(verdict.reasons) - 1
        suffix = f" (and {more} more)" if more else ""
        return shortened(verdict.reasons[0], REASON_WIDTH - len(suffix)) + suffix
    return ", ".join(f"{number} {name}" for name, number in verdict.counts.items())


def advice(result: StageResult, *, beside: bool) -> str:
    """What to do about a stage that is not green; commands and folders stand between backticks.

    Args:
        result: what the stage came to.
        beside: whether its evidence lies beside the text, in a folder of its name.
    """
    fresh = " --fresh" if result.origin == "cached" else ""
    again = result.again or f"./daggerw call test --stages {result.stage}{fresh}"
    ways = [f"more in `{result.stage}/`"] if beside else []
    repair = "Repair the reason"
    if result.verdict.status == "not run":
        repair = "Nothing was judged: repair what kept it from running"
    elif not result.again:
        ways.append(f"to look around: `./daggerw call debug --stage {result.stage} terminal`")
    told = f" ({'; '.join(ways)})" if ways else ""
    return f"{repair}{told}, then `{again}`"


def orders(results: Sequence[StageResult], *, beside: bool) -> list[str]:
    """A line for each stage that is not green, which says what to do."""
    failing = [result for result in results if not result.verdict.passed]
    return [f"{r.stage} ({r.verdict.status}): {advice(r, beside=beside)}." for r in failing]


def rows(results: Sequence[StageResult]) -> list[tuple[str, str, str, str, str]]:
    """A row a stage, and one below it for each of its remarks."""
    found: list[tuple[str, str, str, str, str]] = []
    for result in results:
        verdict, seconds = result.verdict, f"{result.seconds:.1f}"
        found.append((result.stage, verdict.status, seconds, result.origin, told(verdict)))
        for name, remark in result.remarks.items():
            found.append((f"  {name}", remark.status, "", "", told(remark)))
    return found


def table(results: Sequence[StageResult]) -> str:
    """The results in aligned columns, what to do above them, and one sentence about all below."""
    header = ("stage", "verdict", "seconds", "from", "first reason or what was looked at")
    lines = [header, *rows(results)]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    text = [
        "  ".join(
            [
                line[0].ljust(widths[0]),
                line[1].ljust(widths[1]),
                line[2].rjust(widths[2]),
                line[3].ljust(widths[3]),
                line[4],
            ]
        ).rstrip()
        for line in lines
    ]
    first = orders(results, beside=False)
    return "\n".join([*first, *([""] if first else []), *text, "", sentence(results)])


def sentence(results: Sequence[StageResult]) -> str:
    """What to make of all results."""
    failing = [r.stage for r in results if not r.verdict.passed]
    if not results:
        return "No stage was run."
    if not failing:
        return f"All {len(results)} stages are green." if results[1:] else "The stage is green."
    cached = any(r.origin == "cached" for r in results if not r.verdict.passed)
    hint = " Add --fresh to run again what the cache answered." if cached else ""
    return f"{len(failing)} of {len(results)} stages not green: {', '.join(failing)}.{hint}"


def described(verdict: Verdict) -> dict[str, object]:
    """A verdict for machines; `reason` is there where there is one."""
    fields: dict[str, object] = {"status": verdict.status}
    if verdict.reasons:
        fields |= {"reason": verdict.reasons[0], "reasons": list(verdict.reasons)}
    if verdict.counts:
        fields["counts"] = dict(verdict.counts)
    return fields


def entry(result: StageResult) -> dict[str, object]:
    """A stage for machines; its own remarks are there where it has some."""
    fields = described(result.verdict)
    fields |= {"seconds": round(result.seconds, 1), "origin": result.origin}
    if result.remarks:
        fields["remarks"] = {name: described(remark) for name, remark in result.remarks.items()}
    return fields


def status_json(results: Sequence[StageResult], started: float, seconds: float) -> str:
    """All results for machines: `passed` is what a gate asks.

    Remarks stand at the top, too; where stages have some of one name, each reason says its stage.
    """
    remarks = merged({result.stage: result.remarks for result in results})
    began = datetime.fromtimestamp(started, tz=UTC)
    status = {
        "schema": 1,
        "passed": passed(results),
        "started": began.isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "stages": {result.stage: entry(result) for result in results},
        **{name: described(remark) for name, remark in remarks.items()},
    }
    return json.dumps(status, indent=2, ensure_ascii=False) + "\n"


def metrics(results: Sequence[StageResult], started: float) -> str:
    """All results for Prometheus, as a text file that a node exporter reads."""
    lines = [
        "# HELP pipeline_started_timestamp_seconds When the last pipeline began.",
        "# TYPE pipeline_started_timestamp_seconds gauge",
        f"pipeline_started_timestamp_seconds {started:.0f}",
        "# HELP pipeline_stage_passed 1 if the stage was green.",
        "# TYPE pipeline_stage_passed gauge",
        *(f'pipeline_stage_passed{{stage="{r.stage}"}} {int(r.verdict.passed)}' for r in results),
        "# HELP pipeline_stage_duration_seconds How long the stage took.",
        "# TYPE pipeline_stage_duration_seconds gauge",
        *(f'pipeline_stage_duration_seconds{{stage="{r.stage}"}} {r.seconds:.1f}' for r in results),
    ]
    return "\n".join([*lines, ""])


def summary(results: Sequence[StageResult], seconds: float) -> str:
    """All results for people, in Markdown."""
    cells = [
        f"| {stage.strip()} | {status} | {took} | {origin} | {reason.replace('|', chr(92) + '|')} |"
        for stage, status, took, origin, reason in rows(results)
    ]
    first = [f"- {order}" for order in orders(results, beside=True)]
    return "\n".join(
        [
            f"# {'Green' if passed(results) else 'Not green'} in {seconds:.0f} s",
            "",
            *([*first, ""] if first else []),
            "| stage | verdict | seconds | from | first reason or what was looked at |",
            "|---|---|---:|---|---|",
            *cells,
            "",
            sentence(results),
            "",
        ]
    )
