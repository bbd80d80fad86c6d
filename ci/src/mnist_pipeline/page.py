"""The evidence as one page of HTML: what failed, why, what to do; then everything else.

Contract: the page needs nothing but the evidence it lies in, for its pictures; it runs no script,
asks no host, and is read by eye, by keyboard and by screen reader alike; what a tool said is
escaped. Pure: text in, text out. Does not know how the evidence came to be.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from mnist_pipeline.gates.verdicts import (
    StageResult,
    Verdict,
    advice,
    passed,
    rows,
    sentence,
    told,
)

COLOURS = {"green": "#1a7f37", "red": "#c1121f", "not run": "#8a5a00"}
BAR_HEIGHT, LABEL_WIDTH, CHART_WIDTH = 22, 150, 720  # user units of the chart
STYLE = """
:root{color-scheme:light dark;--line:#8883;--soft:#8881}
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:0 auto;padding:1rem}
h1{margin:0}.told{font-size:1.2rem;margin:.2rem 0 1rem}
.head{border-left:.6rem solid var(--verdict);padding:.5rem 1rem;background:var(--soft)}
table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:.4rem 0}
th,td{border-bottom:1px solid var(--line);padding:.35rem .6rem;text-align:left;vertical-align:top}
td{font-variant-numeric:tabular-nums}code{background:var(--soft);padding:0 .2em}
.part{font-weight:400;padding-left:1.5rem}
td:last-child{overflow-wrap:anywhere}.wide{overflow-x:auto}
.v{color:#fff;border-radius:.3em;padding:.1em .5em;white-space:nowrap}
details{margin:.4rem 0}summary{cursor:pointer}
svg{max-width:100%;height:auto}svg text{fill:currentColor}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr));gap:1rem}
figure{margin:0;overflow-wrap:anywhere}img{width:100%;height:14rem;object-fit:contain}
"""
COVERED = re.compile(r"<coverage\b[^>]*>")


@dataclass(frozen=True)
class Coverage:
    """What the tests of one part ran through."""

    part: str
    lines_ratio: float
    branches_ratio: float


def coverage(part: str, xml: str) -> Coverage | None:
    """Reads a coverage report in Cobertura's form; None where it is not one."""
    head = COVERED.search(xml)
    rates = dict(re.findall(r'(line-rate|branch-rate)="([\d.]+)"', head[0])) if head else {}
    if len(rates) != 2:  # noqa: PLR2004  lines and branches
        return None
    return Coverage(part, float(rates["line-rate"]), float(rates["branch-rate"]))


def badge(status: str) -> str:
    """A verdict, told by its word and its colour."""
    return f'<span class="v" style="background:{COLOURS[status]}">{status}</span>'


def rowed(cells: Iterable[str], kind: str = "") -> str:
    """A row of a table, whose first cell names it."""
    first, *rest = cells
    return (
        f'<tr><th scope="row" class="{kind}">{first}</th>'
        + "".join(f"<td>{c}</td>" for c in rest)
        + "</tr>"
    )


