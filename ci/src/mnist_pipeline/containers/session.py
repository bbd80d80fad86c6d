"""One call of the pipeline: its source tree, when it began, and how much runs at a time.

Contract: a folder of the source is known to caches by its content alone, so what stands beside it
may change unnoticed. Parts of a stage run together; a part that raises is "not run" with what it
printed, one that takes all the time of its stage is red, and neither takes the others with it. Does
not know the stages.
"""

import os
import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import anyio
import dagger
from dagger import dag

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import (
    Origin,
    Verdict,
    combined,
    merged,
    not_run,
    red,
    telling,
)

COPY = "source"  # of the source tree, in the working directory of this function's container
SHELL = re.compile(rb"\A#!.*\b(ba|da|k)?sh\b|^# shellcheck shell=", re.MULTILINE)
HEAD_BYTES = 512  # in which a file says what runs it
SPARE_SECONDS = 30  # before its stage is given up, a part is, so that the others' evidence is kept


@dataclass(frozen=True)
class Outcome:
    """What a stage, or a part of one, came to: its verdict and its evidence."""

    verdict: Verdict
    files: dagger.Directory
    origins: frozenset[Origin] = frozenset()
    remarks: Mapping[str, Verdict] = field(default_factory=dict)
    container: dagger.Container | None = None  # as the commands left it; None where none ran
    absent: bool = False  # what it needs is not to be had here, and nothing broke

    @property
    def origin(self) -> Origin:
        """Cached only where every part was."""
        known = self.origins - {"-"}
        return "ran" if "ran" in known else "cached" if known else "-"


class CommandUnansweredError(RuntimeError):
    """A command was killed or took too long; what it left, and those before it, is the outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("; ".join(outcome.verdict.reasons))
        self.outcome = outcome


@dataclass(frozen=True)
class Session:
    """What every stage is given; `opened` makes it."""

    fresh: bool
    started: float
    limiter: anyio.CapacityLimiter
    history: dagger.Directory  # .git of the source, and nothing else; empty where it has none
    place: str = COPY
    shards: int = 1  # into which the end-to-end tests are split, each beside a stack of its own
    recalls: bool = False  # looks at what an earlier call got no answer of, and does not ask again

    @classmethod
    async def opened(
        cls,
        source: dagger.Directory,
        *,
        fresh: bool = False,
        history: dagger.Directory | None = None,
        shards: int = 1,
    ) -> "Session":
        """Copies what git would keep of the source to where folders can be named one by one."""
        limiter = anyio.CapacityLimiter(1 + (os.cpu_count() or 1))
        session = cls(fresh, time.time(), limiter, history or dag.directory(), shards=shards)
        return await session.beside(source, COPY)

    async def beside(self, source: dagger.Directory, place: str) -> "Session":
        """The same session over another source tree, whose copy lies in a place of its own."""
        await source.filter(exclude=[".git"], gitignore=True).export(place, wipe=True)
        return replace(self, place=place)

    @property
    def day(self) -> date:
        """When it began; what the world knows changes from day to day."""
        return datetime.fromtimestamp(self.started, tz=UTC).date()

    def folder(
        self, path: str = ".", include: Collection[str] = (), exclude: Collection[str] = ()
    ) -> dagger.Directory:
        """A folder of the source, whole or in part."""
        return dag.current_module().workdir(
            f"{self.place}/{path}", include=[*include] or None, exclude=[*exclude] or None
        )

    def file(self, path: str) -> dagger.File:
        """A file of the source."""
        place = Path(path)
        return self.folder(str(place.parent), include=[place.name]).file(place.name)

    def text(self, path: str) -> str:
        """A file of the source, read."""
        return Path(self.place, path).read_text(encoding="utf-8")

    def paths(self, *patterns: str) -> list[str]:
        """The files of the source that fit a pattern such as `**/*.sh`, hidden ones too."""
        root = Path(self.place)
        found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
        return sorted(str(path.relative_to(root)) for path in found)

    def is_shell(self, path: str) -> bool:
        """Whether a file of the source says at its beginning which shell runs it."""
        with Path(self.place, path).open("rb") as stream:
            return bool(SHELL.search(stream.read(HEAD_BYTES)))

    async def without_history(self) -> str:
        """Why the history cannot be looked at; empty where it can."""
        names = await self.history.glob(".git/*")
        if ".git/HEAD" not in names:
            return "the source comes without its history (no .git)"
        return "the history is cut short (a shallow clone)" if ".git/shallow" in names else ""


Made = TypeVar("Made")
Gate = Callable[[Session], Awaitable[Outcome]]


async def attempt(part: Awaitable[Outcome]) -> Outcome:
    """Awaits one part; whatever it raises becomes "not run"."""
    left = anyio.current_effective_deadline() - anyio.current_time() - SPARE_SECONDS
    try:
        with anyio.move_on_after(left):
            return await part
    except CommandUnansweredError as error:
        return error.outcome
    except TimeoutError as error:
        return Outcome(red(str(error) or "it took too long"), dag.directory())
    except dagger.ExecError as error:
        log = f"{error.stdout}\n{error.stderr}"
        reason = f"exit code {error.exit_code}: {last_line(log)}"
        return Outcome(not_run(reason), dag.directory().with_new_file("log.txt", f"{error}\n{log}"))
    except Exception as error:  # noqa: BLE001  the boundary: what cannot run is a verdict, not a crash
        told = f"{type(error).__name__}: {error}"
        return Outcome(not_run(told), dag.directory().with_new_file("log.txt", f"{told}\n"))
    return Outcome(red("it was given up, for the time of its stage was over"), dag.directory())


async def together(parts: Mapping[str, Awaitable[Outcome]]) -> dict[str, Outcome]:
    """Runs all parts at once and waits for every one of them."""
    return await all_of({name: attempt(part) for name, part in parts.items()})


async def all_of(calls: Mapping[str, Awaitable[Made]]) -> dict[str, Made]:
    """Awaits all at once; where one raises, the first one's error, and not a group of them."""
    answers: dict[str, Made] = {}
    errors: dict[str, Exception] = {}

    async def keep(name: str, call: Awaitable[Made]) -> None:
        try:
            answers[name] = await call
        except Exception as error:  # noqa: BLE001  raised below, once the others have ended
            errors[name] = error

    async with anyio.create_task_group() as group:
        for name, call in calls.items():
            group.start_soon(keep, name, call)
    for error in errors.values():
        raise error
    return {name: answers[name] for name in calls}


async def joined(
    parts: Mapping[str, Awaitable[Outcome]], optional: Collection[str] = ()
) -> Outcome:
    """Runs all parts at once and makes one outcome of them, evidence under the parts' names.

    A part in `optional` that finds nothing here to run with is a remark, which says so, instead of
    a fault; one that breaks is a fault.
    Remarks of one name become one, and each reason then says its part.
    """
    return as_one(await together(parts), optional)


def as_one(outcomes: Mapping[str, Outcome], optional: Collection[str] = ()) -> Outcome:
    """One outcome of several, as `joined` makes it."""
    files = dag.directory()
    for name, outcome in outcomes.items():
        files = files.with_directory(name, outcome.files)
    verdicts = {name: outcome.verdict for name, outcome in outcomes.items()}
    absent = {name: verdicts.pop(name) for name in optional if outcomes[name].absent}
    remarks = {name: outcome.remarks for name, outcome in outcomes.items()}
    return Outcome(
        combined(verdicts),
        files,
        frozenset().union(*(outcome.origins for outcome in outcomes.values())),
        merged({**remarks, "not run here": absent}),
        telling([(o.verdict, o.container) for name, o in outcomes.items() if name not in absent]),
    )
