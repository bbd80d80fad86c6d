"""Measures what a user waits for, and where the time goes; prints a table, asserts nothing.

Runs every stage cold (in a cache folder of its own, removed at the end), again with no change, and
after a change of one line in the backend, in the page, in a test and in the README. For each run
it says how many stages the cache answered, and which one was waited for longest. `--keep` measures
in the machine's own cache folder, which must not exist yet, and leaves it to be used; `--warm`
leaves the cold part out and uses the cache that is there; `--stages` measures some stages only.

`--beside` measures the first run and the one with no change, and in turn with each the same stages
as a shell script over docker build and compose has them (tests/load/script), on a throw-away host
with a real Docker; with `--together` that is a better sort of script. Both begin with their engine,
the base image and the scanner there, the pipeline with its module loaded, and nothing built.
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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHANGES = {  # what is changed, and the line that is added there
    "the backend": ("apps/backend/src/mnist_backend/app.py", "\n\nMEASURED_AT = {now}\n"),
    "the page": ("apps/frontend/src/mnist_frontend/app.py", "\n\nMEASURED_AT = {now}\n"),
    "a test of the page": ("apps/frontend/tests/test_page.py", "\n\nMEASURED_AT = {now}\n"),
    "README.md": ("README.md", "\nMeasured at {now}.\n"),
}
SCANNER_SECONDS = 1800  # it is compiled beside other work
TOOLCHAIN = "mnist-pipeline"  # its folder in the cache
BUILT_OR_RUNNING = ("engine", "go", "lock", "log", "machine", "run", "trivy.lock", "work")


class NotOurEngineError(RuntimeError):
    """What was asked for needs an engine of the toolchain's own."""


class ScannerLateError(TimeoutError):
    """The scanner did not come in time."""


@dataclass(frozen=True)
class Row:
    """One thing that was measured."""

    name: str
    seconds: float
    remark: str = ""


def main() -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--warm", action="store_true", help="use the cache that is there")
    which.add_argument("--keep", action="store_true", help="fill the machine's own cache, keep it")
    parser.add_argument("--beside", action="store_true", help="beside the same as a shell script")
    parser.add_argument("--together", action="store_true", help="beside a better sort of script")
    parser.add_argument("--stages", default="", help="some stages only, as `test --stages` has it")
    options = parser.parse_args()
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / TOOLCHAIN
    if options.stages and options.beside:
        parser.error("--beside measures every stage, as the script has them")
    if options.together and not options.beside:
        parser.error("--together is about the script: give --beside, too")
    if options.keep and options.beside:
        parser.error("--beside begins with a toolchain that is there, --keep with none")
    if options.keep and own.exists():
        parser.error(f"--keep: {own} exists; purge it, or measure with --warm")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        apart = not (options.warm or options.keep)
        environment = {**os.environ, "XDG_CACHE_HOME": folder if apart else str(own.parent)}
        bench = Bench(environment, Path(folder), options)
        try:
            if options.beside and apart:
                lend(own, Path(folder))
            bench.measure(warm=options.warm)
        finally:
            bench.print()
            if apart:
                toolchain("purge", environment)
    return 0


def lend(own: Path, folder: Path) -> None:
    """Copy the machine's own toolchain, complete, without what its engine has built.

    Raises:
        NotOurEngineError: the engine is the vendor's, which has one cache for everything.
        ScannerLateError: the scanner, which is compiled beside other work, does not come.
    """
    subprocess.run([ROOT / "daggerw", "version"], cwd=ROOT, check=True)
    require_own(own)
    since = time.monotonic()
    while "in the registry" not in toolchain("status", {**os.environ}):
        if time.monotonic() - since > SCANNER_SECONDS:
            message = f"no scanner after {SCANNER_SECONDS} s; see `python3 -m toolchain logs`"
            raise ScannerLateError(message)
        time.sleep(5)
    toolchain("stop", {**os.environ})
    shutil.copytree(
        own,
        folder / TOOLCHAIN,
        symlinks=True,
        ignore=lambda at, _: BUILT_OR_RUNNING if Path(at) == own else (),
    )


def require_own(cache: Path) -> None:
    """Look whether it is the toolchain that made the engine which runs.

    Raises:
        NotOurEngineError: it is the vendor's or a named one, so nobody knows what it has built.
    """
    if not (cache / "records" / "contents.json").exists():
        message = "an engine that has built nothing is to be had only where the toolchain makes it"
        raise NotOurEngineError(f"{message}: measure with --warm")


