"""Measures what a newcomer waits for, and where the time goes; prints seconds, asserts nothing.

Runs `./daggerw call test` cold (in a cache folder of its own, removed at the end), again with no
change, and after a one-line change in the backend. `--keep` measures in the machine's own cache
folder, which must not exist yet, and leaves it to be used; `--warm` leaves the cold part out and
uses the cache that is there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHANGED = "apps/backend/src/mnist_backend/app.py"


def main() -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--warm", action="store_true", help="use the cache that is there")
    which.add_argument("--keep", action="store_true", help="fill the machine's own cache, keep it")
    options = parser.parse_args()
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if options.keep and (own / "mnist-pipeline").exists():
        parser.error(f"--keep: {own / 'mnist-pipeline'} exists; purge it, or measure with --warm")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        apart = not options.warm and not options.keep
        environment = {**os.environ, "XDG_CACHE_HOME": folder if apart else str(own)}
        try:
            rows = measure(environment, Path(folder), warm=options.warm)
        finally:
            if apart:
                toolchain("purge", environment)
    width = max(len(name) for name, _ in rows)
    print(f"\n{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the end")
    for name, seconds in rows:
        print(f"{name:{width}}  {seconds:8.1f} s")
    return 0


def measure(environment: dict[str, str], folder: Path, *, warm: bool) -> list[tuple[str, float]]:
    """Return what was measured, in the order in which a newcomer meets it."""
    rows: list[tuple[str, float]] = []
    if not warm:
        since = time.monotonic()
        ready = timed("engine ready, from nothing", ["version"], environment)
        rows += [ready, *steps(Path(environment["XDG_CACHE_HOME"]))]
        all_stages("first run after it", environment)
        rows.append(("whole first run, from nothing", time.monotonic() - since))
    rows.append(all_stages("again, with no change", environment))
    copy = folder / "changed"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "evidence"))
    with (copy / CHANGED).open("a", encoding="utf-8") as stream:
        stream.write(f"\n\nMEASURED_AT = {int(time.time())}\n")
    rows.append(all_stages("after a one-line change in the backend", environment, copy))
    return rows


def all_stages(
    name: str, environment: dict[str, str], source: Path | None = None
) -> tuple[str, float]:
    """Return how long all stages take, over another source tree than this one if it is named."""
    where = [f"--source={source}"] if source else []
    return timed(name, ["--progress", "plain", "call", *where, "test"], environment)


def timed(name: str, arguments: list[str], environment: dict[str, str]) -> tuple[str, float]:
    """Return how long the launcher takes; its output goes through.

    Raises:
        subprocess.CalledProcessError: it failed, so there is nothing to measure.
    """
    print(f"-- {name}", flush=True)
    since = time.monotonic()
    subprocess.run([ROOT / "daggerw", *arguments], env=environment, cwd=ROOT, check=True)
    return name, time.monotonic() - since


def steps(cache: Path) -> list[tuple[str, float]]:
    """Return the seconds of each step of the toolchain, which run side by side."""
    records = sorted((cache / "mnist-pipeline" / "records").glob("*.json"))
    return [(f"  step {path.stem}", json.loads(path.read_text())["seconds"]) for path in records]


def toolchain(verb: str, environment: dict[str, str]) -> None:
    """Run a verb of the toolchain."""
    subprocess.run([sys.executable, "-m", "toolchain", verb], env=environment, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
