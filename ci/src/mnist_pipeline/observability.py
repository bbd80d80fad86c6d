"""The stage that rehearses a bad day, and looks whether those who watch would have noticed.

Contract: everything is the image as built: two replicas behind an edge, the page, PostgreSQL,
Prometheus, Alertmanager, the probe and exporters. Rules and routes are the shipped ones with every
span divided by FACTOR. What may be turned off asks the receiver whether it is on. Does not know
what happens in the rehearsal or what must fire.
"""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import dagger

from mnist_pipeline.app import OWNER, image
from mnist_pipeline.containers import (
    POSTGRESQL_PORT,
    POSTGRESQL_URL,
    postgresql,
    proxy,
    python,
    python_tools,
)
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session, all_of
from mnist_pipeline.gates import junit, verdicts
from mnist_pipeline.gates import ledger as ledgers
from mnist_pipeline.gates.ledger import Entry
from mnist_pipeline.services import (
    KEEP_LOGS,
    beside,
    command,
    logged,
    once_ready,
    with_logs,
    with_readiness,
)

FACTOR = 60
FOLDER = "tests/observability"
LOCK = "monitoring/requirements.lock"
VOLUME = "service-logs-observability"
RECEIVER, RECEIVER_PORT = "receiver", 8080
SWITCHED = "/usr/local/lib/switched.sh"
PROMETHEUS, ALERTMANAGER = "/etc/prometheus", "/etc/alertmanager"
ADDRESSES = {  # by the file of its secret
    "slack_pages_url": "slack/pages",
    "slack_tickets_url": "slack/tickets",
    "slack_staging_url": "slack/staging",
    "teams_url": "teams",
    "watchdog_url": "watchdog",
}
READY = {
    "edge": "http://edge:8000/ready",
    "backend-1": "http://backend-1:8000/ready",
    "backend-2": "http://backend-2:8000/ready",
    "frontend": "http://frontend:8501/_stcore/health",
    "alertmanager": "http://alertmanager:9093/-/ready",
    "probe": "http://probe:9115/-/healthy",
    "node-exporter": "http://node-exporter:9100/metrics",
    "postgres-exporter": "http://postgres-exporter:9187/metrics",
    "process-exporter": "http://process-exporter:9256/metrics",
    RECEIVER: f"http://{RECEIVER}:{RECEIVER_PORT}/received",
}
EXAMPLE = [  # of what a pipeline leaves for the exporter, for its panels
    verdicts.StageResult("unit", verdicts.green(tests=700), 74.2, "ran"),
    verdicts.StageResult("scan", verdicts.red("an example of a red stage"), 31.0, "ran"),
]
RELEASED, HOUR = datetime(2026, 11, 2, 9, tzinfo=UTC), timedelta(hours=1)
LEDGER = [  # and of what releases leave: one, the incident that followed, and the next one
    Entry("promote", "production", RELEASED, committed=RELEASED - 5 * HOUR),
    Entry("incident", "production", RELEASED + HOUR),
    Entry("promote", "production", RELEASED + 2 * HOUR, committed=RELEASED + HOUR),
]
TEXTFILES = "/var/lib/prometheus/node-exporter"
LIMIT_SECONDS = 1800

Services = dict[str, dagger.Service]


async def observability(session: Session) -> Outcome:
    """Observability: each fault of a rehearsed day is seen, drawn and told, and nothing else is."""
    answers = await (await tests(session)).answers()
    xml, log = answers.text("junit.xml"), answers.log("pytest")
    return answers.judged(junit.judge(xml, answers.exit_code("pytest"), log, may_skip=False))


def compressed(session: Session) -> dagger.Directory:
    """The rules and routes in which time runs faster."""
    return (
        python_tools(session.file(LOCK))
        .with_mounted_directory("/src/monitoring", session.folder("monitoring"))
        .with_workdir("/src")
        .with_exec(["python", "-m", "monitoring", "compress", str(FACTOR), "/compressed"])
        .directory("/compressed")
    )


def bound(container: dagger.Container, services: Services) -> dagger.Container:
    """A container that reaches services by name."""
    for name, service in services.items():
        container = container.with_service_binding(name, service)
    return container


async def served(
    container: dagger.Container, name: str, port: int, *, switch: bool = False
) -> dagger.Service:
    """A container as a service whose log is kept, and that may be turned off."""
    if switch:
        container = await switched(container, name)
    return (await logged(container, name, port, VOLUME)).as_service(use_entrypoint=True)


async def switched(container: dagger.Container, name: str) -> dagger.Container:
    """A container whose program runs while its switch is on."""
    switch = ["bash", SWITCHED, RECEIVER, str(RECEIVER_PORT), name]
    return (
        container.with_new_file(SWITCHED, beside("switched.sh"))
        .with_entrypoint([])
        .with_default_args([*switch, *await command(container)])
    )


