"""The scenario in which a host gets what watches it, and a release is held to its error budget.

Contract: as every scenario's; it comes last, for it leaves Prometheus on the host. Does not know
how the others are.
"""

import time

from mnist_deploy.preflight import WATCHING_SECRETS
from rehearsal.scenarios import UNFIT, refused, scenario
from rehearsal.stage import Row, Stage

WATCHED_SECONDS = 180
SEEN = {  # targets that answer in production, by job
    "backend": 2.0,
    "frontend": 2.0,
    "edge": 1.0,
    "postgresql": 1.0,
    "probe": 1.0,
    "node": 1.0,
    "processes": 1.0,
    "alertmanager": 1.0,
    "prometheus": 1.0,
}
PROGRAMS = {"backend", "frontend", "edge", "postgresql", "watchers", "docker"}


@scenario("watched", "Prometheus sees each part; the next release is held to its error budget")
def watched(stage: Stage, row: Row) -> None:
    """Deploy with what watches, where nothing watched before, and then once more."""
    for name in WATCHING_SECRETS:
        stage.shell(f"echo http://localhost:9 >secrets/{name}")
    stage.watched = True
    before = stage.answers()
    refused(stage, row, stage.deploy("unknown budget"), before, "error budget", UNFIT)
    said = stage.deploy("watched", "", (), "--force", "nothing has watched yet")
    row.expect(said.code == 0, f"exit code {said.code}")
    deadline = time.monotonic() + WATCHED_SECONDS
    while (seen := stage.asked("count by (job) (up == 1)")) != SEEN and time.monotonic() < deadline:
        time.sleep(2)
    row.expect(seen == SEEN, f"Prometheus sees {seen}, not {SEEN}")
    programs = stage.asked(
        'count by (groupname) (namedprocess_namegroup_num_procs{job="processes"})'
    )
    row.expect({*programs} >= PROGRAMS, f"of the programs it sees {sorted(programs)}")
    while not (left := stage.asked("objective:budget_left:ratio")) and time.monotonic() < deadline:
        time.sleep(2)
    said = stage.deploy("affordable")
    row.expect(said.code == 0, f"exit code {said.code} with {left} left")
    now = stage.answers()
    row.expect(now == "affordable", f"{now} answers")
    row.happened = f"{sum(seen.values()):.0f} targets answer; {now} answers, budgets left: {left}"
