"""Tool containers: a base, its packages, its user; and the only names of images.

Contract: Python tools are locked by hash and Trivy by version; Debian's packages are those of the
release on the day of the build. A container is the same object for the same content, so the
engine's cache can answer for it. Does not know what runs in them.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

import anyio
import dagger
from dagger import dag

BASE = "debian:trixie-slim"
TRIVY = "aquasec/trivy:0.74.0"
PROMISES = "toolchain.promises"  # label of a base whose registry is still being filled
PROMISE_SECONDS = 1800  # compiling it takes minutes, beside other work many
PROMISE_POLL_SECONDS = 5
VERIFIED = ("install", "-q", "--no-deps", "--require-hashes")
INSTALLER = "/opt/uv"
INSTALLER_CACHE = "/var/cache/uv"
GATHERED = "/etc/ssl/certs/ca-certificates.crt"  # every authority that commands trust
UV = {
    "UV_CACHE_DIR": INSTALLER_CACHE,
    "UV_HTTP_RETRIES": "5",
    "SSL_CERT_FILE": GATHERED,
}
TOOLS = "/opt/tools"
POSTGRESQL_PORT = 5432
POSTGRESQL_URL = "postgresql://postgres@postgresql/mnist"  # where it is bound by that name
UPDATE = "apt-get update -qq"
INSTALL = "apt-get install -y -qq --no-install-recommends"
CHROMIUM_PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core", "fonts-liberation")

logger = logging.getLogger("mnist_pipeline")


class ScannerLateError(RuntimeError):
    """The image of the scanner was promised and did not come."""


def base() -> dagger.Container:
    """Debian, as every image of the project begins."""
    return dag.container().from_(BASE)


def debian(*packages: str) -> dagger.Container:
    """Debian with packages, and a folder for reports.

    All share what one layer knows of the mirror; where a file of that has gone from there, it is
    asked anew. Without the program that gathers authorities, which an engine with certificates of
    its own would run before and after every command: it then adds them to the gathered file itself.
    """
    return with_packages(listed(), *packages).with_directory("/reports", dag.directory())


def with_packages(container: dagger.Container, *packages: str) -> dagger.Container:
    """A container that was `listed`, with packages."""
    install = " ".join((INSTALL, *packages))
    without = "rm -f /usr/sbin/update-ca-certificates"
    script = f"{{ {install} || {{ {UPDATE} && {install}; }}; }} >/dev/null && {without}"
    return container.with_exec(["sh", "-c", script])


def listed() -> dagger.Container:
    """Debian that knows the mirror's packages, read once for all; it asks no questions."""
    read = 'Dir::Cache::srcpkgcache "srcpkgcache.bin";'
    prepare = f"rm -f /etc/apt/apt.conf.d/70debconf && {UPDATE}"
    return (
        base()
        .with_env_variable("DEBIAN_FRONTEND", "noninteractive")
        .with_new_file("/etc/apt/apt.conf.d/zz-read", read)
        .with_exec(["sh", "-c", prepare])
    )


def python(*packages: str) -> dagger.Container:
    """Debian with Python, and packages beside it: all share the layer that has it."""
    container = debian("python3", "ca-certificates")
    return with_packages(container, *packages) if packages else container


def installer() -> dagger.File:
    """What installs Python packages: uv, verified by its hash: a third of pip's work."""
    lock = Path(__file__).with_name("requirements.lock").read_text(encoding="utf-8")
    pip = 'python3 "$(echo /usr/share/python-wheels/pip-*.whl)/pip"'  # it runs as it is packed
    install = f"{pip} {' '.join(VERIFIED)} --target=/opt/uv -r /requirements.lock"
    return (
        with_packages(python(), "python3-pip-whl")
        .with_new_file("/requirements.lock", lock)
        .with_env_variable("PIP_RESUME_RETRIES", "5")  # of a download that broke off
        .with_exec(["sh", "-c", install])
        .file("/opt/uv/bin/uv")
    )


