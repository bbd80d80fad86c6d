"""The stage that holds the served backend to its document: its promises, and ill will.

Contract: the service is the image as it is served, with authentication on, keys that its own
command made, and a PostgreSQL; it and its logs are this stage's alone. The keys reach the tests as
files and nothing else. Does not know what the tests ask.
"""

import dagger
from dagger import dag

from mnist_pipeline.app import OWNER, image
from mnist_pipeline.containers import POSTGRESQL_URL, postgresql, python_tools
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session
from mnist_pipeline.gates import junit
from mnist_pipeline.gates.verdicts import combined
from mnist_pipeline.services import (
    KEEP_LOGS,
    logged,
    once_ready,
    with_logs,
    with_readiness,
)

STAGE = "contract"
VOLUME = "service-logs-contract"
KEYS = "/keys"
SCOPES = {
    "first": "predict,feedback",
    "second": "predict,feedback",
    "admin": "predict,feedback,admin",
}
MAKE = (
    'python -m mnist_backend.keys make --file "$0/keys.json" --days 3650 '
    '--name "$1" --scopes "$2" >"$0/$1.key"'
)
SETTINGS = {
    "MNIST_AUTH": "on",
    "MNIST_KEYS_FILE": f"{KEYS}/keys.json",
    "MNIST_DATABASE_URL": POSTGRESQL_URL,
    "MNIST_RATE_LIMIT": "10000000/minute",
    "MNIST_ACCESS_LOG": "all",  # what may hold a key, if anything does
    "MNIST_BODY_SECONDS": "3",
}
READY = {
    "backend": "http://backend:8000/ready",
    "prometheus": "http://prometheus:9090/-/ready",
}
TESTS = ("contract", "conftest.py", "pytest.ini")
TRACES = "/tests/contract/test_traces.py"
LIMIT_SECONDS = 1200


async def contract(session: Session) -> Outcome:
    """Contract: every answer is as documented, whatever is asked, and however."""
    answers = await (await tests(session)).answers()
    verdicts = {
        name: junit.judge(
            answers.text(f"{name}.xml"), answers.exit_code(name), answers.log(name), may_skip=False
        )
        for name in ("tests", "traces")
    }
    return answers.judged(combined(verdicts))


def keys(served: dagger.Container) -> dagger.Directory:
    """A file of keys as the image's own command makes it, and each key in a file beside it."""
    making = served.with_mounted_directory(KEYS, dag.directory(), owner=OWNER)
    for name, scopes in SCOPES.items():
        making = making.with_exec(["sh", "-c", MAKE, KEYS, name, scopes])
    return making.directory(KEYS)


async def backend(session: Session, made: dagger.Directory) -> dagger.Service:
    """The backend as it is served, with a database that nobody else uses."""
    database = postgresql().with_env_variable("PIPELINE_STAGE", STAGE).as_service()
    served = await logged(image(session, "backend"), "backend", 8000, VOLUME)
    file = made.filter(include=["keys.json"])
    served = served.with_mounted_directory(KEYS, file, owner=OWNER)
    for name, value in SETTINGS.items():
        served = served.with_env_variable(name, value)
    return served.with_service_binding("postgresql", database).as_service(use_entrypoint=True)


async def tests(session: Session) -> Recorder:
    """The tests beside their tools, bound to the backend, its database, and a Prometheus."""
    made = keys(image(session, "backend"))
    service = await backend(session, made)
    database = postgresql().with_env_variable("PIPELINE_STAGE", STAGE).as_service()
    prometheus = await logged(image(session, "prometheus"), "prometheus", 9090, VOLUME)
    watching = prometheus.with_service_binding("backend", service).as_service(use_entrypoint=True)
    tools = python_tools(session.file("tests/contract/requirements.lock"))
    container = (
        with_readiness(with_logs(tools, VOLUME))
        .with_mounted_directory("/tests", session.folder("tests", include=TESTS))
        .with_mounted_directory(KEYS, made.filter(include=["*.key"]))
        .with_env_variable("REPORTS_DIR", REPORTS)
        .with_workdir("/tests")
        .with_service_binding("postgresql", database)
        .with_service_binding("backend", service)
        .with_service_binding("prometheus", watching)
    )
    recorder = await Recorder.around(session, container)
    pytest = ("pytest", "/tests/contract", f"--ignore={TRACES}", f"--junitxml={REPORTS}/tests.xml")
    traces = ("pytest", TRACES, f"--junitxml={REPORTS}/traces.xml")
    return (
        recorder.run("tests", once_ready(READY, *pytest), LIMIT_SECONDS)
        .keep("logs", KEEP_LOGS)
        .run("traces", traces)
    )
