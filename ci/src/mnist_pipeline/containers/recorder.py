"""Runs commands in a container so that their report, log, exit code and time are kept.

Contract: an answer of the tool, good or bad, is kept and cached. A command that was killed or took
too long raises, with everything that was left until then; the engine keeps that as well, and the
next call asks anew. Reports are what a command leaves in /reports. Does not know what a report
means.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import dagger

from mnist_pipeline.containers.session import CommandUnansweredError, Outcome, Session
from mnist_pipeline.gates.records import (
    UNSETTLED,
    Command,
    Record,
    killed,
    last_line,
    record,
)
from mnist_pipeline.gates.verdicts import Origin, Verdict, origin_of

REPORTS = "/reports"
SCRIPT_PATH = "/usr/local/lib/recorder.sh"
LIMIT_SECONDS = 900
UNANSWERED = "unanswered"  # a file that names the command


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
    prepared: dagger.Container
    commands: tuple[Command, ...] = ()
    again: str = ""  # when the run began that was not answered, and after which this one is

    @classmethod
    async def around(cls, session: Session, container: dagger.Container) -> "Recorder":
        """Prepares a container; whatever it takes to build it does not count as a command."""
        script = Path(__file__).with_name("recorder.sh").read_text()
        return cls(session, await container.with_new_file(SCRIPT_PATH, script).sync())

    def run(
        self,
        name: str,
        words: Collection[str],
        limit_seconds: int = LIMIT_SECONDS,
        unsettled: int = UNSETTLED,
    ) -> "Recorder":
        """Adds a command; exit codes from `unsettled` on mean that it did not answer."""
        return self.followed_by(Command(name, (*words,), limit_seconds, unsettled))

    def keep(self, name: str, words: Collection[str]) -> "Recorder":
        """Adds a command that keeps evidence: it runs after one that did not answer, too."""
        return self.followed_by(Command(name, (*words,), LIMIT_SECONDS, always=True))

    def followed_by(self, command: Command) -> "Recorder":
        """With one command more."""
        return replace(self, commands=(*self.commands, command))

    @property
    def container(self) -> dagger.Container:
        """After the last command."""
        container = self.prepared
        if self.session.fresh:
            container = container.with_env_variable("PIPELINE_FRESH", str(self.session.started))
        if self.again:
            container = container.with_env_variable("PIPELINE_AGAIN", self.again)
        return recorded(container, self.commands)

    async def answers(self) -> Answers:
        """Runs the commands, as soon as it is their turn, and reads what they left.

        Raises:
            CommandUnansweredError: one did not answer in this call; what is left is in the error.
        """
        try:
            found = await self.read()
        except dagger.ExecError as error:
            position = self.position(error.command)
            if position is None:
                raise
            raise CommandUnansweredError(await self.cut_off(position, error)) from error
        for command in self.commands:
            run = found.records.get(command.name)
            silence = command.silence(run, found.log(command.name)) if run else None
            if run and silence:
                if run.started < self.session.started and not self.session.recalls:
                    return await replace(self, again=str(run.started)).answers()
                raise CommandUnansweredError(found.judged(silence))
        return found

    async def read(self) -> Answers:
        """What the commands left; those after one that did not answer have no record."""
        container, copies = self.container, Path(mkdtemp())
        files = container.directory(REPORTS)
        async with self.session.limiter:
            await files.export(str(copies))
        whole = not (copies / UNANSWERED).is_file()
        paths = {each.name: copies / f"{each.name}.record.json" for each in self.commands}
        records = {
            n: record(path.read_text()) for n, path in paths.items() if whole or path.exists()
        }
        starts = (run.started for run in records.values())
        origin = origin_of(starts, self.session.started)
        return Answers(records, copies, files, origin, container)

    def position(self, words: Sequence[str]) -> int | None:
        """Which of the commands the engine ran by these words."""
        after = [*words][words.index(SCRIPT_PATH) + 1 :] if SCRIPT_PATH in words else []
        ran = [n for n, each in enumerate(self.commands) if after == [REPORTS, *each.arguments]]
        return ran[0] if ran else None

    async def cut_off(self, position: int, error: dagger.ExecError) -> Outcome:
        """What is left where a command ended with its container: all but its own reports."""
        name, log = self.commands[position].name, f"{error.stdout}\n{error.stderr}"
        before = replace(self, commands=self.commands[:position]).container
        anew = before.with_env_variable("PIPELINE_AGAIN", str(self.session.started))
        kept = recorded(anew, [each for each in self.commands[position + 1 :] if each.always])
        files = kept.directory(REPORTS).with_new_file(f"{name}.log", f"{error}\n{log}")
        verdict = killed(f"the container of {name}", error.exit_code, last_line(log))
        return Outcome(verdict, await files.sync(), frozenset({"ran"}), container=before)


def recorded(container: dagger.Container, commands: Iterable[Command]) -> dagger.Container:
    """A container after commands."""
    for command in commands:
        container = container.with_exec(["sh", SCRIPT_PATH, REPORTS, *command.arguments])
    return container