class Bench:
    """What has been measured so far, which is printed whatever happens to the rest."""

    def __init__(
        self, environment: dict[str, str], folder: Path, options: argparse.Namespace
    ) -> None:
        """Measure with a cache folder, with room for copies, what the command line asks for."""
        self.environment, self.folder, self.beside = environment, folder, options.beside
        self.stages = ["--stages", options.stages] if options.stages else []
        self.sort = ["--together"] if options.together else []  # which sort of script it is
        self.rows: list[Row] = []
        self.measured: set[str] = set()  # the stages of the last run

    def measure(self, *, warm: bool) -> None:
        """Measure in the order in which a newcomer meets it."""
        if not warm:
            since = time.monotonic()
            ready = ("engine ready, from nothing", ["version"])
            loaded = ("engine started, module loaded", ["functions"])
            row = self.timed(*(loaded if self.beside else ready))
            cache = Path(self.environment["XDG_CACHE_HOME"])
            require_own(cache / TOOLCHAIN)
            self.rows += [row, *([] if self.beside else steps(cache / TOOLCHAIN))]
            first = self.report("first run after it")
            whole = time.monotonic() - since
            self.rows += [first, *self.script(first, ["--anew"])]
            self.rows += [] if self.beside else [Row("whole first run, from nothing", whole)]
        again = self.report("again, with no change")
        self.rows += [again, *self.script(again)]
        if not self.beside:
            self.changed()

    def changed(self) -> None:
        """Measure after one line in each kind of file."""
        for number, (what, (path, line)) in enumerate(CHANGES.items()):
            copy = self.folder / f"changed-{number}"
            shutil.copytree(
                ROOT,
                copy,
                ignore=shutil.ignore_patterns(".venv", "evidence", "__pycache__", ".*_cache"),
            )
            with (copy / path).open("a", encoding="utf-8") as stream:
                stream.write(line.format(now=int(time.time())))
            self.rows += [self.report(f"after one line in {what}", copy)]
            shutil.rmtree(copy)

    def script(self, row: Row, options: Sequence[str] = ()) -> list[Row]:
        """Return how long the script takes for what a row tells, if it is asked for.

        Raises:
            RuntimeError: the script leaves a stage out, so there is nothing to compare.
        """
        if not self.beside:
            return []
        told = self.folder / "seconds.json"
        call = ["--progress", "plain", "call", "bench-script", *self.sort, *options]
        self.timed("the same as a script", [*call, "export", "--path", str(told)])
        seconds: dict[str, float] = json.loads(told.read_text(encoding="utf-8"))
        absent = self.measured - {stage.replace("_", "-") for stage in seconds}
        if absent:
            message = f"the script has no stage {', '.join(sorted(absent))}"
            raise RuntimeError(message)
        whole, last = sum(seconds.values()), max(seconds, key=lambda stage: seconds[stage])
        remark = f"{whole / row.seconds:.2f} times as long; longest {last}, {seconds[last]:.0f} s"
        return [Row("  the same as a script", whole, remark)]

    def report(self, name: str, source: Path | None = None) -> Row:
        """Return how long the stages take, over another source tree than this one if it is named.

        Raises:
            RuntimeError: a stage is not green, so there is nothing to compare.
        """
        evidence = self.folder / "evidence"
        shutil.rmtree(evidence, ignore_errors=True)
        where = [f"--source={source}"] if source else []
        call = ["--progress", "plain", "call", *where, "report", *self.stages]
        row = self.timed(name, [*call, "export", "--path", str(evidence)])
        status = json.loads((evidence / "status.json").read_text(encoding="utf-8"))
        stages = status["stages"]
        self.measured = {*stages}
        if not status["passed"]:
            red = [stage for stage, told in stages.items() if told["status"] != "green"]
            message = f"{name}: {', '.join(red)} not green; see {evidence}"
            raise RuntimeError(message)
        cached = sum(told["origin"] == "cached" for told in stages.values())
        last = max(stages, key=lambda stage: float(stages[stage]["seconds"]))
        seconds = stages[last]["seconds"]
        told = f"{cached} of {len(stages)} stages cached; longest {last}, {seconds:.0f} s"
        return Row(row.name, row.seconds, told)

    def timed(self, name: str, arguments: list[str]) -> Row:
        """Return how long the launcher takes; its output goes through.

        Raises:
            subprocess.CalledProcessError: it failed, so there is nothing to measure.
        """
        print(f"-- {name}", flush=True)
        since = time.monotonic()
        command = [ROOT / "daggerw", *arguments]
        subprocess.run(command, env=self.environment, cwd=ROOT, check=True)
        return Row(name, time.monotonic() - since)

    def print(self) -> None:
        """Print the table."""
        width = max((len(row.name) for row in self.rows), default=0)
        print(f"\n{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the end")
        for row in self.rows:
            print(f"{row.name:{width}}  {row.seconds:8.1f} s  {row.remark}".rstrip())


def steps(cache: Path) -> list[Row]:
    """Return the seconds of each step of the toolchain, which run side by side."""
    records = sorted((cache / "records").glob("*.json"))
    return [Row(f"  step {path.stem}", json.loads(path.read_text())["seconds"]) for path in records]


def toolchain(verb: str, environment: dict[str, str]) -> str:
    """Run a verb of the toolchain, and return what it says."""
    command = [sys.executable, "-m", "toolchain", verb]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