def with_python_packages(
    container: dagger.Container, *locks: dagger.File, compiled: bool = False
) -> dagger.Container:
    """A virtual environment with what the locks name, every file verified by its hash.

    A tool is not compiled ahead, for that is most of an installation's work: Python itself keeps
    what it has compiled where the tool is run.
    """
    environment = f"--python={TOOLS}/bin/python"
    ahead = "--compile-bytecode" if compiled else "--no-compile-bytecode"
    for name, value in UV.items():
        container = container.with_env_variable(name, value)
    container = (
        container.with_mounted_file(INSTALLER, installer())
        .with_mounted_cache(INSTALLER_CACHE, dag.cache_volume("uv"))
        .with_exec([INSTALLER, "venv", "-q", "--python=/usr/bin/python3", TOOLS])
    )
    for number, lock in enumerate(locks):
        path = f"{TOOLS}/requirements-{number}.lock"
        container = container.with_file(path, lock).with_exec(
            [INSTALLER, "pip", *VERIFIED, "--link-mode=copy", ahead, environment, "-r", path]
        )
    for name in UV:
        container = container.without_env_variable(name)
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    container = container.without_mount(INSTALLER).without_mount(INSTALLER_CACHE)
    return container.with_env_variable("PATH", f"{TOOLS}/bin:{path}")


def remembering(
    container: dagger.Container, variable: str, key: str, owner: str
) -> dagger.Container:
    """A container whose tool finds what it knew last time in the folder a variable names."""
    path, private = f"/var/cache/{key}", dagger.CacheSharingMode.PRIVATE
    return container.with_env_variable(variable, path).with_mounted_cache(
        path, dag.cache_volume(key), sharing=private, owner=owner
    )


def python_tools(*locks: dagger.File) -> dagger.Container:
    """Python with locked tools."""
    return with_python_packages(python(), *locks)


def browser(lock: dagger.File) -> dagger.Container:
    """Debian's Chromium without a window, fonts, and the locked Python tools that drive it."""
    return with_python_packages(python(*CHROMIUM_PACKAGES), lock)


def proxy(configuration: str) -> dagger.Container:
    """A proxy that forwards what its configuration says."""
    return debian("haproxy").with_new_file("/etc/haproxy/haproxy.cfg", configuration)


def postgresql() -> dagger.Container:
    """Debian's PostgreSQL with the empty database mnist, open to whatever is bound to it."""
    prepare = (
        "set -e; bin=$(echo /usr/lib/postgresql/*/bin); "
        "install -d -o postgres /var/lib/mnist; cd /var/lib/mnist; "
        'su postgres -c "$bin/initdb -D data --auth=trust --locale=C.UTF-8 --no-sync >/dev/null"; '
        "echo 'host all all all trust' >> data/pg_hba.conf; ln -s $bin /opt/postgresql"
    )
    serve = "/opt/postgresql/postgres -D data -c listen_addresses='*' -c fsync=off"
    start = (
        f"({serve} &) && until /opt/postgresql/pg_isready -q; do sleep 0.1; done && "
        "/opt/postgresql/createdb mnist && /opt/postgresql/pg_ctl stop -D data -m fast >/dev/null"
    )
    return (
        debian("postgresql")
        .with_exec(["sh", "-c", prepare])
        .with_user("postgres")
        .with_workdir("/var/lib/mnist")
        .with_exec(["sh", "-c", start])
        .with_exposed_port(POSTGRESQL_PORT)
        .with_default_args(["sh", "-c", f"exec {serve}"])
    )


async def trivy(meanwhile: Iterable[dagger.File] = ()) -> dagger.Container:
    """Debian with the pinned Trivy; waits where the base says that the image is still to come.

    The files that it will look at are made in the meantime.

    Raises:
        ScannerLateError: the image was promised and did not come.
    """
    image = dag.container().from_(TRIVY)
    async with anyio.create_task_group() as group:
        for file in meanwhile:
            group.start_soon(made, file)
        late = await awaited(image)  # raises only below: a group would wrap it
    if late:
        message = (
            f"{TRIVY} did not come within {PROMISE_SECONDS} s: `python3 -m toolchain status` says "
            "whether it is still being compiled; run the stage scan again when it is there"
        )
        raise ScannerLateError(message)
    return (
        base()
        .with_directory("/reports", dag.directory())
        .with_file("/usr/local/bin/trivy", image.file("/usr/local/bin/trivy"), permissions=0o755)
    )


async def made(file: dagger.File) -> bool:
    """Has a file made early; what goes wrong is told by whoever needs it."""
    try:
        await file.sync()
    except dagger.QueryError as error:
        logger.info("a file could not be made ahead of its use: %s", error)
        return False
    return True


async def awaited(image: dagger.Container) -> bool:
    """Waits, bounded, for a promised image; says whether it is late. Others are not waited for."""
    promised = await base().label(PROMISES) or ""
    if TRIVY not in promised.split():
        return False
    for _ in range(PROMISE_SECONDS // PROMISE_POLL_SECONDS):
        if await made(image.file("/usr/local/bin/trivy")):
            return False
        logger.warning("%s is promised but not there yet; asking again", TRIVY)
        await anyio.sleep(PROMISE_POLL_SECONDS)
    return True
