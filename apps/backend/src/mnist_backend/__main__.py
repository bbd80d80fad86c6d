"""The command line of the backend.

    python -m mnist_backend            serve, with the settings of the environment
    python -m mnist_backend openapi    print the OpenAPI document

Contract: exit code 2 and the name of the variable when a setting is wrong.
Does not know: anything the application does.
"""

import argparse
import json
import sys
from collections.abc import Sequence

import uvicorn
from pydantic import ValidationError

from mnist_backend.app import create_app
from mnist_backend.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until told to stop; one process, scaled by replicas."""
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        log_config=logging_to_stdout(settings.log_level),
        access_log=False,  # every request is in the metrics
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


def logging_to_stdout(level: str) -> dict[str, object]:
    """Return a configuration that logs everything, a line each, to standard output."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"handlers": ["stdout"], "level": level.upper()},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(prog="mnist_backend", description="Recognise digits.")
    parser.add_argument("command", nargs="?", choices=("serve", "openapi"), default="serve")
    command = parser.parse_args(arguments).command
    if command == "openapi":
        sys.stdout.write(json.dumps(create_app().openapi(), indent=2) + "\n")
        return 0
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            name = "MNIST_" + "_".join(map(str, fault["loc"])).upper()
            sys.stderr.write(f"{name}: {fault['msg']}\n")
        return 2
    serve(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
