"""Every stage by its name, run together, and what they came to.

Contract: each selected stage ends in a result, whatever happens to it or its neighbours; results
stand in the order of the stages. Does not know what a stage does.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio
import dagger
from dagger import dag
from opentelemetry import trace

from mnist_pipeline import app, contract, monitoring, observability, rehearsal, scan, stack
from mnist_pipeline.containers.session import Outcome, Session, attempt
from mnist_pipeline.gates import verdicts

Stage = Callable[[Session], Awaitable[Outcome]]
STAGES: dict[str, Stage] = {
    "lint": app.lint,
    "types": app.types,
    "unit": app.unit,
    "model": app.model,
    "accessibility": stack.accessibility,
    "scan": scan.scan,
    "contract": contract.contract,
    "monitoring": monitoring.monitoring,
    "observability": observability.observability,
    "end-to-end": stack.end_to_end,
    "deployment": rehearsal.deployment,
    "rehearsal": rehearsal.whole,
}
ON_DEMAND = {"rehearsal"}  # run where it is named only, for it takes long
LIMIT_SECONDS = 2400

tracer = trace.get_tracer("mnist_pipeline")


class StageUnknownError(ValueError):
    """No stage has that name."""


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

    def bundle(self) -> dagger.Directory:
        """The evidence of every stage with the verdicts beside it."""
        status = verdicts.status_json(self.results, self.session.started, self.seconds)
        summary = verdicts.summary(self.results, self.seconds)
        metrics = verdicts.metrics(self.results, self.session.started)
        files = self.files.with_new_file("status.json", status).with_new_file("summary.md", summary)
        return files.with_new_file("pipeline.prom", metrics)


def selected(names: Sequence[str] | None) -> list[str]:
    """The stages to run, in their order; where none is named, all that are not on demand."""
    wanted = [name.strip() for name in names or [] if name.strip()]
    unknown = [name for name in wanted if name not in STAGES]
    if unknown:
        message = (
            f"no stage {unknown[0]!r}: --stages takes names of {', '.join(STAGES)}, "
            "separated by commas; leave it out to run all of them"
        )
        raise StageUnknownError(message)
    chosen = wanted or [name for name in STAGES if name not in ON_DEMAND]
    return [name for name in STAGES if name in chosen]


async def timed(name: str, session: Session) -> tuple[verdicts.StageResult, Outcome]:
    """Runs one stage under its own span."""
    began = time.monotonic()
    with tracer.start_as_current_span(f"stage {name}") as span:
        outcome = await attempt(bounded(name, session))
        if not outcome.verdict.passed:
            span.set_status(trace.StatusCode.ERROR, verdicts.told(outcome.verdict))
    seconds = time.monotonic() - began
    origin, remarks = outcome.origin, outcome.remarks
    return verdicts.StageResult(name, outcome.verdict, seconds, origin, remarks), outcome


async def bounded(name: str, session: Session) -> Outcome:
    """A stage that takes too long is given up."""
    try:
        with anyio.fail_after(LIMIT_SECONDS):
            return await STAGES[name](session)
    except TimeoutError as error:
        message = f"{name} was given up after {LIMIT_SECONDS} s"
        raise StageTooLongError(message) from error


async def run(
    source: dagger.Directory, names: Sequence[str] | None = None, *, fresh: bool = False
) -> Evidence:
    """Runs the selected stages together and keeps what they found."""
    order = selected(names)
    session = await Session.opened(source, fresh=fresh)
    done: dict[str, tuple[verdicts.StageResult, Outcome]] = {}

    async def keep(name: str) -> None:
        done[name] = await timed(name, session)

    async with anyio.create_task_group() as group:
        for name in order:
            group.start_soon(keep, name)
    files = dag.directory()
    for name in order:
        files = files.with_directory(name, done[name][1].files)
    return Evidence(session, [done[name][0] for name in order], files)
