"""`python3 -m toolchain VERB`: what is running, end it, remove it, and which way is open."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from toolchain.bootstrap import make_trivy, purge, stop
from toolchain.contents import TRIVY_IMAGE
from toolchain.engine import is_ready, running_engine, tail
from toolchain.launcher import guarded
from toolchain.lock import is_held
from toolchain.registries import read_registries, require_answers
from toolchain.settings import Settings, read_settings
from toolchain.surroundings import (
    Way,
    container_runtime,
    named_way,
    registries_problems,
    registries_way,
    vendor_way,
)
from toolchain.vendor import forget_refusal

LOG_LINES = 20


def status(settings: Settings) -> None:
    """Print what is running and how big the cache is."""
    running = running_engine(settings)
    if running:
        state = (
            "ready"
            if is_ready(settings, running)
            else "not answering; the next ./daggerw starts it anew"
        )
        print(f"engine    {running.version}, process {running.pid}, {state}")
        print(f"socket    {settings.socket}")
        print(f"registry  {running.registry}")
    else:
        print("engine    not running")
    print(f"trivy     {_trivy_state(settings)}")
    sizes = {
        path.name: _size_bytes(path) for path in sorted(settings.cache.glob("*")) if path.is_dir()
    }
    print(f"cache     {settings.cache}, {sum(sizes.values()) / 1e9:.1f} GB")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        if size > 10**7:
            print(f"          {size / 1e9:6.2f} GB  {name}")


def doctor(settings: Settings) -> None:
    """Print which of the three ways would be used here and why, and what is missing.

    Raises:
        ToolchainError: no way is open.
    """
    forget_refusal(settings)
    ways = [named_way(settings), vendor_way(container_runtime()), registries_way(settings)]
    used = next((way.name for way in ways if way.is_open), "")
    for way in ways:
        print(f"{_mark(way, used)} {way.name:10} {way.reason}")
    problems = registries_problems(settings)
    for problem in problems:
        print(f"           missing: {problem.message} Way out: {problem.hint}.")
    if not problems:
        answering = require_answers(read_registries(settings))
        print(f"           the package registries answer: {', '.join(answering)}")
    if not used:
        raise problems[0]


def main() -> int:
    """Parse the command line and run its verb."""
    parser = argparse.ArgumentParser(prog="python3 -m toolchain", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    actions = {
        "status": ("what is running and how big its cache is", status),
        "stop": ("stop the engine; the cache stays", _stop),
        "purge": ("stop everything and remove the cache", purge),
        "doctor": ("which way to an engine is open here, and what is missing", doctor),
        "logs": ("the last lines of every log, and where they are", _logs),
        "trivy": (f"compile Trivy and put {TRIVY_IMAGE} into the local registry", make_trivy),
    }
    for name, (text, _) in actions.items():
        verbs.add_parser(name, help=text)
    verb = parser.parse_args().verb
    return guarded(lambda: actions[verb][1](read_settings()))


def _stop(settings: Settings) -> None:
    print("stopped" if stop(settings) else "nothing was running")


def _logs(settings: Settings) -> None:
    logs = [*settings.cache.glob("log/*.log"), *settings.cache.glob("run/*.log")]
    if not logs:
        print(f"there are no logs under {settings.cache} yet")
    for path in sorted(logs, key=lambda log: log.stat().st_mtime):
        print(f"== {path}\n{tail(path, LOG_LINES)}")


def _mark(way: Way, used: str) -> str:
    if way.name == used:
        return "used  "
    return "open  " if way.is_open else "closed"


def _trivy_state(settings: Settings) -> str:
    if is_held(settings.cache / "trivy.lock"):
        return f"compiling, log {settings.cache / 'log' / 'trivy-background.log'}"
    return (
        "in the registry"
        if (settings.cache / "records" / "trivy.pushed").exists()
        else "not there yet"
    )


def _size_bytes(folder: os.PathLike[str]) -> int:
    seen: set[int] = set()
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            entry = (Path(root) / name).lstat()
            if entry.st_ino not in seen:
                seen.add(entry.st_ino)
                total += entry.st_blocks * 512
    return total


if __name__ == "__main__":
    sys.exit(main())
