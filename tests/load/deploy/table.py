"""The figures of deploying as a page.

Contract: pure; a way that could not be gone is said by its name and has no row, and what nobody
noticed is never shown as a result. Does not know how anything was measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from load.deploy.figures import Figures

OURS = "this project"
ROLLOUT = "docker-rollout's method"
KAMAL = "kamal-proxy 0.9.2"
METHODS = (OURS, ROLLOUT, KAMAL)
KILLS = 5
GOOD, KILLED = "good release", "replica killed"
UNSTARTED, ERRORS, VISITORS = "does not start", "1 % errors", "errors for visitors only"
SITUATIONS = {
    GOOD: "a release that does well",
    KILLED: f"the process of one of two replicas is killed (SIGKILL), {KILLS} times one after the "
    "other; Docker starts it again",
    UNSTARTED: "a bad release whose process ends at once",
    ERRORS: "a bad release that is healthy and answers each hundredth request with 500",
    VISITORS: "a bad release that is healthy and answers each request of a visitor with 500",
}
BAD = (UNSTARTED, ERRORS, VISITORS)
HEAD = "| way | sent | failed | longest answer | done | answers alone | load | what came of it |"
RULE = "|---|---:|---:|---:|---:|---:|---:|---|"
GATE_SECONDS = 25  # that 3,000 requests at 100 a second last longer than 300 at 60
TOLD = 180  # characters of what a way says


@dataclass(frozen=True)
class Row:
    """One way in one situation."""

    situation: str
    method: str
    done_seconds: (
        float  # until it said that it was done, or the mean until a killed replica was healthy
    )
    accepted: bool  # in its own judgement
    text: str
    figures: Figures
    load: float  # of the machine in the last minute, when it ended

    @property
    def unnoticed(self) -> bool:
        """Whether a bad release was taken for a good one."""
        return self.situation in BAD and self.accepted


@dataclass(frozen=True)
class Results:
    """Everything that was measured, and why the rest was not."""

    rows: Sequence[Row]
    absent: Mapping[str, str]  # a way, or a way in a situation, and why it has no row
    facts: Mapping[str, str]
    rate: int
    steps_seconds: float
    default_seconds: float


def page(results: Results) -> str:
    """Write the page."""
    parts = ["# Deploying, measured side by side", summary(results)]
    for situation, meaning in SITUATIONS.items():
        rows = [row for row in results.rows if row.situation == situation]
        lines = [f"## {situation}", f"{meaning[0].upper()}{meaning[1:]}."]
        if rows:
            lines.append("\n".join([HEAD, RULE, *map(cells, rows)]))
        parts += lines
    parts += ["## Not run", listed(f"{what}: {why}" for what, why in results.absent.items())]
    parts += ["## Where this project loses", listed(losses(results.rows))]
    parts += ["## How it was measured", method(results)]
    facts = "\n".join(f"| {name} | {value} |" for name, value in results.facts.items())
    return "\n\n".join([*parts, f"| what | which |\n|---|---|\n{facts}"]) + "\n"


def summary(results: Results) -> str:
    """Write failed requests of every way and situation, as one table."""
    head = f"| requests failed, of those sent | {' | '.join(SITUATIONS)} |"
    lines = [head, "|---|" + "---:|" * len(SITUATIONS)]
    found = {(row.method, row.situation): row for row in results.rows}
    for name in METHODS:
        row = [shortly(found.get((name, situation))) for situation in SITUATIONS]
        lines.append(f"| {name} | {' | '.join(row)} |")
    return "\n".join(lines)


def shortly(row: Row | None) -> str:
    """Write a cell of the summary."""
    if not row:
        return "not run"
    figures = row.figures
    more = ", not noticed" if row.unnoticed else ""
    return f"{figures.failed:,} of {figures.sent:,}{more}"


def cells(row: Row) -> str:
    """Write a line of a situation."""
    figures = row.figures
    alone = "-" if figures.alone_seconds is None else f"{figures.alone_seconds:.1f} s"
    numbers = [f"{figures.sent:,}", f"{figures.failed:,}", f"{figures.longest_seconds:.2f} s"]
    numbers += [f"{row.done_seconds:.1f} s", alone, f"{row.load:.1f}"]
    return f"| {row.method} | {' | '.join(numbers)} | {became(row)} |"


def became(row: Row) -> str:
    """Write what came of a situation."""
    figures = row.figures
    told = row.text.replace("|", "/")[:TOLD]
    names = {0: "nobody", 1: "one release"}.get(len(figures.at_end), "several releases")
    if row.situation == KILLED:
        text = told
    elif row.unnoticed:
        text = f"**never noticed**: at the end {figures.failing_at_end_ratio:.0%} fail"
    elif not row.accepted:
        text = f"refused: {told}"
    else:
        text = f"{names} answered at the end"
    if figures.failed:
        statuses = ", ".join(f"{n:,} times {s}" for s, n in figures.statuses.items())
        text += f"; {statuses}"
        if not row.unnoticed:
            text += f", over {figures.failing_seconds:.1f} s"
    return text


def listed(lines: Iterable[str]) -> str:
    """Write a list, or that there is nothing in it."""
    return "\n".join(f"- {line}" for line in lines) or "- nothing"


def losses(rows: Sequence[Row]) -> list[str]:
    """Tell each figure that another way has better; a release taken by mistake is no result."""
    found = []
    ours = {row.situation: row for row in rows if row.method == OURS}
    for row in rows:
        mine = ours.get(row.situation)
        if not mine or row is mine or (row.unnoticed and not mine.unnoticed):
            continue
        pairs = {
            "failed requests": (row.figures.failed, mine.figures.failed, "{:,}"),
            "longest answer": (
                row.figures.longest_seconds, mine.figures.longest_seconds, "{:.2f} s",
            ),
            "time until done": (row.done_seconds, mine.done_seconds, "{:.1f} s"),
        }  # fmt: skip
        found += [
            f"{row.situation}, {name}: {row.method} {form.format(their)}, here {form.format(own)}"
            for name, (their, own, form) in pairs.items()
            if their < own
        ]
    return found


def method(results: Results) -> str:
    """Tell how it was measured, and what is not alike."""
    steps, default = results.steps_seconds, results.default_seconds
    more = (default - steps + GATE_SECONDS) / 60
    return METHOD.format(rate=results.rate, steps=steps, default=default, more=more)


METHOD = """\
One host with Docker: replicas, whoever deploys and the load generator share the processors of one
machine. The ways are gone one after the other, in this order, on the same host. All have two
replicas of the same backend from the same Compose file: image, limits, keys, health check, database
(PostgreSQL) and drain (told to stop, it is not ready for 3 s and answers on). All answer
`POST /api/v1/predict` over TLS with the same certificate; vegeta sends golden images at
{rate} requests a second whatever comes back (open loop, HTTP/2, nothing is tried again). Failed is
what was not answered with 200. A release is the built image with one layer more: each of its
answers names it. *Done* runs until the way says that it is done, sending the layer included, or
until a killed replica is healthy again, in the mean. *Answers alone* runs until the last answer of
any other release, as the client sees it. Sending goes on for 10 s after it is done; of what nobody
noticed only these requests are counted, and more would fail after them. *Load* is the machine's
load average of the last minute at the end of the row, in which others' work shows. One run each:
differences of a request or two, or of a second, say nothing.

