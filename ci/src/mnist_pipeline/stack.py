"""The running stack, and the stages that look at it from outside, through a browser.

Contract: services are the images as built; a stage waits, bounded, until they answer, and says what
they answered last and logged where they do not. Does not know what the tests look for.
"""

from pathlib import Path

import dagger
from dagger import dag

from mnist_pipeline.app import image
from mnist_pipeline.containers import apart, browser, proxy
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
# Arguments: name, command. The log goes to the engine and to a file; the end leaves a mark.
LOGGED = """\
name=$1; shift
rm -f "/service-logs/$name.exit"
pipe=$(mktemp -u); mkfifo "$pipe"
tee "/service-logs/$name.log" <"$pipe" &
"$@" >"$pipe" 2>&1 &
child=$!
trap 'kill -TERM "$child"' TERM INT
wait "$child"; code=$?
echo "$code" >"/service-logs/$name.exit"
exit "$code"
"""
PROXY = """\
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
"""


async def logged(source: dagger.Directory, name: str) -> dagger.Container:
    """An image that runs its own command and keeps what that prints where tests can read it."""
    container = await image(source, name)
    command = [*await container.entrypoint(), *await container.default_args()]
    return (
        with_logs(container)
        .with_exposed_port(PORTS[name], experimental_skip_healthcheck=True)
        .with_entrypoint([])
        .with_default_args(["sh", "-c", LOGGED, "logged", name, *command])
    )


def with_logs(container: dagger.Container) -> dagger.Container:
    """A container that shares the folder of logs; the owner is part of which folder it is."""
    return container.with_mounted_cache(LOGS, dag.cache_volume("service-logs"), owner="10001:10001")


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


async def up(source: dagger.Directory) -> dagger.Service:
    """The stack for people: one service with every port."""
    images = {name: await image(source, name) for name in PORTS}
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
        answers = await (await tests(session, folder)).answers("junit.xml")
    except dagger.ExecError as error:
        last = last_line(error.stdout)
        if not last.startswith(NOT_READY):
            raise
        files = dag.directory().with_new_file("log.txt", error.stdout)
        return Outcome(red(last), files, frozenset({"ran"}))
    xml, log = answers.texts["junit.xml"], answers.log("pytest")
    verdicts = {"tests": junit.judge(xml, answers.exit_code("pytest"), log, may_skip=False)}
    if folder == "a11y":
        names = [name for name in await answers.files.glob("**/*.json") if "record" not in name]
        results = {name: await answers.files.file(name).contents() for name in names}
        verdicts["axe"] = axe.judge(results)
    return answers.judged(combined(verdicts))


async def tests(session: Session, folder: str) -> Recorder:
    """The browser container, bound to the stack, with the tests and what waits for the stack."""
    waiting = Path(__file__).with_name("readiness.py").read_text()
    container = (
        with_logs(browser(await session.text("tests/requirements.lock")))
        .with_new_file("/readiness.py", waiting)
        .with_directory("/tests", await apart(session.source, "tests", UNRELATED_TESTS))
        .with_env_variable("REPORTS_DIR", REPORTS)
        .with_workdir("/tests")
    )
    images = {name: await logged(session.source, name) for name in PORTS}
    addresses = [f"{name}={url}" for name, url in READY.items()]
    wait = ["python3", "/readiness.py", str(READY_LIMIT_SECONDS), *addresses, "--"]
    pytest = ["pytest", f"/tests/{folder}", f"--junitxml={REPORTS}/junit.xml"]
    return (
        Recorder.around(session, bound(images, container), *images.values())
        .run("pytest", [*wait, *pytest], TESTS_LIMIT_SECONDS)
        .run("logs", ["cp", "-r", LOGS, f"{REPORTS}/services"])
    )
