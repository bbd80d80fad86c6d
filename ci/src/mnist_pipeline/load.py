"""Load on servers of its own: the benchmark of serving, beside other servers, in one container.

Contract: the container is the backend's test image with the other servers and the load generators
beside it; nothing in it is reached from outside, and nothing of a run is cached. Also compiles what
other benchmarks need. Does not know what is measured or what the figures say.
"""

import dagger

from mnist_pipeline.app import OWNER, with_model
from mnist_pipeline.containers import INSTALL, UPDATE, go, python, with_python_packages
from mnist_pipeline.containers.session import Session

FOLDER = "tests/load"
PROGRAM = "/bench"
PEERS = "/opt/tools"  # where `with_python_packages` puts them
OUTPUT = "/tmp/serving"  # noqa: S108  of the container, which ends with the run
VEGETA_VERSION = "12.12.0"
LIMIT_SECONDS = 1500


def vegeta(session: Session) -> dagger.File:
    """The open-loop load generator, compiled from Go modules whose checksums are committed."""
    return go.compiled(
        session.folder(f"{FOLDER}/vegeta"),
        "github.com/tsenart/vegeta/v12",
        f"-s -w -X main.Version={VEGETA_VERSION}",
    )


def kamal_proxy(session: Session) -> dagger.File:
    """The proxy of Kamal, compiled from Go modules whose checksums are committed."""
    return go.compiled(
        session.folder(f"{FOLDER}/kamal-proxy"),
        "github.com/basecamp/kamal-proxy/cmd/kamal-proxy",
        toolchain="auto",
        flags=go.INLINED,
    )


def peers(session: Session) -> dagger.Directory:
    """The other servers, in a virtual environment of their own, as their lock names them.

    They are compiled ahead like the image that they are measured beside.
    """
    lock = session.file(f"{FOLDER}/serving/requirements.lock")
    return with_python_packages(python(), lock, compiled=True).directory(PEERS)


async def serving(session: Session, *, quick: bool) -> dagger.Directory:
    """Measures this backend beside other servers; the page, the figures and the picture."""
    image = with_model(session)
    install = f"{UPDATE} && {INSTALL} wrk >/dev/null"
    command = ["timeout", str(LIMIT_SECONDS), "python", "-m", "load.serving"]
    command += ["--output", OUTPUT, "--peers", PEERS, *(["--quick"] if quick else [])]
    return (
        image.with_user("root")
        .with_exec(["sh", "-c", f"{install} && rm -rf /var/lib/apt/lists/* /var/cache/apt/*"])
        .with_directory(PEERS, peers(session))
        .with_file("/usr/local/bin/vegeta", vegeta(session), permissions=0o755)
        .with_directory(f"{PROGRAM}/load", session.folder(FOLDER, include=["**/*.py"]))
        .with_user(OWNER)
        .with_env_variable("HOME", "/tmp")  # noqa: S108  the user has no other folder
        .with_env_variable("PYTHONPATH", f"/app/src:{PROGRAM}")
        .with_env_variable("PIPELINE_FRESH", str(session.started))
        .with_exec(command)
        .directory(OUTPUT)
    )
