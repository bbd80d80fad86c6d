"""What watching costs, measured of the rehearsal and told for the intervals of production."""

from pathlib import Path

import asking
from scenario import Rehearsal, until

INTERVAL_SECONDS = 15  # between two scrapes in production; rules are as dear as every other one
DAYS = (15, 31)
HEAD_SECONDS = 3 * 3600  # what Prometheus holds in memory, at most
DAY_SECONDS = 86400
MEGABYTE = 1e6


def figure(expression: str) -> float:
    """The one value of an expression."""
    (line,) = asking.now(expression)
    return line.points[0][1]


def stored_bytes() -> float:
    """What the samples of the rehearsal take on the disk, once they are written there."""
    asking.CLIENT.post(f"{asking.PROMETHEUS}/api/v1/admin/tsdb/snapshot").raise_for_status()
    stored = 'prometheus_tsdb_compaction_chunk_size_bytes_sum{job="prometheus"} > 0'
    until("Prometheus tells what it stored", lambda: bool(asking.now(stored)))
    return figure(stored)


def milliseconds(line: asking.Line) -> str:
    """A duration in words."""
    return f"{line.points[0][1] * 1000:.1f} ms"


def expected(series: float, sample_bytes: float, resident: float) -> list[tuple[str, str]]:
    """What it comes to in production: the head's samples in memory, every day's on the disk."""
    head = series * HEAD_SECONDS / INTERVAL_SECONDS * sample_bytes
    day = series * DAY_SECONDS / INTERVAL_SECONDS * sample_bytes
    memory = f"{(resident + head) / MEGABYTE:.0f} MB"
    disks = ((f"disk in production, {n} days", f"{day * n / MEGABYTE:.0f} MB") for n in DAYS)
    return [("memory in production, three hours of samples in it", memory), *disks]


def test_the_cost_of_watching_is_told(rehearsal: Rehearsal, reports: Path) -> None:
    """Series, time and bytes are measured, and what they come to is written down."""
    assert rehearsal.ended
    own = 'job="prometheus"'
    scraped = figure("sum(scrape_samples_scraped)")
    series = figure(f"prometheus_tsdb_head_series{{{own}}}")
    sample_bytes = stored_bytes() / figure(f"prometheus_tsdb_compaction_chunk_samples_sum{{{own}}}")
    resident = figure(f"process_resident_memory_bytes{{{own}}}")
    scrape = asking.now("avg by (job) (avg_over_time(scrape_duration_seconds[5m]))")
    groups = asking.now(f"avg_over_time(prometheus_rule_group_last_duration_seconds{{{own}}}[5m])")
    processor = figure(f"rate(process_cpu_seconds_total{{{own}}}[2m])")
    assert min(scraped, series, sample_bytes, resident, processor) > 0
    assert scrape
    assert groups
    rows = [
        ("samples of one scrape of every target", f"{scraped:.0f}"),
        ("series, with those that rules record", f"{series:.0f}"),
        ("bytes a sample", f"{sample_bytes:.2f}"),
        ("memory of Prometheus", f"{resident / MEGABYTE:.0f} MB"),
        ("processor of Prometheus", f"{processor:.3f}"),
        *((f"scrape, {s.labels['job']}", milliseconds(s)) for s in scrape),
        *((f"rules, {g.labels['rule_group'].rpartition(';')[2]}", milliseconds(g)) for g in groups),
        *expected(series, sample_bytes, resident),
    ]
    text = (
        f"Measured over {rehearsal.ended - rehearsal.started:.0f} s, with a scrape each second and "
        "rules each half, on the machine that rehearsed.\n\n| | |\n|---|---:|\n"
    )
    table = "".join(f"| {what} | {value} |\n" for what, value in rows)
    (reports / "cost.md").write_text(f"# What watching costs\n{text}{table}", encoding="utf-8")
