"""Carries out steps: each once, in order of their needs, resumable after a kill at any moment.

A step is done when its record says so under the key of its inputs and its outputs are there; the
record is written last. A step writes beside its output and renames at the end, so nothing half
made is ever taken for whole. Commands run in a process namespace that dies with this process, so
that no orphan goes on writing. Knows nothing of what the steps make.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.errors import ChecksumMismatchError, StepFailedError, ToolchainError
from toolchain.progress import Progress

LIMIT_SECONDS = 3600
ANSWER_SECONDS = 300
LOOK_SECONDS = 1
TAIL_LINES = 12
MISMATCHES = re.compile(
    "checksum mismatch|SECURITY ERROR|Hash Sum mismatch|BADSIG|NO_PUBKEY|is not signed"
    "|DO NOT MATCH THE HASHES"
)
CONTAINED = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"),
    # input ends with the run: one that died before both of the above were in force is seen here
    *("bash", "-c", 'read -rt 0 && exit 1; exec "$@" < /dev/null', "bash"),
)


def answer(
    arguments: Sequence[str | Path],
    *,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> str:
    """Return what a short command prints; like a step's, it dies with this process.

    Raises:
        CommandError: it ended with another exit code than 0, or not in ANSWER_SECONDS.
    """
    name, *rest = map(str, arguments)
    alive, held_open = os.pipe()
    try:
        done = subprocess.run(
            [*CONTAINED, name, *rest],
            cwd=folder,
            env=environment,
            stdin=alive,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"`{name}` did not end in {ANSWER_SECONDS} s") from error
    finally:
        os.close(alive)
        os.close(held_open)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise CommandError(f"`{name}` ended with exit code {done.returncode} and said: {said}")
    return done.stdout


@dataclass(frozen=True)
class Step:
    """`run` makes `outputs` from `inputs`; `needs` names the steps that come first."""

    name: str
    title: str
    expected_seconds: int
    inputs: tuple[str, ...]
    outputs: tuple[Path, ...]
    run: Callable[[Workshop], None]
    hint: str
    needs: tuple[str, ...] = ()


@dataclass
class Workshop:
    """What a running step uses: a log of its own, and commands that end with this process."""

    log: Path
    environment: dict[str, str]
    stopped: threading.Event = field(default_factory=threading.Event)
    processes: set[subprocess.Popen[bytes]] = field(default_factory=set)

    def command(
        self,
        arguments: Sequence[str | Path],
        *,
        folder: Path | None = None,
        environment: dict[str, str] | None = None,
        limit_seconds: int = LIMIT_SECONDS,
        useful: Callable[[], bool] = lambda: True,
    ) -> None:
        """Run a command with its output in the step's log, for as long as it is `useful`.

        Raises:
            CommandError: it ended with another exit code than 0, did not end in `limit_seconds`,
                or was stopped because it had become useless or another step failed.
        """
        values = {**self.environment, **(environment or {})}
        words = [str(word) for word in arguments]
        self._require_going_on(words[0])
        with self.log.open("ab") as log:
            log.write(f"$ {' '.join(words)}\n".encode())
            log.flush()
            process = subprocess.Popen(
                [*CONTAINED, *words],
                cwd=folder,
                env=values,
                stdout=log,
                stderr=log,
                stdin=subprocess.PIPE,
            )
        with process:
            self._wait(process, words[0], limit_seconds, useful)

    def _wait(
        self,
        process: subprocess.Popen[bytes],
        name: str,
        limit_seconds: int,
        useful: Callable[[], bool],
    ) -> None:
        self.processes.add(process)
        deadline = time.monotonic() + limit_seconds
        code = None
        try:
            self._require_going_on(name)
            while code is None:
                with suppress(subprocess.TimeoutExpired):
                    code = process.wait(LOOK_SECONDS)
                if code is None and time.monotonic() > deadline:
                    raise CommandError(f"`{name}` did not end in {limit_seconds} s")
                if code is None and not useful():
                    raise CommandError(f"`{name}` was stopped, for what it works with has ended")
        finally:
            process.kill()
            self.processes.discard(process)
        if code:
            raise CommandError(f"`{name}` ended with exit code {code}")

    def _require_going_on(self, name: str) -> None:
        if self.stopped.is_set():
            raise CommandError(f"`{name}` was stopped, for another step failed")


class CommandError(Exception):
    """A command of a step failed; the step's log says more."""


