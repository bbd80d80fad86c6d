"""What `daggerw` does: choose the way to an engine, then become the Dagger client.

The one place where the toolchain's errors become an exit code.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from toolchain.bootstrap import prepare
from toolchain.errors import (
    EngineVersionConflictError,
    SurroundingsUnsupportedError,
    ToolchainError,
)
from toolchain.progress import say
from toolchain.settings import RUNNER_HOST, Settings, read_settings
from toolchain.surroundings import container_runtime
from toolchain.vendor import client_in_path, vendor_client

INTERRUPTED = 130
READER_GONE = 141
ANSWER_SECONDS = 120


def main(arguments: Sequence[str]) -> int:
    """Run the Dagger client: this process becomes it, so its exit code is the client's."""
    return guarded(lambda: _become_client(arguments))


def guarded(run: Callable[[], None]) -> int:
    """Run something and turn the toolchain's errors into a message and an exit code."""
    try:
        run()
        sys.stdout.flush()
    except ToolchainError as error:
        say(str(error))
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        return INTERRUPTED
    return 0


def _become_client(arguments: Sequence[str]) -> None:
    settings = read_settings()
    client, host = _client(settings)
    environment = {**settings.environment, "DAGGER_NO_NAG": "1"}
    if host:
        environment[RUNNER_HOST] = host
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(client, ["dagger", *arguments], environment)  # noqa: S606  no shell: that is the point


def _client(settings: Settings) -> tuple[Path, str]:
    """Return the client and the engine's address, empty where the client finds it itself."""
    if settings.runner_host:
        return _client_of_named_engine(settings), settings.runner_host
    runtime = container_runtime()
    client = vendor_client(settings, runtime) if runtime else None
    if client:
        return client, ""
    return prepare(settings), settings.address


def _client_of_named_engine(settings: Settings) -> Path:
    own = settings.cache / "bin" / "dagger"
    client = client_in_path(settings) or (own if own.exists() else None)
    if client is None:
        raise SurroundingsUnsupportedError(
            f"{RUNNER_HOST} names an engine, and there is no `dagger` "
            f"{settings.engine_version} in PATH to talk to it.",
            f"put it into PATH, or unset {RUNNER_HOST} so that this launcher makes both",
        )
    try:
        answer = subprocess.run(
            [client, "--silent", "core", "version"],
            env=settings.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=ANSWER_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineVersionConflictError(
            f"The engine {settings.runner_host} could not be asked for its version: {error}.",
            f"name another engine, or unset {RUNNER_HOST}",
        ) from error
    version = answer.stdout.strip().rstrip(".")
    if answer.returncode or version != settings.engine_version:
        found = f"is {version}" if version else f"did not answer: {answer.stderr.strip()[-400:]}"
        raise EngineVersionConflictError(
            f"The engine {settings.runner_host} {found}; "
            f"this project pins {settings.engine_version}.",
            f"name another engine, or unset {RUNNER_HOST}",
        )
    return client