async def replicas(session: Session, services: Services) -> Services:
    """Two replicas of the backend, each with a challenger in the shadow."""
    parts = {}
    for name in ("backend-1", "backend-2"):
        container = bound(image(session, "backend"), services)
        container = (
            container.with_env_variable("MNIST_DATABASE_URL", POSTGRESQL_URL)
            .with_env_variable("MNIST_CHALLENGER_SHADOW", "true")
            .with_env_variable("REPLICA", name)  # two containers that are alike would be one
        )
        parts[name] = served(container, name, 8000, switch=True)
    return await all_of(parts)


async def machine(session: Session) -> dagger.Service:
    """What tells of the machine, as it is shipped, and of what a pipeline and releases left."""
    path = f"{TEXTFILES}/pipeline.prom"
    figures = ledgers.prometheus(LEDGER, RELEASED + 3 * HOUR)
    node = (
        image(session, "node-exporter")
        .with_new_file(path, verdicts.metrics(EXAMPLE, 0), owner=OWNER)
        .with_new_file(f"{TEXTFILES}/delivery.prom", figures)
    )
    now = f'sed "s/^\\(pipeline_started_timestamp_seconds\\) 0$/\\1 $(date +%s)/" {path}'
    begin = f'text=$({now}); echo "$text" >{path}; exec "$@"'
    words = ["sh", "-ec", begin, "sh", *await command(node)]
    return await served(node.with_entrypoint([]).with_default_args(words), "node-exporter", 9100)


def exporters(session: Session, services: Services) -> dict[str, Awaitable[dagger.Service]]:
    """What tells of the machine and its programs, and of the database."""
    postgres = bound(image(session, "postgres-exporter"), services)
    postgres = postgres.with_env_variable("DATA_SOURCE_NAME", f"{POSTGRESQL_URL}?sslmode=disable")
    processes = image(session, "process-exporter").with_default_args(["-procfs=/proc"])
    return {
        "node-exporter": machine(session),
        "postgres-exporter": served(postgres, "postgres-exporter", 9187),
        "process-exporter": served(processes, "process-exporter", 9256),
    }


async def watchers(session: Session, seen: Services, receiver: Services) -> Services:
    """Alertmanager, and Prometheus, which begins when the rehearsal turns it on."""
    faster = compressed(session)
    routes = image(session, "alertmanager").with_file(
        f"{ALERTMANAGER}/alertmanager.yml", faster.file("alertmanager.yml")
    )
    for secret, path in ADDRESSES.items():
        address = f"http://{RECEIVER}:{RECEIVER_PORT}/{path}"
        routes = routes.with_new_file(f"/run/secrets/{secret}", address)
    alertmanager = await served(bound(routes, receiver), "alertmanager", 9093)
    configured = (
        image(session, "prometheus")
        .with_directory(f"{PROMETHEUS}/rules", faster.directory("rules"))
        .with_file(f"{PROMETHEUS}/dev.yml", session.file(f"{FOLDER}/prometheus.yml"))
    )
    seen = {**seen, **receiver, "alertmanager": alertmanager}
    configured = configured.with_default_args(
        ["--config.file=/etc/prometheus/dev.yml", "--web.enable-admin-api"]  # to measure its blocks
    )
    prometheus = served(bound(configured, seen), "prometheus", 9090, switch=True)
    return {**seen, "prometheus": await prometheus}


async def everything(session: Session) -> Services:
    """Every service of the rehearsal, by name."""
    program = session.file(f"{FOLDER}/receiver.py")
    listening = python().with_file("/receiver.py", program)
    listening = listening.with_default_args(["python3", "/receiver.py"])
    receiver = {RECEIVER: await served(listening, RECEIVER, RECEIVER_PORT)}
    stored = bound(postgresql(), receiver)
    database = {"postgresql": await served(stored, "postgresql", POSTGRESQL_PORT, switch=True)}
    both = await replicas(session, {**receiver, **database})
    configuration = session.text(f"{FOLDER}/edge.cfg")
    forwarding = bound(proxy(configuration), both).with_default_args(
        ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
    )
    edge = {"edge": await served(forwarding, "edge", 8000)}
    page = image(session, "frontend").with_service_binding("backend", both["backend-1"])
    parts = {
        "frontend": served(page, "frontend", 8501),
        "probe": served(bound(image(session, "probe"), edge), "probe", 9115),
        **exporters(session, database),
    }
    return await watchers(session, {**both, **edge, **await all_of(parts)}, receiver)


async def tests(session: Session) -> Recorder:
    """The rehearsal beside its tools, bound to everything."""
    tools = with_readiness(with_logs(python_tools(session.file(LOCK)), VOLUME))
    container = (
        bound(tools, await everything(session))
        .with_mounted_directory("/tests/observability", session.folder(FOLDER, include=["*.py"]))
        .with_mounted_file("/tests/pytest.ini", session.file("tests/pytest.ini"))
        .with_mounted_directory("/monitoring", session.folder("monitoring"))
        .with_env_variable("REPORTS_DIR", REPORTS)
        .with_workdir("/tests")
    )
    recorder = await Recorder.around(session, container)
    pytest = ("pytest", "/tests/observability", f"--junitxml={REPORTS}/junit.xml")
    waiting = once_ready(READY, *pytest)
    return recorder.run("pytest", waiting, LIMIT_SECONDS).keep("logs", KEEP_LOGS)