**This project**: its deployer over SSH, as `./daggerw call rehearse` calls it: 300 requests in the
dark, then 1, 10, 50 and 100 % of the visitors in {steps:.0f} s. It brings page and backend, the
others the backend alone, with the page standing idle beside it. By default it takes 3,000 requests
and {default:.0f} s of steps, so a good release takes about {more:.0f} minutes more.

**docker-rollout's method**, not docker-rollout, which no package registry has: the steps it
promises (twice the replicas, wait until Docker calls the new ones healthy, at most 60 s, then stop
and remove the old ones). It recommends Traefik, which cannot be had that way either. In front
stands Debian's HAProxy, with this project's configuration but for its one line that has requests
tried again that were sent already (`retry-on`): HAProxy's default tries again only where it could
not connect. It finds containers by Docker's DNS and asks `/ready` twice a second. Traefik asks
Docker instead, and sends nothing to a container that is not healthy yet.

**kamal-proxy**: without Kamal, whose steps these are: new containers, `kamal-proxy deploy` with its
own limits (asks each second, 30 s to become healthy, 30 s to drain), then the old ones are removed.
Its main mode is one container of a role on a host; two targets, as here, are possible, and it does
not try a request again. With one, a killed replica is an outage until it is back.

Neither of the two claims to look at errors: their health check is all they ask, so a release that
is healthy and wrong is outside of what they promise."""
