"""Images as running services whose logs are kept, and tests that wait until they answer.

Contract: a service runs its image's own command; a test waits, bounded, until every service
answers, and says what they answered last and logged where they do not. Services that shall not be
shared keep their logs in a volume of their own. Does not know which services there are, or what the
tests look for.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import dagger
from dagger import dag

from mnist_pipeline.containers.recorder import REPORTS
from mnist_pipeline.containers.session import all_of

READY_LIMIT_SECONDS = 90
READINESS = "/readiness.py"
LOGS = "/service-logs"
LOGGED = "/usr/local/lib/logged.sh"
KEEP_LOGS = ("cp", "-r", LOGS, f"{REPORTS}/services")


def beside(name: str) -> str:
    """A program of this module that runs in another container."""
    return Path(__file__).with_name(name).read_text()


async def command(container: dagger.Container) -> list[str]:
    """What a container runs as a service."""
    parts = {"entrypoint": container.entrypoint(), "arguments": container.default_args()}
    words = await all_of(parts)
    return [*words["entrypoint"], *words["arguments"]]


async def logged(
    container: dagger.Container, name: str, port: int, volume: str
) -> dagger.Container:
    """An image that runs its own command and keeps what that prints where tests can read it."""
    return (
        with_logs(container, volume)
        .with_exposed_port(port, experimental_skip_healthcheck=True)
        .with_new_file(LOGGED, beside("logged.sh"))
        .with_entrypoint([])
        .with_default_args(["sh", LOGGED, LOGS, name, *await command(container)])
    )


def with_logs(container: dagger.Container, volume: str) -> dagger.Container:
    """A container that shares the folder of logs; what waits for the services opens it to them.

    No owner is given: the engine would lay the folder in layers, which only one container can use.
    """
    return container.with_mounted_cache(LOGS, dag.cache_volume(volume))


def with_readiness(container: dagger.Container) -> dagger.Container:
    """A container that can wait for services."""
    return container.with_new_file(READINESS, beside("readiness.py"))


def once_ready(
    addresses: Mapping[str, str], *then: str, limit_seconds: int = READY_LIMIT_SECONDS
) -> Collection[str]:
    """A command that begins when every service answers at its address."""
    named = [f"{name}={url}" for name, url in addresses.items()]
    return ["python3", READINESS, str(limit_seconds), *named, "--", *then]
