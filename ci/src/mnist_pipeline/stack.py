"""The running stack, for stages that look at it, for people, and for measuring.

Contract: services are the images as built, and the same for everybody who looks. Does not know how
a service is waited for, or what is looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import dagger

from mnist_pipeline.app import OWNER, image
from mnist_pipeline.containers import POSTGRESQL_URL, browser, postgresql, proxy
from mnist_pipeline.containers.session import Session

PORTS = {
    "backend": 8000,
    "frontend": 8501,
    "probe": 9115,
    "alertmanager": 9093,
    "prometheus": 9090,
}
HAPROXY = ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]
NOBODY = "http://127.0.0.1:9"
PAGES = {  # more pages, and what differs from the one that is served
    "alone": {"MNIST_BACKEND_URL": NOBODY},
    "locked": {"MNIST_BACKEND_URL": "http://guarded:8000"},
    "page-1": {"REPLICA": "1"},
    "page-2": {"REPLICA": "2"},
}
EDGE = """\
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend edge
    bind :8080
    default_backend pages
backend pages
    balance roundrobin
    cookie REPLICA insert indirect nocache httponly
    server page-1 page-1:8501 cookie page-1
    server page-2 page-2:8501 cookie page-2
"""
READ_ONLY = (  # privileges only as long as it takes to give them up
    "export HOME=/home/page && mount -o remount,bind,ro / && mount -t tmpfs tmpfs /tmp && "
    "! touch /app/probe && "
    'exec setpriv --reuid "$0" --regid "$0" --clear-groups --no-new-privs '
    '--bounding-set -all --inh-caps -all -- "$@"'
)
OPEN = {8000: "backend:8000", 8501: "frontend:8501", 9090: "prometheus:9090"} | {
    9093: "alertmanager:9093",
    9100: "backend:9100",
    15432: "postgresql:5432",  # on a port that no server of the machine's own holds
}
KEYS_FILE = "/keys/keys.json"
GRAFANA_PORT = 3000
GRAFANA_PASSWORD = "/run/secrets/grafana_password"  # noqa: S105  where it stands
STARTS, WAITS = "/tmp/starts.json", "/tmp/page"  # noqa: S108  of containers
BENCH_TESTS = ("*.py", "load/*.py", "load/page/*.*", "load/serving/*.py")
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
    backend = served(
        images["backend"].with_env_variable("MNIST_DATABASE_URL", POSTGRESQL_URL),
        {"postgresql": database},
    )
    frontend = served(images["frontend"], {"backend": backend})
    parts = {
        "backend": backend,
        "frontend": frontend,
        "probe": served(images["probe"], {"backend": backend}),
        "alertmanager": served(images["alertmanager"], {}),
    }
    parts["prometheus"] = served(images["prometheus"], parts)
    if "grafana" in images:
        parts["grafana"] = served(images["grafana"], {"prometheus": parts["prometheus"]})
    if "guarded" in images:
        beside = {"backend": backend, "guarded": served(images["guarded"], {})}
        pages = {name: served(images[name], beside) for name in PAGES if name != "page-2"}
        pages["page-2"] = served(read_only(images["page-2"]), beside, privileged=True)
        edge = proxy(EDGE).with_default_args(HAPROXY).with_exposed_port(8080)
        parts |= pages | {"edge": served(edge, pages)}
    for name, service in {"postgresql": database, **parts}.items():
        container = container.with_service_binding(name, service)
    return container


def read_only(container: dagger.Container) -> dagger.Container:
    """A service's container whose root file system cannot be written to."""
    entrypoint = ["sh", "-c", READ_ONLY, OWNER.partition(":")[0]]
    return container.with_user("root").with_entrypoint(entrypoint, keep_default_args=True)


def served(
    container: dagger.Container, beside: Mapping[str, dagger.Service], *, privileged: bool = False
) -> dagger.Service:
    """A container as a service that reaches others by name."""
    for name, service in beside.items():
        container = container.with_service_binding(name, service)
    return container.as_service(use_entrypoint=True, insecure_root_capabilities=privileged)


@dataclass(frozen=True)
class Grants:
    """What the caller brings along: keys, secrets, and a Grafana with the password for it."""

    keys: dagger.File | None = None
    page_key: dagger.Secret | None = None
    grafana: dagger.Container | None = None
    grafana_password: dagger.Secret | None = None


class PasswordMissingError(ValueError):
    """Grafana was asked for, but no password for it was given."""


def dashboards(session: Session, grants: Grants) -> dagger.Container | None:
    """The caller's Grafana with this project's source, dashboards and settings, if there is one.

    Raises:
        PasswordMissingError: there is one, but no password.
    """
    if grants.grafana is None:
        return None
    if grants.grafana_password is None:
        message = (
            "--grafana needs --grafana-password, such as env://GRAFANA_PASSWORD: none is made up"
        )
        raise PasswordMissingError(message)
    folder = session.folder("monitoring/grafana")
    return (
        grants.grafana.with_directory(
            "/etc/grafana", folder, include=["provisioning", "dashboards"]
        )
        .with_file("/etc/grafana/grafana.ini", folder.file("grafana.ini"), permissions=0o444)
        .with_mounted_secret(GRAFANA_PASSWORD, grants.grafana_password, mode=0o444)
        .with_exposed_port(GRAFANA_PORT)
    )


def up(session: Session, grants: Grants) -> dagger.Service:
    """The stack for people: one service with every port."""
    images = {name: image(session, name) for name in PORTS}
    grafana, places = dashboards(session, grants), dict(OPEN)
    if grafana:
        images["grafana"] = grafana
        places[GRAFANA_PORT] = f"grafana:{GRAFANA_PORT}"
    if grants.keys:
        asking = images["backend"].with_env_variable("MNIST_AUTH", "on")
        asking = asking.with_env_variable("MNIST_KEYS_FILE", KEYS_FILE)
        images["backend"] = asking.with_file(KEYS_FILE, grants.keys, permissions=0o444)
    if grants.page_key:
        page = images["frontend"].with_secret_variable("MNIST_API_KEY", grants.page_key)
        images["frontend"] = page
    forwarded = "".join(forwarding(port, place) for port, place in places.items())
    container = bound(images, proxy(PROXY + forwarded))
    for port in places:
        container = container.with_exposed_port(port)
    return container.as_service(args=HAPROXY)


def forwarding(port: int, place: str) -> str:
    """One port of the proxy."""
    return f"listen port-{port}\n    bind :{port}\n    server only {place}\n"


async def bench(session: Session) -> dagger.Directory:
    """Measures how long visitors wait for the page; the page of results and its figures."""
    tools = browser(session.file("tests/requirements.lock"))
    images = {name: image(session, name) for name in PORTS}
    exposed = {name: images[name].with_exposed_port(port) for name, port in PORTS.items()}
    page, anew = images["frontend"], str(session.started)
    measured = (
        page.with_mounted_file("/start.py", session.file("tests/load/page/start.py"))
        .with_env_variable("PIPELINE_FRESH", anew)
        .with_exec(["python", "/start.py", STARTS, *await page.entrypoint()])
    )
    return (
        bound(exposed, tools)
        .with_directory("/tests", session.folder("tests", include=BENCH_TESTS))
        .with_workdir("/tests")
        .with_file(STARTS, measured.file(STARTS))
        .with_env_variable("PIPELINE_FRESH", anew)
        .with_exec(["python", "-m", "load.page", "--output", WAITS, "--starts", STARTS])
        .directory(WAITS)
    )
