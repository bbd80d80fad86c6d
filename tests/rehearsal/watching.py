"""The scenarios of a second host, and of a host that gets what watches it.

Contract: as every scenario's; watching comes last, for it leaves Prometheus on the host. Does not
know how the others are.
"""

import re
import shlex
import time
from pathlib import Path

from mnist_deploy.preflight import WATCHING_SECRETS
from rehearsal.scenarios import UNFIT, page, refused, scenario
from rehearsal.stage import FIRST, Row, Stage

RUNBOOK = Path("/tests/runbook.md")
PSQL = (
    "PGPASSWORD=$(cat /run/secrets/database_password) "
    "/opt/postgresql/psql --host=/tmp --username=mnist --set=ON_ERROR_STOP=1 mnist"
)
DELIVERED = 'release_deployments{environment="production"} 1'  # as a ledger's figures are left
STATEMENT = re.compile(r"`(SELECT [^`]*)`")
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


@scenario("second host", "staging gets its release on a host of its own; production goes on")
def second_host(stage: Stage, row: Row) -> None:
    """Deploy to another host, which has another key and state, while visitors use the first."""
    other = Stage("staging", stage.archives, stage.keys, stage.reports, at="staging")
    before, trail = stage.answers(), stage.shell("wc -l <audit.jsonl")
    said = other.deploy(FIRST)
    row.expect(said.code == 0, f"exit code {said.code}")
    row.expect(other.answers() == FIRST, f"{other.answers()} answers on staging")
    status, _ = page("https://staging/ready")
    row.expect(status == 200, f"staging's API answers {status}")
    now = stage.answers()
    row.expect(now == before, f"{now} answers on production, not {before}")
    row.expect(stage.shell("wc -l <audit.jsonl") == trail, "production's audit trail has grown")
    other.shell("docker compose --profile green down --volumes --timeout 1")
    row.happened = f"{FIRST} answers on staging, {now} on production"


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
    stage.shell(f"echo {shlex.quote(DELIVERED)} >metrics/delivery.prom")
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
    told = stage.asked("sum by (environment) (release_deployments)")
    row.expect(told == {"production": 1.0}, f"of what was left in metrics it sees {told}")
    now = stage.answers()
    row.expect(now == "affordable", f"{now} answers")
    row.happened = f"{sum(seen.values()):.0f} targets answer; {now} answers, budgets left: {left}"
    statements = STATEMENT.findall(RUNBOOK.read_text(encoding="utf-8"))
    row.expect(statements, "the runbook asks nothing of the database")
    for statement in statements:
        asked = shlex.quote(statement)
        stage.shell(f"echo {asked} | docker compose exec -T postgresql sh -c {shlex.quote(PSQL)}")
