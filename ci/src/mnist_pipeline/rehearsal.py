"""The stage that looks at deploying: its files and its code, and a rehearsal on a throw-away host.

On such a host deploying is also measured beside others' ways.

Contract: the images are those that every stage uses; the host has a real SSH server and a real
Docker. Does not know what is rehearsed, or how it is judged.
"""

from collections.abc import Collection
from pathlib import Path

import dagger
from dagger import dag

from mnist_pipeline import deploy
from mnist_pipeline.app import image
from mnist_pipeline.containers import go, python, with_python_packages
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session, joined
from mnist_pipeline.gates import junit
from mnist_pipeline.gates.migrations import judge as judge_migrations
from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.rehearsal import judge
from mnist_pipeline.load import kamal_proxy, vegeta
from mnist_pipeline.unsigned import unsigned

LIMIT_SECONDS = 3000
KEYS = "/keys"
BENCH = "/tmp/deploy"  # noqa: S108  of the container, which ends with the run
BENCH_SECONDS = 1500
MIGRATIONS = "apps/backend/src/mnist_backend/migrations/versions"
TOOLS = ("docker-cli", "docker-compose", "haproxy", "openssl", "kubectl")
SHORT, WHOLE = "short", "whole"
APISERVER = "k8s.io/kubernetes/cmd/kube-apiserver"


async def deployment(session: Session) -> Outcome:
    """Deployment: what is written down, and what comes of it on a host, in the short form."""
    parts = {
        "files": files(session),
        "migrations": migrations(session),
        "rehearsal": rehearsed(session, "production", SHORT),
    }
    return await joined(parts)


async def migrations(session: Session) -> Outcome:
    """That each migration only expands: while a release is tried, two of them share a database."""
    paths = session.paths(f"{MIGRATIONS}/*.py")
    sources = {Path(path).name: session.text(path) for path in paths}
    return Outcome(judge_migrations(sources), session.folder(MIGRATIONS))


async def whole(session: Session, environment: str = "production") -> Outcome:
    """Rehearsal: every scenario on hosts that have nothing yet, and the manifests at a real API."""
    parts = {
        "hosts": rehearsed(session, environment, WHOLE),
        "unsigned": unsigned(session),
        "cluster": cluster(session),
    }
    return await joined(parts)


async def cluster(session: Session) -> Outcome:
    """What the server of Kubernetes' API, compiled from Go modules, says of the manifests."""
    modules = session.folder("ci/apiserver")
    program = go.compiled(modules, APISERVER)
    locks = session.file("requirements.lock"), session.file("deploy/tests/requirements.lock")
    container = (
        with_python_packages(python("etcd-server", "kubectl", "openssl"), *locks)
        .with_file("/usr/local/bin/kube-apiserver", program, permissions=0o755)
        .with_directory("/k8s", session.folder("deploy/k8s"))
        .with_directory("/tests/cluster", session.folder("tests/cluster"))
        .with_file("/tests/pytest.ini", session.file("tests/pytest.ini"))
        .with_env_variable("PYTHONPATH", "/tests/cluster")
        .with_workdir("/tests")
    )
    recorder = await Recorder.around(session, container)
    pytest = ["pytest", "cluster", f"--junitxml={REPORTS}/junit.xml"]
    answers = await recorder.run("pytest", pytest).answers()
    xml, log = answers.text("junit.xml"), answers.log("pytest")
    return answers.judged(junit.judge(xml, answers.exit_code("pytest"), log, may_skip=False))


async def files(session: Session) -> Outcome:
    """The deployer's tests, and those of its files by Compose, HAProxy, kubectl and a linter."""
    locks = session.file("requirements.lock"), session.file("deploy/tests/requirements.lock")
    tree = session.folder(include=["pyproject.toml", "deploy"])
    tools = with_python_packages(python(*TOOLS), *locks).with_env_variable("HOME", "/tmp")  # noqa: S108
    container = tools.with_mounted_directory("/src", tree).with_workdir("/src")
    recorder = await Recorder.around(session, container)
    pytest = ["pytest", "deploy/tests", f"--junitxml={REPORTS}/junit.xml"]
    answers = await recorder.run("pytest", pytest).answers()
    xml, log = answers.text("junit.xml"), answers.log("pytest")
    return answers.judged(junit.judge(xml, answers.exit_code("pytest"), log, may_skip=False))


async def table(outcome: Outcome) -> str:
    """What was promised and what happened, for people."""
    if "hosts/rehearsal.md" in await outcome.files.glob("hosts/*.md"):
        return await outcome.files.file("hosts/rehearsal.md").contents()
    return "nothing was rehearsed"


def operator(
    session: Session, hosts: Collection[str], images: dagger.Directory, *, empty: bool
) -> dagger.Container:
    """An operator's container: the deployer, images, a load generator, and hosts of its own."""
    keys = deploy.throwaway_keys()
    container = (
        image(session, "deployer")
        .with_user("root")
        .without_file("/usr/sbin/update-ca-certificates")  # which the engine would run each time
        .with_entrypoint([])
        .with_directory(REPORTS, dag.directory())
        .with_file("/usr/local/bin/vegeta", vegeta(session), permissions=0o755)
        .with_mounted_directory(deploy.ARCHIVES, images)
        .with_mounted_directory(KEYS, keys)
        .with_directory("/tests/rehearsal", session.folder("tests/rehearsal"))
        .with_file("/tests/runbook.md", session.file("monitoring/runbook.md"))
        .with_workdir("/tests")
    )
    for name in hosts:
        host = deploy.throwaway_host(keys, name, empty=empty)
        container = container.with_service_binding(name, host)
    return container


async def bench(session: Session) -> dagger.Directory:
    """Measures deploying beside others' ways; the page and the figures.

    Where the program of one of them cannot be had, the page says so by its name.
    """
    images = deploy.archives(session, deploy.SERVICE)
    container = operator(session, deploy.HOSTS[:1], images, empty=False).with_directory(
        "/tests/load/deploy", session.folder("tests/load/deploy")
    )
    command = ["timeout", str(BENCH_SECONDS), "python3", "-m", "load.deploy", "--output", BENCH]
    command += ["--archives", deploy.ARCHIVES, "--keys", KEYS]
    proxy = kamal_proxy(session)
    try:
        container = container.with_file("/usr/local/bin/kamal-proxy", await proxy.sync())
        command += ["--kamal-proxy", "/usr/local/bin/kamal-proxy"]
    except dagger.ExecError as error:
        command += ["--without-kamal-proxy", last_line(error.stderr)]
    fresh = container.with_env_variable("PIPELINE_FRESH", str(session.started))
    return fresh.with_exec(command).directory(BENCH)


async def rehearsed(session: Session, environment: str, form: str) -> Outcome:
    """Rehearses on a host of its own, and judges what it came to."""
    command = ["python3", "-m", "rehearsal", "--environment", environment, "--form", form]
    command += ["--archives", deploy.ARCHIVES, "--keys", KEYS, "--reports", REPORTS]
    every = form == WHOLE
    hosts = deploy.HOSTS if every else deploy.HOSTS[:1]
    parts = (*deploy.SERVICE, *(deploy.WATCHING if every else ()))
    images = deploy.archives(session, parts, packed=False)
    container = operator(session, hosts, images, empty=every)
    recorder = await Recorder.around(session, container)
    answers = await recorder.run("rehearsal", command, LIMIT_SECONDS).answers()
    code, log = answers.exit_code("rehearsal"), answers.log("rehearsal")
    return answers.judged(judge(answers.text("rehearsal.json"), code, log))
