"""Every stage by its name, run together, and what they came to.

Contract: each selected stage ends in a result, whatever happens to it or its neighbours; results
stand in the order of the stages. Does not know what a stage does.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import anyio
import dagger
from dagger import dag
from opentelemetry import trace

from mnist_pipeline import (
    app,
    browsing,
    conformance,
    contract,
    monitoring,
    observability,
    rehearsal,
    scan,
    static,
    structure,
)
from mnist_pipeline.containers.session import CommandUnansweredError, Outcome, Session, attempt
from mnist_pipeline.gates import sarif, verdicts
from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.selection import StageUnknownError, chosen
from mnist_pipeline.page import Coverage, coverage, page

Stage = Callable[[Session], Awaitable[Outcome]]
STAGES: dict[str, Stage] = {
    "lint": static.lint,
    "types": app.types,
    "unit": app.unit,
    "dependencies": static.dependencies,
    "sast": static.sast,
    "secrets": static.secrets,
    "image-structure": structure.image_structure,
    "model": app.model,
    "accessibility": browsing.accessibility,
    "scan": scan.scan,
    "contract": contract.contract,
    "monitoring": monitoring.monitoring,
    "observability": observability.observability,
    "end-to-end": browsing.end_to_end,
    "deployment": rehearsal.deployment,
    "rehearsal": rehearsal.whole,
}
ON_DEMAND = {"rehearsal"}  # run where it is named only, for it takes long
MOST_SHARDS = 8  # each has a stack of its own, of about 2 GB
LIMIT_SECONDS = 4200  # of which most may be waiting for images, and for other stages to leave room
LIMITS = dict.fromkeys(("lint", "types", "dependencies", "sast", "secrets"), 2400)  # read only

tracer = trace.get_tracer("mnist_pipeline")


class ContainerAbsentError(RuntimeError):
    """A stage came to no container that could be looked into."""


class ShardsUnusableError(ValueError):
    """The tests cannot be split into so many parts."""


class StageTooLongError(TimeoutError):
    """A stage did not end in time."""


@dataclass(frozen=True)
class Evidence:
    """What a call of the pipeline came to."""

    session: Session
    results: list[verdicts.StageResult]
    files: dagger.Directory

    @property
    def seconds(self) -> float:
        """Since the call began."""
        return time.time() - self.session.started

    @property
    def table(self) -> str:
        """For people at a terminal."""
        return verdicts.table(self.results)

    @property
    def passed(self) -> bool:
        """Whether everything is green."""
        return verdicts.passed(self.results)

    async def bundle(self) -> dagger.Directory:
        """The evidence of every stage with the verdicts beside it, for people and machines."""
        files, names = self.files, await self.files.glob("**/*")
        names = [name for name in names if not name.endswith("/")]
        shelf, remarks = await self.sarif(names)
        results = verdicts.remarked(self.results, sarif.REMARK, remarks)
        for path, text in shelf.items():
            files = files.with_new_file(f"sarif/{path}", text)
        reports = [await self.coverage(name) for name in names if name.endswith("/coverage.xml")]
        covered = [report for report in reports if report]
        names += [name for name in await files.glob("sarif/*") if not name.endswith("/")]
        names += ["status.json", "summary.md", "pipeline.prom"]
        status = verdicts.status_json(results, self.session.started, self.seconds)
        metrics = verdicts.metrics(results, self.session.started)
        shown = page(results, self.session.started, self.seconds, covered, names)
        return (
            files.with_new_file("status.json", status)
            .with_new_file("summary.md", verdicts.summary(results, self.seconds))
            .with_new_file("index.html", shown)
            .with_new_file("pipeline.prom", metrics)
        )

    async def sarif(
        self, names: Sequence[str]
    ) -> tuple[Mapping[str, str], Mapping[str, verdicts.Verdict]]:
        """The files of all reports, and what is to be told of those that break the standard.

        Such a report is put aside, for it would have the whole upload refused; it turns no stage
        red, which is judged by its tool.
        """
        found = [name for name in names if name.endswith(".sarif")]
        reports = {name: await self.files.file(name).contents() for name in found}
        kept, refused = sarif.categories(reports)
        unchecked = ""
        try:
            refused |= await conformance.faults(self.session, kept)
        except dagger.ExecError as error:
            unchecked = last_line(error.stderr)
        except (dagger.QueryError, ValueError, CommandUnansweredError) as error:
            unchecked = str(error)
        told = sarif.remarks(reports, refused, unchecked)
        return sarif.shelf(kept, refused, unchecked), told

    async def coverage(self, name: str) -> Coverage | None:
        """What a report of coverage says of the part it belongs to."""
        return coverage(name.removesuffix("/coverage.xml"), await self.files.file(name).contents())


def selected(names: Sequence[str] | None) -> list[str]:
    """The stages to run, in their order; where none is named, all that are not on demand."""
    named = [name for name in names or [] if name.strip()]
    return chosen(named, STAGES) if named else [name for name in STAGES if name not in ON_DEMAND]


async def timed(name: str, stage: Awaitable[Outcome]) -> tuple[verdicts.StageResult, Outcome]:
    """Runs one stage under its own span."""
    began = time.monotonic()
    with tracer.start_as_current_span(f"stage {name}") as span:
        outcome = await attempt(stage)
        if not outcome.verdict.passed:
            span.set_status(trace.StatusCode.ERROR, verdicts.told(outcome.verdict))
    seconds = time.monotonic() - began
    origin, remarks = outcome.origin, outcome.remarks
    return verdicts.StageResult(name, outcome.verdict, seconds, origin, remarks), outcome


async def bounded(name: str, session: Session) -> Outcome:
    """A stage that takes too long is given up."""
    try:
        with anyio.fail_after(LIMITS.get(name, LIMIT_SECONDS)):
            return await STAGES[name](session)
    except TimeoutError as error:
        message = f"{name} was given up after {LIMITS.get(name, LIMIT_SECONDS)} s"
        raise StageTooLongError(message) from error


async def run(
    source: dagger.Directory,
    names: Sequence[str] | None = None,
    *,
    fresh: bool = False,
    history: dagger.Directory | None = None,
    shards: int = 1,
) -> Evidence:
    """Runs the selected stages together and keeps what they found."""
    order = selected(names)
    if not 1 <= shards <= MOST_SHARDS:
        message = f"{shards} shards: the end-to-end tests are split into 1 to {MOST_SHARDS}"
        raise ShardsUnusableError(message)
    session = await Session.opened(source, fresh=fresh, history=history, shards=shards)
    done: dict[str, tuple[verdicts.StageResult, Outcome]] = {}

    async def keep(name: str) -> None:
        done[name] = await timed(name, bounded(name, session))

    async with anyio.create_task_group() as group:
        for name in order:
            group.start_soon(keep, name)
    files = dag.directory()
    for name in order:
        files = files.with_directory(name, done[name][1].files)
    return Evidence(session, [done[name][0] for name in order], files)


async def opened(session: Session, name: str) -> dagger.Container:
    """The container in which a stage failed, its commands run and its services bound.

    What an earlier call got no answer of is opened as it was left, and not run again.

    Raises:
        ContainerAbsentError: what failed left none, for no command of it began.
        StageUnknownError: there is no such stage, or more than one begins so.
    """
    names = chosen([name], STAGES)
    if len(names) > 1:
        message = f"{name!r} may be {' or '.join(names)}: one stage can be looked into"
        raise StageUnknownError(message)
    outcome = await attempt(bounded(names[0], replace(session, recalls=True)))
    if outcome.container is None:
        message = f"{names[0]} left nothing to look into: {verdicts.told(outcome.verdict)}"
        raise ContainerAbsentError(message)
    return outcome.container
