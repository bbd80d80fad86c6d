"""The running stack, and the stages that look at it from outside, through a browser.

Contract: services are the images as built, and the same for everybody who looks. Does not know how
a service is run and waited for, or what the tests look for.
"""

import dagger

from mnist_pipeline.app import image
from mnist_pipeline.containers import POSTGRESQL_URL, browser, postgresql, proxy
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session
from mnist_pipeline.gates import axe, junit
from mnist_pipeline.gates.verdicts import combined
from mnist_pipeline.services import (
    KEEP_LOGS,
    answered,
    logged,
    once_ready,
    with_logs,
    with_readiness,
)

PORTS = {"backend": 8000, "frontend": 8501, "prometheus": 9090}
READY = {
    "backend": "http://backend:8000/ready",
    "frontend": "http://frontend:8501/_stcore/health",
    "prometheus": "http://prometheus:9090/-/ready",
}
OPEN = {8000: "backend:8000", 8501: "frontend:8501", 9090: "prometheus:9090"} | {
    9100: "backend:9100",
    15432: "postgresql:5432",  # on a port that no server of the machine's own holds
}
KEYS_FILE = "/keys/keys.json"
TESTS_LIMIT_SECONDS = 600
VOLUME = "service-logs"
UNRELATED_TESTS = {"test_layout.py", "layout", "load", "faults", "contract"}
PROXY = """\
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
"""


def bound(images: dict[str, dagger.Container], container: dagger.Container) -> dagger.Container:
    """A container that reaches the stack by name: the same objects each time, so started once."""
    database = postgresql().as_service()
    container = container.with_service_binding("postgresql", database)
    backend = (
        images["backend"]
        .with_service_binding("postgresql", database)
        .with_env_variable("MNIST_DATABASE_URL", POSTGRESQL_URL)
        .as_service(use_entrypoint=True)
    )
    for name, image_of in images.items():
        service = backend
        if name != "backend":
            beside = image_of.with_service_binding("backend", backend)
            service = beside.as_service(use_entrypoint=True)
        container = container.with_service_binding(name, service)
    return container


def up(
    session: Session, keys: dagger.File | None, page_key: dagger.Secret | None
) -> dagger.Service:
    """The stack for people: one service with every port."""
    images = {name: image(session, name) for name in PORTS}
    if keys:
        asking = images["backend"].with_env_variable("MNIST_AUTH", "on")
        asking = asking.with_env_variable("MNIST_KEYS_FILE", KEYS_FILE)
        images["backend"] = asking.with_file(KEYS_FILE, keys, permissions=0o444)
    if page_key:
        images["frontend"] = images["frontend"].with_secret_variable("MNIST_API_KEY", page_key)
    forwarded = "".join(forwarding(port, place) for port, place in OPEN.items())
    container = bound(images, proxy(PROXY + forwarded))
    for port in OPEN:
        container = container.with_exposed_port(port)
    return container.as_service(args=["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"])


def forwarding(port: int, place: str) -> str:
    """One port of the proxy."""
    return f"listen port-{port}\n    bind :{port}\n    server only {place}\n"


async def accessibility(session: Session) -> Outcome:
    """Accessibility: axe-core in a real browser on the real page."""
    return await browsed(session, "a11y")


async def end_to_end(session: Session) -> Outcome:
    """End to end: a browser draws digits, reads predictions, and finds them counted."""
    return await browsed(session, "e2e")


async def browsed(session: Session, folder: str) -> Outcome:
    """Runs one folder of tests in the browser container against the stack."""
    answers = await answered(await tests(session, folder))
    if isinstance(answers, Outcome):
        return answers
    xml, log = answers.text("junit.xml"), answers.log("pytest")
    verdicts = {"tests": junit.judge(xml, answers.exit_code("pytest"), log, may_skip=False)}
    if folder == "a11y":
        verdicts["axe"] = axe.judge(answers.texts("axe*.json"))
    return answers.judged(combined(verdicts))


async def tests(session: Session, folder: str) -> Recorder:
    """The browser container, bound to the stack, with the tests and what waits for the stack."""
    container = (
        with_readiness(with_logs(browser(session.file("tests/requirements.lock")), VOLUME))
        .with_directory("/tests", session.folder("tests", exclude=UNRELATED_TESTS))
        .with_env_variable("REPORTS_DIR", REPORTS)
        .with_workdir("/tests")
    )
    images = {
        name: await logged(image(session, name), name, port, VOLUME) for name, port in PORTS.items()
    }
    pytest = ("pytest", f"/tests/{folder}", f"--junitxml={REPORTS}/junit.xml")
    recorder = await Recorder.around(session, bound(images, container))
    command = once_ready(READY, *pytest)
    return recorder.run("pytest", command, TESTS_LIMIT_SECONDS).run("logs", KEEP_LOGS)
