"""The running stack, and the stages that look at it from outside, through a browser.

Contract: services are the images as built; a stage waits, bounded, until they answer, and says what
they answered last and logged where they do not. Does not know what the tests look for.
"""

from pathlib import Path

import dagger
from dagger import dag

from mnist_pipeline.app import image
from mnist_pipeline.containers import browser, proxy
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session
from mnist_pipeline.gates import axe, junit
from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import combined, red
from mnist_pipeline.readiness import NOT_READY

PORTS = {"backend": 8000, "frontend": 8501, "prometheus": 9090}
READY = {
    "backend": "http://backend:8000/ready",
    "frontend": "http://frontend:8501/_stcore/health",
    "prometheus": "http://prometheus:9090/-/ready",
}
READY_LIMIT_SECONDS = 90
TESTS_LIMIT_SECONDS = 600
LOGS = "/service-logs"
UNRELATED_TESTS = {"test_layout.py", "layout", "load", "faults", "contract"}
LOGGED = "/usr/local/lib/logged.sh"
PROXY = """\
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
"""


def beside(name: str) -> str:
    """A program of this module that runs in another container."""
    return Path(__file__).with_name(name).read_text()


async def logged(session: Session, name: str) -> dagger.Container:
    """An image that runs its own command and keeps what that prints where tests can read it."""
    container = await image(session, name).sync()
    command = [*await container.entrypoint(), *await container.default_args()]
    return (
        with_logs(container)
        .with_exposed_port(PORTS[name], experimental_skip_healthcheck=True)
        .with_new_file(LOGGED, beside("logged.sh"))
        .with_entrypoint([])
        .with_default_args(["sh", LOGGED, LOGS, name, *command])
    )


def with_logs(container: dagger.Container) -> dagger.Container:
    """A container that shares the folder of logs; what waits for the services opens it to them.

    No owner is given: the engine would lay the folder in layers, which only one container can use.
    """
    return container.with_mounted_cache(LOGS, dag.cache_volume("service-logs"))


def bound(images: dict[str, dagger.Container], container: dagger.Container) -> dagger.Container:
    """A container that reaches the stack by name: the same objects each time, so started once."""
    backend = images["backend"].as_service(use_entrypoint=True)
    for name, image_of in images.items():
        service = backend
        if name != "backend":
            beside = image_of.with_service_binding("backend", backend)
            service = beside.as_service(use_entrypoint=True)
        container = container.with_service_binding(name, service)
    return container


def up(session: Session) -> dagger.Service:
    """The stack for people: one service with every port."""
    images = {name: image(session, name) for name in PORTS}
    container = bound(
        images, proxy(PROXY + "".join(forwarding(name, port) for name, port in PORTS.items()))
    )
    for port in PORTS.values():
        container = container.with_exposed_port(port)
    return container.as_service(args=["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"])


def forwarding(name: str, port: int) -> str:
    """One port of the proxy."""
    return f"listen {name}\n    bind :{port}\n    server {name} {name}:{port}\n"


async def accessibility(session: Session) -> Outcome:
    """Accessibility: axe-core in a real browser on the real page."""
    return await browsed(session, "a11y")


async def end_to_end(session: Session) -> Outcome:
    """End to end: a browser draws digits, reads predictions, and finds them counted."""
    return await browsed(session, "e2e")


async def browsed(session: Session, folder: str) -> Outcome:
    """Runs one folder of tests in the browser container against the stack."""
    try:
        answers = await (await tests(session, folder)).answers()
    except dagger.ExecError as error:
        last = last_line(error.stdout)
        if not last.startswith(NOT_READY):
            raise
        files = dag.directory().with_new_file("log.txt", error.stdout)
        return Outcome(red(last), files, frozenset({"ran"}))
    xml, log = answers.text("junit.xml"), answers.log("pytest")
    verdicts = {"tests": junit.judge(xml, answers.exit_code("pytest"), log, may_skip=False)}
    if folder == "a11y":
        verdicts["axe"] = axe.judge(answers.texts("axe*.json"))
    return answers.judged(combined(verdicts))


async def tests(session: Session, folder: str) -> Recorder:
    """The browser container, bound to the stack, with the tests and what waits for the stack."""
    container = (
        with_logs(browser(session.file("tests/requirements.lock")))
        .with_new_file("/readiness.py", beside("readiness.py"))
        .with_directory("/tests", session.folder("tests", exclude=UNRELATED_TESTS))
        .with_env_variable("REPORTS_DIR", REPORTS)
        .with_workdir("/tests")
    )
    images = {name: await logged(session, name) for name in PORTS}
    addresses = [f"{name}={url}" for name, url in READY.items()]
    wait = ["python3", "/readiness.py", str(READY_LIMIT_SECONDS), *addresses, "--"]
    pytest = ["pytest", f"/tests/{folder}", f"--junitxml={REPORTS}/junit.xml"]
    recorder = await Recorder.around(session, bound(images, container))
    return recorder.run("pytest", [*wait, *pytest], TESTS_LIMIT_SECONDS).run(
        "logs", ["cp", "-r", LOGS, f"{REPORTS}/services"]
    )
