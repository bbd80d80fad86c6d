"""Reads the workflows of GitHub Actions, and the rules about them.

Contract: a rule `faults_of_x(workflow)` answers with what is wrong, nothing where it is kept.
Shell, expressions and injections are the business of actionlint and zizmor, in the stage lint.
Does not know what the pipeline does.
"""

import ast
import re
import shlex
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from layout.source import name as name_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
SECRETS = {"GHCR_TOKEN", "STAGING_HOST", "PRODUCTION_HOST", "GRAFANA_PASSWORD", "SLACK_WEBHOOK"}
SECRETS |= {"DEPLOY_KEY"}  # what opens a host
PIN = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
PINNED_LINE = re.compile(r"uses: \S+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$")
PERMISSIONS = {  # what a job may ever ask for, and which jobs may write
    "contents": {"read"},
    "security-events": {"write"},
    "id-token": {"write"},  # of a job that publishes, to sign as itself
}
CALL = re.compile(r"(?:\./daggerw call|\bmake) ((?:[^|;&>\d]|\d(?!>))+)")
LEFT = re.compile(r"(?:(?<![\d&])>>? ?|\btee |--path[ =])([\w.-][\w./-]*)")
BOUNDED = {"report", "test", "publish", "release"}  # they give up a stage by themselves
SPARE_MINUTES = 15  # to find or make Dagger, and to keep the evidence
NOTIFY = "./.github/workflows/notify.yml"
CHAINS = {"export": {"path"}, "sync": set(), "stdout": set()}  # of the engine's own objects


class Workflow(NamedTuple):
    """A workflow: its file's text and what it says."""

    text: str
    content: dict[str, Any]

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """Its jobs by name."""
        return self.content["jobs"]

    def steps(self) -> Iterator[dict[str, Any]]:
        """Every step of every job."""
        for job in self.jobs.values():
            yield from job.get("steps", [])


def read(text: str) -> Workflow:
    """A workflow from its text, every scalar a string, so that `on` stays a word."""
    return Workflow(text, yaml.load(text, Loader=yaml.BaseLoader))  # noqa: S506  knows plain values only


def workflows() -> dict[str, Workflow]:
    """All of them, by the name of the file, for the caller to change as it likes."""
    return deepcopy(stored())


