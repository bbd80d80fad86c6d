"""The command line of the backend.

    python -m mnist_backend            serve, with the settings of the environment
    python -m mnist_backend openapi    print the OpenAPI document
    python -m mnist_backend migrate    bring the database to the newest schema and end
    python -m mnist_backend check      load the champion, ask for its golden images, and end
    python -m mnist_backend.keys       make, list and revoke API keys

Contract: exit code 2 and the name of the variable when a setting is wrong. Told to stop, a server
is not ready at once, answers on for `drain_seconds`, ends what it has begun, writes down what is
queued, and ends with 0.
Does not know: anything the application does.
"""

import argparse
import asyncio
import gc
import json
import socket
import sys
from collections.abc import Sequence
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from mnist_backend import logs
from mnist_backend.app import create_app
from mnist_backend.errors import BackendError, SettingInvalidError
from mnist_backend.lifecycle import Serving
from mnist_backend.settings import Settings

NOT_STARTED = 3


class DrainingServer(uvicorn.Server):
    """Goes on answering for a while after it is told to stop, so that balancers look elsewhere."""

    def __init__(self, config: uvicorn.Config, serving: Serving) -> None:
        """Serve as the configuration says."""
        super().__init__(config)
        self._serving = serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve; what is there by then stays, so the collector need not look at it."""
        await super().startup(sockets)
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's
        """Stop being ready now and end later; told a second time, end now.

        The signal is not kept: uvicorn would raise it again at the very end, and the process would
        be killed by it instead of ending with 0.
        """
        if self._serving.draining or not self.started:
            self.should_exit = True
            return
        self._serving.draining = True
        seconds = self._serving.settings.drain_seconds
        asyncio.get_running_loop().call_later(seconds, self._end)

    def _end(self) -> None:
        self.should_exit = True


def serve(settings: Settings) -> int:
    """Serve until told to stop; one process, scaled by replicas. Return the exit code.

    Raises:
        BackendError: a setting cannot be used.
    """
    logs.configure(settings.log_level)
    app = create_app(settings)
    serving = serving_of(app)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # every request is in the metrics
        server_header=False,
        proxy_headers=False,  # which proxies are believed is decided by admission alone
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    try:
        metrics = serving.metrics.serve(settings.host, settings.metrics_port)
    except OSError as error:
        message = f"MNIST_METRICS_PORT: {settings.metrics_port} cannot be listened on: {error}"
        raise SettingInvalidError(message) from error
    server = DrainingServer(config, serving)
    try:
        server.run()
    finally:
        metrics.shutdown()
        metrics.server_close()
    return 0 if server.started else NOT_STARTED


def serving_of(app: FastAPI) -> Serving:
    """Return what an application shares."""
    return cast("Serving", app.state.serving)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(prog="mnist_backend", description="Recognise digits.")
    commands = ("serve", "openapi", "migrate", "check")
    parser.add_argument("command", nargs="?", choices=commands, default="serve")
    command = parser.parse_args(arguments).command
    try:
        return run(command, Settings())
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = "_".join(map(str, fault["loc"])).upper()
            sys.stderr.write(f"MNIST_{name}: {fault['msg']}\n" if name else f"{fault['msg']}\n")
    except SettingInvalidError as error:
        sys.stderr.write(f"{error.detail}\n")
    except BackendError as error:
        sys.stderr.write(f"{error.title}: {error.detail}\n")
        return 1
    return 2


def run(command: str, settings: Settings) -> int:
    """Run one of the commands; return the exit code.

    Raises:
        BackendError: it could not be done.
    """
    if command == "serve":
        return serve(settings)
    app = create_app(settings)
    if command == "openapi":
        sys.stdout.write(json.dumps(app.openapi(), indent=2) + "\n")
    elif command == "check":
        serving = serving_of(app)
        serving.refresh()
        version = serving.predicting.champion.version
        sys.stdout.write(f"model {version} answers as its card says, in {settings.runtime}\n")
    else:
        serving_of(app).database.migrate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
