"""Runs commands in a container so that their report, log, exit code and time are kept.

Contract: an answer of the tool, good or bad, is kept and cached; a command that was killed or took
too long raises instead, and nothing of it is cached. Reports are what a command leaves in /reports.
Does not know what a report means.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import dagger

from mnist_pipeline.containers.session import Outcome, Session
from mnist_pipeline.gates.records import Record, record
from mnist_pipeline.gates.verdicts import Origin, Verdict, origin_of

REPORTS = "/reports"
SCRIPT_PATH = "/usr/local/lib/recorder.sh"
LIMIT_SECONDS = 900
UNSETTLED = 124  # time-outs and signals; from here on the tool has not answered


@dataclass(frozen=True)
class Answers:
    """What recorded commands left: how each ended, and every file."""

    records: dict[str, Record]
    copies: Path  # of the files, to read them here
    files: dagger.Directory
    origin: Origin
    container: dagger.Container  # after the last command

    def exit_code(self, name: str) -> int:
        """How a command ended."""
        return self.records[name].exit_code

    def log(self, name: str) -> str:
        """What a command printed."""
        return self.text(f"{name}.log")

    def text(self, name: str) -> str:
        """A file that a command left; empty where it left none."""
        path = self.copies / name
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def texts(self, pattern: str) -> dict[str, str]:
        """All files whose names fit, read."""
        return {path.name: self.text(path.name) for path in sorted(self.copies.glob(pattern))}

    def judged(self, verdict: Verdict) -> Outcome:
        """The outcome of these answers once they are judged."""
        origins = frozenset({self.origin})
        return Outcome(verdict, self.files, origins, container=self.container)


@dataclass(frozen=True)
class Recorder:
    """A container and the commands to run in it, one after another."""

    session: Session
    container: dagger.Container
    names: tuple[str, ...] = ()

    @classmethod
    async def around(cls, session: Session, container: dagger.Container) -> "Recorder":
        """Prepares a container; whatever it takes to build it does not count as a command."""
        script = Path(__file__).with_name("recorder.sh").read_text()
        return cls(session, await container.with_new_file(SCRIPT_PATH, script).sync())

    def run(
        self,
        name: str,
        command: Collection[str],
        limit_seconds: int = LIMIT_SECONDS,
        unsettled: int = UNSETTLED,
    ) -> "Recorder":
        """Adds a command; exit codes from `unsettled` on mean that it did not answer."""
        arguments = [REPORTS, name, str(limit_seconds), str(unsettled), *command]
        container = self.container
        if self.session.fresh:
            container = container.with_env_variable("PIPELINE_FRESH", str(self.session.started))
        container = container.with_exec(["sh", SCRIPT_PATH, *arguments])
        return replace(self, container=container, names=(*self.names, name))

    async def answers(self) -> Answers:
        """Runs the commands, as soon as it is their turn, and reads what they left."""
        files, copies = self.container.directory(REPORTS), Path(mkdtemp())
        async with self.session.limiter:
            await files.export(str(copies))
        records = {
            name: record((copies / f"{name}.record.json").read_text()) for name in self.names
        }
        starts = (run.started for run in records.values())
        origin = origin_of(starts, self.session.started)
        return Answers(records, copies, files, origin, self.container)
