"""The tests that mean well, against a stack that runs elsewhere: on this machine or deployed.

Contract: the tests are those of the stages contract and end-to-end, without those that are hostile;
a test that needs what was not given is left out and named. What they write, predictions and
feedback, stays there. Keys are secrets, each by itself, so that the engine blots each out of what
is printed. Does not start, stop or load the stack.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import dagger
from dagger import dag

from mnist_pipeline import contract
from mnist_pipeline.app import OPENAPI
from mnist_pipeline.browsing import UNRELATED_TESTS
from mnist_pipeline.containers import browser, python_tools
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session
from mnist_pipeline.gates import junit
from mnist_pipeline.gates.addresses import holders, reachable
from mnist_pipeline.gates.verdicts import StageResult, Verdict
from mnist_pipeline.services import READY_LIMIT_SECONDS, once_ready, with_readiness
from mnist_pipeline.stages import Evidence, timed

AGAIN = "scripts/test-integration.sh"
PROBES = {"backend": "/ready", "frontend": "/_stcore/health", "prometheus": "/-/ready"}


@dataclass(frozen=True)
class Part:
    """Tests of a kind, and the address without which none of them can run."""

    needs: str
    paths: tuple[str, ...]


PARTS = {  # the first one is always run
    "contract": Part("backend", ("contract/test_journeys.py", "contract/test_drift.py")),
    "end-to-end": Part("frontend", ("e2e",)),
}


@dataclass(frozen=True)
class Stack:
    """Where a running stack answers; an address that is empty was not given."""

    addresses: dict[str, str]  # of backend, frontend, metrics and prometheus
    keys: Sequence[dagger.Secret]  # of all holders, or none
    here: Collection[dagger.Service]  # what of it runs on the caller's machine
    limit_seconds: int

    async def ways(self) -> dict[int, dagger.Service]:
        """The services on the caller's machine, by their ports."""
        found = [(service, await service.ports()) for service in self.here]
        return {await port.port(): service for service, ports in found for port in ports}

    async def reached(self) -> "Stack":
        """The same, with addresses that a container can use.

        Raises:
            StackUnreachableError: an address is none, or of this machine without a way there.
        """
        ways = await self.ways()
        found = {name: reachable(name, url, ways) for name, url in self.addresses.items()}
        return replace(self, addresses=found)


async def integration(source: dagger.Directory, stack: Stack) -> Evidence:
    """Runs the parts one after another, for each counts what it asked, and keeps the evidence.

    Raises:
        StackUnreachableError, KeysIncompleteError: an address, or the keys, cannot be used.
    """
    holders(len(stack.keys))
    session = await Session.opened(source, fresh=True)
    stack = await stack.reached()
    results: list[StageResult] = []
    files = dag.directory()
    for name, part in PARTS.items():
        if not stack.addresses[part.needs]:
            told = Verdict("not run", (f"no --{part.needs}-url was given",))
            results[-1] = replace(results[-1], remarks={**results[-1].remarks, name: told})
            continue
        result, outcome = await timed(name, asked(session, stack, name))
        results.append(replace(result, again=AGAIN))
        files = files.with_directory(name, outcome.files)
    return Evidence(session, results, files)


async def asked(session: Session, stack: Stack, name: str) -> Outcome:
    """Runs the tests of a part as soon as the stack is ready; what was left out is a remark."""
    recorder = await Recorder.around(session, await outside(session, stack, name))
    given = {part: url for part, url in stack.addresses.items() if url}
    ready = {part: f"{url}{PROBES[part]}" for part, url in given.items() if part in PROBES}
    pytest = ["pytest", *PARTS[name].paths, f"--junitxml={REPORTS}/junit.xml"]
    pytest += ["--tb=short"] if stack.keys else []  # a long one tells what functions were given
    patience = min(READY_LIMIT_SECONDS, stack.limit_seconds // 2)
    command = once_ready(ready, *pytest, limit_seconds=patience)
    answers = await recorder.run("pytest", command, stack.limit_seconds).answers()
    xml, log = answers.text("junit.xml"), answers.log("pytest")
    outcome = answers.judged(junit.judge(xml, answers.exit_code("pytest"), log, may_skip=True))
    left_out = junit.tally(xml).skipped if xml else ()
    return replace(outcome, remarks={"left out": Verdict("not run", left_out)} if left_out else {})


async def outside(session: Session, stack: Stack, name: str) -> dagger.Container:
    """The tests of a part and their tools, told where the stack is and what there is not."""
    if name == "contract":
        tools = python_tools(session.file("tests/contract/requirements.lock"))
        tree = session.folder("tests", include=contract.TESTS)
    else:
        tools = browser(session.file("tests/requirements.lock"))
        tree = session.folder("tests", exclude=UNRELATED_TESTS)
    container = (
        with_readiness(tools)
        .with_mounted_directory("/tests", tree)
        .with_mounted_file("/openapi.json", session.file(OPENAPI))
        .with_workdir("/tests")
    )
    settings = {f"{part.upper()}_URL": url for part, url in stack.addresses.items()}
    settings |= dict.fromkeys(("ALONE_URL", "LOCKED_URL", "EDGE_URL", "DATABASE_URL"), "")
    settings |= {"KEYS_DIR": "", "OPENAPI": "/openapi.json", "REPORTS_DIR": REPORTS}
    keys = stack.keys if name == "contract" else ()  # the page has a key of its own
    if keys:
        settings["KEYS_DIR"] = contract.KEYS
    for holder, key in zip(holders(len(keys)), keys, strict=True):
        container = container.with_mounted_secret(f"{contract.KEYS}/{holder}.key", key)
    for variable, value in settings.items():
        container = container.with_env_variable(variable, value)
    for port, service in (await stack.ways()).items():
        container = container.with_service_binding(f"here-{port}", service)
    return container