class Records:
    """What has been made already, one small JSON file a step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def key(self, step: Step, steps: dict[str, Step]) -> str:
        """Return the hash of a step's inputs and of the steps it needs."""
        digest = hashlib.sha256("\0".join((step.name, *step.inputs)).encode())
        for name in step.needs:
            digest.update(self.key(steps[name], steps).encode())
        return digest.hexdigest()

    def is_done(self, step: Step, key: str) -> bool:
        """Tell whether this step has been made from these inputs and its outputs are there."""
        return self._read(step).get("key") == key and all(path.exists() for path in step.outputs)

    def expected_seconds(self, step: Step) -> int:
        """Return the seconds that the step took last time on this machine, else its usual ones."""
        return int(str(self._read(step).get("seconds", step.expected_seconds)))

    def write(self, step: Step, key: str, seconds: float) -> None:
        """Record that the step is done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{step.name}.{os.getpid()}"
        partial.write_text(json.dumps({"key": key, "seconds": round(seconds)}))
        partial.replace(self.folder / f"{step.name}.json")

    def forget(self, step: Step) -> None:
        """Let no former record vouch for outputs that are about to be replaced."""
        if self._read(step):
            self.write(step, "", self.expected_seconds(step))

    def _read(self, step: Step) -> dict[str, object]:
        try:
            record = json.loads((self.folder / f"{step.name}.json").read_text())
        except (
            FileNotFoundError,
            ValueError,
        ):  # a record that cannot be read counts as none: the step is redone
            return {}
        return record if isinstance(record, dict) else {}


@dataclass
class Builder:
    """Carries out those of `steps` that are not done."""

    steps: list[Step]
    records: Records
    logs: Path
    environment: dict[str, str]
    _workshops: list[Workshop] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def pending(self) -> list[Step]:
        """Return the steps that are still to be made, in order."""
        known = {step.name: step for step in self.steps}
        return [s for s in self.steps if not self.records.is_done(s, self.records.key(s, known))]

    def carry_out(self) -> None:
        """Make what is missing, side by side where their needs allow it.

        Raises:
            ToolchainError: the first step that failed; what was under way beside it is stopped.
        """
        pending = self.pending()
        if not pending:
            return
        self.logs.mkdir(parents=True, exist_ok=True)
        known = {step.name: step for step in self.steps}
        with Progress(len(pending)) as progress, ThreadPoolExecutor(len(pending)) as pool:
            futures: dict[str, Future[None]] = {}
            for step in pending:
                before = [futures[name] for name in step.needs if name in futures]
                futures[step.name] = pool.submit(self._make, step, known, before, progress)
            try:
                for future in wait(futures.values(), return_when=FIRST_EXCEPTION).done:
                    future.result()
            except BaseException:
                self._stop_all()
                raise

    def _make(
        self, step: Step, known: dict[str, Step], before: list[Future[None]], progress: Progress
    ) -> None:
        for future in before:
            future.result()
        if self._stopped.is_set():
            return
        workshop = Workshop(self.logs / f"{step.name}.log", self.environment, self._stopped)
        workshop.log.write_bytes(b"")
        self._workshops.append(workshop)
        progress.start(step.name, step.title, self.records.expected_seconds(step))
        self.records.forget(step)
        since = time.monotonic()
        try:
            step.run(workshop)
        except (CommandError, OSError) as error:
            progress.finish(step.name, "failed")
            raise _failure(step, workshop.log, error) from error
        except ToolchainError:
            progress.finish(step.name, "failed")
            raise
        self.records.write(step, self.records.key(step, known), time.monotonic() - since)
        progress.finish(step.name)

    def _stop_all(self) -> None:
        self._stopped.set()
        for workshop in self._workshops:
            for process in list(workshop.processes):
                process.send_signal(signal.SIGKILL)


def _failure(step: Step, log: Path, error: Exception) -> ToolchainError:
    lines = log.read_text(errors="replace").splitlines()
    tail = "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
    text = (
        f"The step \u201c{step.title}\u201d failed: {error}.\n  its log, {log}, ends with:\n{tail}"
    )
    mismatch = next((line for line in lines if MISMATCHES.search(line)), None)
    if mismatch:
        return ChecksumMismatchError(
            f"Something downloaded is not what this project pinned: {mismatch.strip()}\n{text}",
            "stop and find out what changed: the mirror, the package, or the pinned checksum",
        )
    return StepFailedError(text, step.hint)
