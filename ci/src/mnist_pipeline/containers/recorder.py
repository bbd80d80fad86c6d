"""Runs commands in a container so that their report, log, exit code and time are kept.

Contract: an answer of the tool, good or bad, is kept and cached; a command that was killed or took
too long raises instead, and nothing of it is cached. Reports are what a command leaves in /reports.
Does not know what a report means.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import dagger

from mnist_pipeline.containers.session import Outcome, Session
from mnist_pipeline.gates.records import Record, record
from mnist_pipeline.gates.verdicts import Origin, Verdict, origin_of

REPORTS = "/reports"
SCRIPT_PATH = "/usr/local/lib/recorder.sh"
LIMIT_SECONDS = 900
UNSETTLED = 124  # time-outs and signals; from here on the tool has not answered

# Arguments: name, limit in seconds, first exit code that is no answer, command.
SCRIPT = """\
name=$1 limit=$2 unsettled=$3; shift 3
started=$(date +%s.%N)
{ timeout --kill-after=10 "$limit" "$@"; echo "$?" >"/reports/$name.exit"; } 2>&1 |
  tee "/reports/$name.log"
code=$(cat "/reports/$name.exit"); rm "/reports/$name.exit"
printf '{"exit_code": %d, "started": %s, "finished": %s}\\n' \\
  "$code" "$started" "$(date +%s.%N)" >"/reports/$name.record.json"
if [ "$code" -ge "$unsettled" ]; then
  [ "$code" -ne 124 ] || echo "$name did not end well within $limit s" >&2
  exit 75
fi
"""


@dataclass(frozen=True)
class Answers:
    """What recorded commands left: how each ended, the texts asked for, and every file."""

    records: dict[str, Record]
    texts: dict[str, str]  # by file name; empty where the file is missing
    files: dagger.Directory
    origin: Origin

    def exit_code(self, name: str) -> int:
        """How a command ended."""
        return self.records[name].exit_code

    def log(self, name: str) -> str:
        """What a command printed."""
        return self.texts[f"{name}.log"]

    def judged(self, verdict: Verdict) -> Outcome:
        """The outcome of these answers once they are judged."""
        return Outcome(verdict, self.files, frozenset({self.origin}))


@dataclass(frozen=True)
class Recorder:
    """A container and the commands to run in it, one after another."""

    session: Session
    container: dagger.Container
    names: tuple[str, ...] = ()
    waiting_for: tuple[dagger.Container, ...] = ()  # to be built before it takes its turn

    @classmethod
    def around(
        cls, session: Session, container: dagger.Container, *others: dagger.Container
    ) -> "Recorder":
        """Prepares a container; it and others it needs are built before its turn comes."""
        prepared = container.with_new_file(SCRIPT_PATH, SCRIPT)
        return cls(session, prepared, (), (container, *others))

    def run(
        self,
        name: str,
        command: Collection[str],
        limit_seconds: int = LIMIT_SECONDS,
        unsettled: int = UNSETTLED,
    ) -> "Recorder":
        """Adds a command; exit codes from `unsettled` on mean that it did not answer."""
        arguments = [name, str(limit_seconds), str(unsettled), *command]
        container = self.container
        if self.session.fresh:
            container = container.with_env_variable("PIPELINE_FRESH", self.session.nonce)
        container = container.with_exec(["sh", SCRIPT_PATH, *arguments])
        return replace(self, container=container, names=(*self.names, name))

    async def answers(self, *wanted: str) -> Answers:
        """Runs the commands and reads their records, their logs and the files asked for."""
        reports = self.container.directory(REPORTS)
        for container in self.waiting_for:
            await container.sync()
        async with self.session.limiter:
            there = set(await reports.glob("**/*"))
        files = [*(f"{name}.log" for name in self.names), *wanted]
        texts = {n: await reports.file(n).contents() if n in there else "" for n in files}
        records = {
            name: record(await reports.file(f"{name}.record.json").contents())
            for name in self.names
        }
        origin = origin_of((r.started for r in records.values()), self.session.started)
        return Answers(records, texts, reports, origin)
