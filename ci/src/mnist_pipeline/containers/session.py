"""One call of the pipeline: its source tree, when it began, and how much runs at a time.

Contract: a folder of the source is known to caches by its content alone, so what stands beside it
may change unnoticed. Parts of a stage run together; a part that raises is "not run" with what it
printed, and never takes the others with it. Does not know the stages.
"""

import os
import time
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import dagger
from dagger import dag

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Origin, Verdict, combined, not_run

COPY = "source"  # of the source tree, in the working directory of this function's container


@dataclass(frozen=True)
class Outcome:
    """What a stage, or a part of one, came to: its verdict and its evidence."""

    verdict: Verdict
    files: dagger.Directory
    origins: frozenset[Origin] = frozenset()
    remarks: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def origin(self) -> Origin:
        """Cached only where every part was."""
        known = self.origins - {"-"}
        return "ran" if "ran" in known else "cached" if known else "-"


@dataclass(frozen=True)
class Session:
    """What every stage is given; `opened` makes it."""

    fresh: bool
    started: float
    limiter: anyio.CapacityLimiter

    @classmethod
    async def opened(cls, source: dagger.Directory, *, fresh: bool = False) -> "Session":
        """Copies what git would keep of the source to where folders can be named one by one."""
        started = time.time()
        await source.filter(gitignore=True).export(COPY, wipe=True)
        return cls(fresh, started, anyio.CapacityLimiter(2 * (os.cpu_count() or 1)))

    def folder(
        self, path: str = ".", include: Collection[str] = (), exclude: Collection[str] = ()
    ) -> dagger.Directory:
        """A folder of the source, whole or in part."""
        return dag.current_module().workdir(
            f"{COPY}/{path}", include=[*include] or None, exclude=[*exclude] or None
        )

    def file(self, path: str) -> dagger.File:
        """A file of the source."""
        place = Path(path)
        return self.folder(str(place.parent), include=[place.name]).file(place.name)

    def text(self, path: str) -> str:
        """A file of the source, read."""
        return Path(COPY, path).read_text(encoding="utf-8")


async def attempt(part: Awaitable[Outcome]) -> Outcome:
    """Awaits one part; whatever it raises becomes "not run"."""
    try:
        return await part
    except dagger.ExecError as error:
        log = f"{error.stdout}\n{error.stderr}"
        reason = f"exit code {error.exit_code}: {last_line(log)}"
        return Outcome(not_run(reason), dag.directory().with_new_file("log.txt", f"{error}\n{log}"))
    except Exception as error:  # noqa: BLE001  the boundary: what cannot run is a verdict, not a crash
        told = f"{type(error).__name__}: {error}"
        return Outcome(not_run(told), dag.directory().with_new_file("log.txt", f"{told}\n"))


async def together(parts: Mapping[str, Awaitable[Outcome]]) -> dict[str, Outcome]:
    """Runs all parts at once and waits for every one of them."""
    outcomes: dict[str, Outcome] = {}

    async def keep(name: str, part: Awaitable[Outcome]) -> None:
        outcomes[name] = await attempt(part)

    async with anyio.create_task_group() as group:
        for name, part in parts.items():
            group.start_soon(keep, name, part)
    return {name: outcomes[name] for name in parts}


async def joined(parts: Mapping[str, Awaitable[Outcome]]) -> Outcome:
    """Runs all parts at once and makes one outcome of them, evidence under the parts' names."""
    outcomes = await together(parts)
    files = dag.directory()
    for name, outcome in outcomes.items():
        files = files.with_directory(name, outcome.files)
    return Outcome(
        combined({name: outcome.verdict for name, outcome in outcomes.items()}),
        files,
        frozenset().union(*(outcome.origins for outcome in outcomes.values())),
        {name: remark for o in outcomes.values() for name, remark in o.remarks.items()},
    )
