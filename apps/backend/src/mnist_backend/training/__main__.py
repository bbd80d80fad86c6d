"""Trains a model from the command line.

    python -m mnist_backend.training --params epochs=26,seed=8 --output DIR --reports DIR

Contract: exit code 0 and a model in the store, or 1 and one line that says what is wrong and what
would be right. Does not know what the pipeline does.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from kedro.framework.project import configure_project
from kedro.framework.session import KedroSession

from mnist_backend.errors import BackendError
from mnist_backend.training.parameters import changes, configured

PACKAGE = "mnist_backend.training"
PROJECT = Path(__file__).resolve().parents[3]

log = logging.getLogger(PACKAGE)


def run(wanted: dict[str, str]) -> None:
    """Run the pipeline with these parameters changed."""
    configure_project(PACKAGE)
    session = KedroSession.create(PROJECT, save_on_close=False, runtime_params=wanted)
    with session:
        configured(session.load_context().params)  # refused before anything is run
        session.run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; return the exit code."""
    parser = argparse.ArgumentParser(prog=PACKAGE, description="Train the model.")
    parser.add_argument("--params", default="", help="what to change, as epochs=26,seed=8")
    parser.add_argument("--output", type=Path, help="folder of the store")
    parser.add_argument("--reports", type=Path, help="folder of the model card and its picture")
    options = parser.parse_args(arguments)
    folders = {"output": options.output, "reports": options.reports}
    try:
        wanted = changes(options.params)
        run(wanted | {name: str(path.resolve()) for name, path in folders.items() if path})
    except BackendError as error:
        log.error("%s: %s", error.title, error.detail)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