@cache
def stored() -> dict[str, Workflow]:
    """All of them as they are stored."""
    return {path.name: read(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.y*ml")}


def functions() -> dict[str, set[str]]:
    """The pipeline's functions with their arguments, as the command line spells them, and verbs."""
    text = (ROOT / "ci/src/mnist_pipeline/main.py").read_text(encoding="utf-8")
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.AsyncFunctionDef) and "function" in map(
            name_of, node.decorator_list
        ):
            arguments = [*node.args.args, *node.args.kwonlyargs]
            found[spelled(node.name)] = {spelled(a.arg) for a in arguments} - {"self"}
    verbs = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    return {verb: set[str]() for verb in verbs} | found


def spelled(identifier: str) -> str:
    """A Python name as the command line has it."""
    return identifier.strip("_").replace("_", "-")


def stages() -> set[str]:
    """The names of the stages."""
    text = (ROOT / "ci/src/mnist_pipeline/stages.py").read_text(encoding="utf-8")
    table = re.search(r"^STAGES[^{]*\{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    assert table
    return set(re.findall(r'^ +"([\w-]+)":', table[1], re.MULTILINE))


def limit_seconds() -> int:
    """After which the pipeline gives up a stage."""
    text = (ROOT / "ci/src/mnist_pipeline/stages.py").read_text(encoding="utf-8")
    assigned = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    (limit,) = [node.value for node in assigned if name_of(node.targets[0]) == "LIMIT_SECONDS"]
    return int(ast.literal_eval(limit))


def calls(workflow: Workflow) -> list[list[str]]:
    """Every call of the pipeline, or of a verb of make, as words, from the function on."""
    commands = (step.get("run", "") for step in workflow.steps())
    found = (CALL.search(command) for command in commands)
    return [shlex.split(call[1]) for call in found if call]


def faults_of_pins(workflow: Workflow) -> list[str]:
    """Every action is pinned by its commit, with the version behind it, or is our own."""
    used = [step["uses"] for step in workflow.steps() if "uses" in step]
    used += [job["uses"] for job in workflow.jobs.values() if "uses" in job]
    foreign = [use for use in used if not use.startswith("./")]
    lines = [
        line for line in workflow.text.splitlines() if "uses: " in line and "uses: ./" not in line
    ]
    faults = [f"{use} is not pinned by commit" for use in foreign if not PIN.fullmatch(use)]
    return faults + [f"no version behind {x.strip()}" for x in lines if not PINNED_LINE.search(x)]


def faults_of_permissions(workflow: Workflow) -> list[str]:
    """Nothing is allowed at the top, and each job says what little it needs."""
    faults = (
        [] if workflow.content.get("permissions") == {} else ["permissions at the top are not {}"]
    )
    for name, job in workflow.jobs.items():
        wanted = job.get("permissions")
        if not isinstance(wanted, dict):
            faults.append(f"{name} does not say its permissions")
            continue
        faults += [
            f"{name} wants {scope}: {level}"
            for scope, level in wanted.items()
            if level not in PERMISSIONS.get(scope, set())
            or (scope == "id-token" and "publish" not in f"{job.get('uses')}{job.get('steps')}")
        ]
    return faults


def faults_of_calls(workflow: Workflow) -> list[str]:
    """A job is one call of the pipeline, of a function that is there, with its own arguments."""
    faults = []
    for name, job in workflow.jobs.items():
        runs = [step.get("run", "") for step in job.get("steps", [])]
        number = sum(len(CALL.findall(run)) for run in runs) + ("uses" in job)
        faults += [f"{name} has {number} calls, not one"] if number != 1 else []
    known = functions()
    for called, *words in calls(workflow):
        if called not in known:
            faults.append(f"the pipeline has no function {called}")
            continue
        chains = [index for index, word in enumerate(words) if word in CHAINS]
        end = chains[0] if chains else len(words)
        given = {word[2:].partition("=")[0] for word in words[:end] if word.startswith("--")}
        faults += [f"{called} has no argument --{extra}" for extra in given - known[called]]
    return faults


def faults_of_triggers(workflow: Workflow) -> list[str]:
    """No event hands a stranger's change our secrets; what they may start is ended by time."""
    faults = [
        f"{event} runs a stranger's code with our secrets"
        for event in ("pull_request_target", "workflow_run")
        if event in workflow.content["on"]
    ]
    for name, job in workflow.jobs.items():
        if "uses" not in job and "timeout-minutes" not in job:
            faults.append(f"{name} has no timeout-minutes")
    if "pull_request" in workflow.content["on"] and "secrets." in workflow.text:
        faults.append("a pull request meets secrets")
    return faults


def faults_of_shell(workflow: Workflow) -> list[str]:
    """Commands see events through the environment alone; a pipe fails where its parts do."""
    faults = []
    for step in workflow.steps():
        run = step.get("run", "")
        faults += [f"an expression stands in: {run}"] if "${{" in run else []
        faults += (
            [f"a pipe without shell: bash: {run}"]
            if "|" in run and step.get("shell") != "bash"
            else []
        )
    checkouts = [
        step for step in workflow.steps() if step.get("uses", "").startswith("actions/checkout@")
    ]
    kept = [s for s in checkouts if s.get("with", {}).get("persist-credentials") != "false"]
    return faults + ["checkout leaves its credentials behind" for _ in kept]


def faults_of_secrets(workflow: Workflow) -> list[str]:
    """The secrets are those that README names, and none is inherited wholesale."""
    used = set(re.findall(r"secrets\.(\w+)", workflow.text)) | set(
        re.findall(r"env://(\w+)", workflow.text)
    )
    faults = [f"{secret} is not a secret of this project" for secret in used - SECRETS]
    whole = [name for name, job in workflow.jobs.items() if job.get("secrets") == "inherit"]
    return faults + [f"{name} inherits every secret" for name in whole]


def faults_of_hosts(workflow: Workflow) -> list[str]:
    """A host is taken for its own environment alone: where a secret is empty no other one is."""
    faults = []
    values = (value for step in workflow.steps() for value in step.get("env", {}).values())
    for value in (v for v in values if re.search(r"secrets\.\w+_HOST\b", v)):
        *choices, last = (part.strip() for part in value.strip("${ }").split("||"))
        for choice in choices:
            host = re.fullmatch(r"inputs\.environment == '(\w+)' && secrets\.(\w+)", choice)
            if not host or f"{host[1].upper()}_HOST" != host[2]:
                faults.append(f"{choice} is not the host of one environment")
        faults += [f"{last} is taken for want of a host"] if last != "''" else []
    return faults


def faults_of_messages(workflow: Workflow) -> list[str]:
    """A message waits for all other jobs, however they end, and knows whether one deployed."""
    faults = []
    for name, job in workflow.jobs.items():
        if job.get("uses") != NOTIFY:
            continue
        others = {*workflow.jobs} - {name}
        missed = others - {*job.get("needs", [])}
        faults += [f"{name} does not wait for {other}" for other in sorted(missed)]
        faults += [f"{name} does not always run"] if job.get("if") != "always()" else []
        result = "${{ needs.deploy.result }}" if "deploy" in others else None
        if job.get("with", {}).get("deployment") != result:
            faults.append(f"{name} does not know how deploy ended")
    return faults


def faults_of_files(workflow: Workflow) -> list[str]:
    """What a command leaves in the checkout is no part of the source: git passes it over."""
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    left = {
        path.partition("/")[0]
        for step in workflow.steps()
        for path in LEFT.findall(step.get("run", ""))
    }
    return [
        f"{name} is left in the checkout, and git does not ignore it" for name in left - ignored
    ]


def faults_of_evidence(workflow: Workflow) -> list[str]:
    """What a job with steps leaves is kept and shown, however the job ended, with its errors."""
    faults = []
    for name, job in workflow.jobs.items():
        steps = job.get("steps", [])
        if not any(
            re.search(r"call (report|prove|publish|release|rescan)|make ", s.get("run", ""))
            for s in steps
        ):
            continue
        for what in ("upload-artifact", "GITHUB_STEP_SUMMARY"):
            found = [s for s in steps if what in s.get("uses", "") + s.get("run", "")]
            if not found or not all(s.get("if", "").startswith("always()") for s in found):
                faults.append(f"{name} does not always have its {what}")
        piped = [s["run"] for s in steps if re.search("daggerw call .*[|] tee", s.get("run", ""))]
        faults += [
            f"why it fails goes past the pipe: {run}" for run in piped if "2>&1 |" not in run
        ]
    return faults


def faults_of_time(workflow: Workflow) -> list[str]:
    """A job that runs stages ends after they have given up by themselves, so evidence is kept."""
    faults = []
    for name, job in workflow.jobs.items():
        runs = [step.get("run", "") for step in job.get("steps", [])]
        called = {found for run in runs for found in re.findall(r"daggerw call ([\w-]+)", run)}
        minutes = job.get("timeout-minutes", "")
        enough = minutes.isdigit() and int(minutes) >= limit_seconds() / 60 + SPARE_MINUTES
        if called & BOUNDED and not enough:
            faults.append(f"{name} may end within {minutes} minutes, before its stages do")
    return faults


def faults_of_stages(workflow: Workflow) -> list[str]:
    """The stages that a workflow names are stages."""
    named = [job.get("with", {}).get("stages", "") for job in workflow.jobs.values()]
    unknown = {s for names in named for s in names.split(",") if s} - stages()
    return [f"no stage {stage}" for stage in sorted(unknown)]


RULES: dict[str, Callable[[Workflow], list[str]]] = {
    title.removeprefix("faults_of_"): rule
    for title, rule in list(globals().items())
    if title.startswith("faults_of_")
}
