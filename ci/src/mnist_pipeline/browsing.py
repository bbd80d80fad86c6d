"""The stages that look at the running stack from outside, through a browser.

Contract: every stage, and every shard of one, is its tests beside the stack as it was built; a test
is tried again only where it is listed, and then that is told. Does not know how a service is run
and waited for, or what the tests look for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mnist_pipeline.app import image
from mnist_pipeline.containers import browser
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session, all_of, joined
from mnist_pipeline.gates import axe, flaky, junit
from mnist_pipeline.gates.verdicts import combined
from mnist_pipeline.services import (
    KEEP_LOGS,
    logged,
    once_ready,
    with_logs,
    with_readiness,
)
from mnist_pipeline.stack import PAGES, PORTS, bound

READY = {
    "backend": "http://backend:8000/ready",
    "frontend": "http://frontend:8501/_stcore/health",
    "prometheus": "http://prometheus:9090/-/ready",
    "edge": "http://edge:8080/_stcore/health",
} | {name: f"http://{name}:8501/_stcore/health" for name in PAGES}
TESTS_LIMIT_SECONDS = 1200
VOLUME = "service-logs"
FOLDERS = {"accessibility": "a11y", "end-to-end": "e2e"}  # of the stages that a browser looks at
FLAKY = "ci/flaky-tests.toml"
UNRELATED_TESTS = {
    "test_layout.py",
    "test_workflows.py",
    "layout",
    "load",
    "faults",
    "jobs",
    "cluster",
    "contract",
    "observability",
    "rehearsal",
}


@dataclass(frozen=True)
class Shard:
    """A part of the tests of a stage."""

    number: int  # from 1
    of: int

    def __str__(self) -> str:
        """Its name among the evidence."""
        return f"shard-{self.number}-of-{self.of}"


async def accessibility(session: Session) -> Outcome:
    """Accessibility: axe-core in a real browser on the real page."""
    return await browsed(session, "accessibility")


async def end_to_end(session: Session) -> Outcome:
    """End to end: a browser draws digits, reads predictions, and finds them counted."""
    if session.shards == 1:
        return await browsed(session, "end-to-end")
    shards = [Shard(number, session.shards) for number in range(1, session.shards + 1)]
    return await joined({str(each): browsed(session, "end-to-end", each) for each in shards})


async def browsed(session: Session, stage: str, shard: Shard | None = None) -> Outcome:
    """Runs the tests of a stage, or a part of them, in a browser's container beside the stack."""
    listed = flaky.listed(session.text(FLAKY), FOLDERS)
    again = flaky.allowed(listed, stage, session.day)
    answers = await (await tests(session, FOLDERS[stage], again, shard)).answers()
    xml, log = answers.text("junit.xml"), answers.log("pytest")
    verdicts = {"tests": junit.judge(xml, answers.exit_code("pytest"), log, may_skip=False)}
    if stage == "accessibility":
        verdicts["axe"] = axe.judge(answers.texts("axe*.json"))
    verdicts["flaky"] = flaky.judge(listed, stage, session.day, "" if shard else xml)
    told = flaky.retried(answers.text("retried.json"))
    outcome = answers.judged(combined(verdicts))
    return replace(outcome, remarks={"retried": told}) if told else outcome


async def tests(
    session: Session, folder: str, again: Mapping[str, int], shard: Shard | None
) -> Recorder:
    """The browser container, bound to the stack, with the tests and what waits for the stack."""
    volume = f"{VOLUME}-{shard}" if shard else VOLUME
    container = (
        with_readiness(with_logs(browser(session.file("tests/requirements.lock")), volume))
        .with_mounted_directory("/tests", session.folder("tests", exclude=UNRELATED_TESTS))
        .with_env_variable("REPORTS_DIR", REPORTS)
        .with_workdir("/tests")
    )
    images = {name: image(session, name) for name in PORTS}
    images["guarded"] = images["backend"].with_env_variable("MNIST_AUTH", "on")
    for name, settings in PAGES.items():
        images[name] = images["frontend"]
        for variable, value in settings.items():
            images[name] = images[name].with_env_variable(variable, value)
    if again:
        container = container.with_env_variable("TRY_AGAIN", json.dumps(again, sort_keys=True))
    if shard:  # containers that are alike would be one
        images = {n: each.with_env_variable("SHARD", str(shard)) for n, each in images.items()}
    ports = {"guarded": 8000, **dict.fromkeys(PAGES, 8501), **PORTS}
    images = await all_of({n: logged(images[n], n, port, volume) for n, port in ports.items()})
    pytest = ["pytest", f"/tests/{folder}", f"--junitxml={REPORTS}/junit.xml"]
    if shard:
        pytest += [f"--splits={shard.of}", f"--group={shard.number}"]
    recorder = await Recorder.around(session, bound(images, container))
    command = once_ready(READY, *pytest)
    return recorder.run("pytest", command, TESTS_LIMIT_SECONDS).keep("logs", KEEP_LOGS)