def tabled(caption: str, header: Sequence[str], body: Iterable[str]) -> str:
    """A table with its caption and the names of its columns."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def marked(text: str) -> str:
    """What stands between backticks: a folder as a link to it, anything else as code."""
    linked = re.sub(r"`([\w-]+/)`", r'<a href="\1">\1</a>', escape(text))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", linked)


def why(verdict: Verdict) -> str:
    """The first reason, whole, and how many there are beside it."""
    first, *more = verdict.reasons or ("no reason was given",)
    return f"{first} (and {len(more)} more, below)" if more else first


def failed(results: Sequence[StageResult]) -> str:
    """What failed, why, and what to do: the first thing on the page of a red run."""
    failing = [result for result in results if not result.verdict.passed]
    if not failing:
        return ""
    body = (
        rowed(
            [
                f"{escape(r.stage)} {badge(r.verdict.status)}",
                escape(why(r.verdict)),
                marked(advice(r, beside=True)),
            ]
        )
        for r in failing
    )
    return tabled("What failed", ("Stage", "Why", "What to do"), body)


def absent(results: Sequence[StageResult]) -> str:
    """What was not run, and why; that is no fault, and no success either."""
    remarks = [(r.stage, name, v) for r in results for name, v in r.remarks.items() if not v.passed]
    if not remarks:
        return "<p>Everything that belongs to these stages was run.</p>"
    body = (
        rowed([f"{escape(name)} {badge(verdict.status)}", escape(stage), escape(told(verdict))])
        for stage, name, verdict in remarks
    )
    return tabled(
        "What could not be judged here, and turned no stage red",
        ("What", "Part of stage", "Why"),
        body,
    )


def verdicts(results: Sequence[StageResult]) -> str:
    """Every stage with its verdict."""
    body = []
    for stage, status, seconds, origin, reason in rows(results):
        name = escape(stage.strip())
        part = stage.startswith(" ")
        first = name if part else f'<a href="{name}/">{name}</a>'
        cells = [first, badge(status), seconds, escape(origin), escape(reason)]
        body.append(rowed(cells, "part" if part else ""))
    header = ("Stage", "Verdict", "Seconds", "From", "First reason, or what was looked at")
    return tabled("Every stage", header, body)


def chart(results: Sequence[StageResult]) -> str:
    """How long each stage took, as bars; the table of verdicts has the same numbers."""
    longest = max((result.seconds for result in results), default=0.0) or 1.0
    room = CHART_WIDTH - LABEL_WIDTH - 70
    bars = []
    for number, result in enumerate(results):
        top, width = number * BAR_HEIGHT, max(room * result.seconds / longest, 1)
        middle = top + BAR_HEIGHT * 0.7
        bars.append(
            f'<text x="{LABEL_WIDTH - 8}" y="{middle:.0f}" text-anchor="end">'
            f"{escape(result.stage)}</text>"
            f'<rect x="{LABEL_WIDTH}" y="{top + 3}" width="{width:.0f}" height="{BAR_HEIGHT - 6}" '
            f'fill="{COLOURS[result.verdict.status]}"/>'
            f'<text x="{LABEL_WIDTH + width + 6:.0f}" y="{middle:.0f}">'
            f"{result.seconds:.1f} s</text>"
        )
    height = len(results) * BAR_HEIGHT
    return (
        f'<svg role="img" aria-label="Seconds a stage, as in the table above" font-size="13" '
        f'viewBox="0 0 {CHART_WIDTH} {height}" width="{CHART_WIDTH}">{"".join(bars)}</svg>'
    )


def covered(reports: Sequence[Coverage]) -> str:
    """What the tests ran through."""
    if not reports:
        return "<p>No stage of this run measured coverage.</p>"
    body = (
        rowed([escape(r.part), f"{r.lines_ratio:.1%}", f"{r.branches_ratio:.1%}"]) for r in reports
    )
    return tabled("Coverage of the tests", ("Part", "Lines", "Branches"), body)


def findings(results: Sequence[StageResult]) -> str:
    """Every reason of every stage that has one."""
    listed = [
        f"<details><summary>{escape(result.stage)}: {len(result.verdict.reasons)}</summary><ul>"
        + "".join(f"<li>{escape(reason)}</li>" for reason in result.verdict.reasons)
        + "</ul></details>"
        for result in results
        if result.verdict.reasons
    ]
    return "".join(listed) or "<p>None.</p>"


def linked(names: Sequence[str]) -> str:
    """The files of the evidence, by the folder they are in."""
    folders: dict[str, list[str]] = {}
    for name in sorted(names):
        folders.setdefault(name.partition("/")[0] if "/" in name else "", []).append(name)
    return "".join(
        f"<details><summary>{escape(folder or 'at the top')}: {len(found)}</summary><ul>"
        + "".join(f'<li><a href="{escape(name)}">{escape(name)}</a></li>' for name in found)
        + "</ul></details>"
        for folder, found in folders.items()
    )


def picked(names: Iterable[str], titles: Mapping[str, str]) -> str:
    """The files that people look for first, by what they are."""
    kinds = {
        title: [n for n in names if re.search(pattern, n)] for title, pattern in titles.items()
    }
    body = (
        rowed([escape(title), ", ".join(f'<a href="{escape(n)}">{escape(n)}</a>' for n in found)])
        for title, found in kinds.items()
        if found
    )
    return tabled("What to look at", ("What", "Files"), body)


def pictured(names: Sequence[str]) -> str:
    """The pictures of the evidence, of each kind as many as can be looked at; each opens whole."""
    figures = []
    for kind, pattern in PICTURES.items():
        found = [name for name in names if re.search(pattern, name)]
        shown = min(len(found), MOST_PICTURES)
        for name in (found[number * len(found) // shown] for number in range(shown)):
            place = escape(name)
            told = escape(re.sub(r"[/_-]", " ", name.rpartition(".")[0]))
            figures.append(
                f'<figure><a href="{place}"><img src="{place}" alt="{kind}: {told}" loading="lazy">'
                f"</a><figcaption>{told}</figcaption></figure>"
            )
    if not figures:
        return "<p>No stage of this run left a picture.</p>"
    return f'<div class="pictures">{"".join(figures)}</div>'


MOST_PICTURES = 12  # of a kind; all are linked
PICTURES = {
    "Dashboard": r"/dashboard-[^/]+\.png$",
    "Model": r"/model-card\.png$",
    "Screenshot": r"/(?!dashboard-|model-card)[^/]+\.(png|jpg)$",
}
PICKED = {
    "Screenshots": PICTURES["Screenshot"],
    "Dashboards": PICTURES["Dashboard"],
    "Model card": r"model-card\.(md|html|png)$",
    "Accessibility": r"axe.*\.json$",
    "Bills of materials": r"sbom.*\.json$",
    "Findings as SARIF": r"^sarif/",
    "For machines": r"^status\.json$",
}


def page(
    results: Sequence[StageResult],
    started: float,
    seconds: float,
    reports: Sequence[Coverage],
    names: Sequence[str],
) -> str:
    """The whole page, from the results, when and how long, coverage, and the files beside it."""
    verdict: Verdict = Verdict("green" if passed(results) else "red")
    began = datetime.fromtimestamp(started, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
    title = "Green" if verdict.passed else "Not green"
    sections = {
        "Not run": absent(results),
        "Stages": verdicts(results) + chart(results),
        "Evidence": picked(sorted(names), PICKED),
        "Pictures": pictured(sorted(names)),
        "Coverage": covered(reports),
        "Findings": findings(results),
        "Files": linked(names),
    }
    body = "".join(f"<section><h2>{name}</h2>{text}</section>" for name, text in sections.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}: evidence</title>"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main>"
        f'<div class="head" style="--verdict:{COLOURS[verdict.status]}"><h1>{title}</h1>'
        f'<p class="told">{escape(sentence(results))} {began}, {seconds:.0f} s.</p>'
        f"{failed(results)}</div>{body}</main></body></html>\n"
    )
