"""One call of the pipeline: its source tree, when it began, and how much runs at a time.

Contract: parts of a stage run together; a part that raises is "not run" with what it printed, and
never takes the others with it. Does not know the stages.
"""

import os
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

import anyio
import dagger
from dagger import dag

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Origin, Verdict, combined, not_run

REASON_LINES = 3


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
    """What every stage is given."""

    source: dagger.Directory
    fresh: bool = False
    started: float = field(default_factory=time.time)
    limiter: anyio.CapacityLimiter = field(
        default_factory=lambda: anyio.CapacityLimiter(2 * (os.cpu_count() or 1))
    )

    @property
    def nonce(self) -> str:
        """Changes with every call that asks for fresh answers; empty otherwise."""
        return f"{self.started:.6f}" if self.fresh else ""

    async def text(self, path: str) -> str:
        """A text file of the source; its content, not its history, is what caches then see."""
        return await self.source.file(path).contents()


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
