"""Stages that read the source and run none of it: style, dependencies, patterns, secrets.

Contract: a gate is one tool over the files of its kind, a stage is its gates together. A tool that
was given no file, or cannot find what it is known to find, is "not run". Does not know images.
"""

from collections.abc import Mapping
from dataclasses import replace

import dagger
from dagger import dag

from mnist_pipeline.app import ROOT_FILES, ROOT_LOCK
from mnist_pipeline.changes import without_history
from mnist_pipeline.containers import debian, go, python_tools
from mnist_pipeline.containers.recorder import REPORTS, Answers, Recorder
from mnist_pipeline.containers.session import Gate, Outcome, Session, joined
from mnist_pipeline.gates import dependencies as packages
from mnist_pipeline.gates import printed, python, sarif
from mnist_pipeline.gates.verdicts import Verdict, combined, not_run

ANALYSERS = "ci/analysers"
LOCK = f"{ANALYSERS}/requirements.lock"
RULES = f"{ANALYSERS}/semgrep"
WORKFLOWS = ".github/workflows"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint"
GITLEAKS = "github.com/zricethezav/gitleaks/v8"
PYTHON_FILES = ("**/*.py", "**/*.pyi", "**/pyproject.toml", "**/ruff.toml", "**/.ruff.toml")
CODE = ("**/*.py", "**/*.js")
PROJECTS = dict.fromkeys(("apps/backend", "apps/frontend", "ci", "deploy"), "src")  # shipped
KNOWN_FAULTY = "requests==2.19.0\n"  # CVE-2018-18074: an index with advisories knows it
AUDIT_SECONDS = 300


def with_tree(container: dagger.Container, tree: dagger.Directory) -> dagger.Container:
    """A container whose working directory is (a part of) the source."""
    return container.with_mounted_directory("/src", tree).with_workdir("/src")


def analysers(session: Session, *parts: str) -> dagger.Container:
    """The locked analysers beside parts of the source."""
    return with_tree(python_tools(session.file(LOCK)), session.folder(include=parts))


def compiled(session: Session, package: str, *beside: str) -> dagger.Container:
    """An analyser written in Go, beside packages of Debian."""
    modules = session.folder(ANALYSERS, include=["go.mod", "go.sum"])
    program = go.compiled(modules, package)
    name = "actionlint" if package == ACTIONLINT else "gitleaks"
    return debian(*beside).with_file(f"/usr/local/bin/{name}", program, permissions=0o755)


async def ruff(session: Session) -> Outcome:
    """Ruff's rules, security's among them, and its formatter, over every Python file."""
    tools = python_tools(session.file(ROOT_LOCK))
    tree = session.folder(include=[*ROOT_FILES, *PYTHON_FILES])
    recorder = await Recorder.around(session, with_tree(tools, tree))
    check = ("ruff", "check", "--no-cache")
    sarif_file = f"--output-file={REPORTS}/ruff.sarif"
    answers = await (
        recorder.run("ruff", [*check, "--output-format=sarif", sarif_file, "."])
        .run("text", [*check, "--output-format=full", "."])
        .run("format", ["ruff", "format", "--no-cache", "--check", "."])
        .answers()
    )
    text, log = answers.text("ruff.sarif"), answers.log("ruff")
    verdicts = {
        "check": sarif.judge("ruff check", text, answers.exit_code("ruff"), log),
        "format": python.judge_format(answers.exit_code("format"), answers.log("format")),
    }
    return answers.judged(combined(verdicts))


async def hadolint(session: Session) -> Outcome:
    """Hadolint, which has ShellCheck in it, over every Dockerfile."""
    files = session.paths("**/Dockerfile", "**/*.Dockerfile", "**/Dockerfile.*")
    settings = f"{ANALYSERS}/hadolint.yaml"
    write = f'hadolint --config {settings} --format sarif "$@" >{REPORTS}/hadolint.sarif'
    container = analysers(session, settings, *files)
    return await by_sarif(session, container, "hadolint", ["sh", "-c", write, "", *files], files)


async def shellcheck(session: Session) -> Outcome:
    """ShellCheck over every shell script, also those that only a container runs."""
    programs = [path for path in session.paths("**/*") if session.is_shell(path)]
    parts = [path for path in session.paths("**/*.sh") if path not in programs]
    tree = session.folder(include=[*programs, *parts])
    recorder = await Recorder.around(session, with_tree(debian("shellcheck"), tree))
    command = ("shellcheck", "--format=gcc", "--norc")
    recorder = recorder.run("programs", [*command, *programs]) if programs else recorder
    recorder = recorder.run("parts", [*command, "--shell=sh", *parts]) if parts else recorder
    answers = await recorder.answers()
    files = {"programs": len(programs), "parts": len(parts)}
    verdicts = {
        name: printed.judge("shellcheck", answers.exit_code(name), answers.log(name), number)
        for name, number in files.items()
        if number
    }
    return told(answers, "shellcheck", "".join(map(answers.log, verdicts)), combined(verdicts))


async def actionlint(session: Session) -> Outcome:
    """Actionlint over the workflows, with ShellCheck over the shell in them."""
    files = session.paths(f"{WORKFLOWS}/*.yml", f"{WORKFLOWS}/*.yaml")
    container = with_tree(
        compiled(session, ACTIONLINT, "shellcheck"), session.folder(include=files)
    ).with_directory("/src/.git", dag.directory())  # by which it knows the project's root
    recorder = await Recorder.around(session, container)
    answers = await recorder.run("actionlint", ["actionlint", "-oneline", *files]).answers()
    code, log = answers.exit_code("actionlint"), answers.log("actionlint")
    return told(answers, "actionlint", log, printed.judge("actionlint", code, log, len(files)))


async def zizmor(session: Session) -> Outcome:
    """Zizmor over the workflows: injection, pins, permissions."""
    files = session.paths(f"{WORKFLOWS}/*.yml", f"{WORKFLOWS}/*.yaml")
    settings = f"{ANALYSERS}/zizmor.yaml"
    options = f"--offline --no-progress --format=sarif --config={settings}"
    write = f'zizmor {options} "$@" >{REPORTS}/zizmor.sarif'
    container = analysers(session, settings, *files)
    return await by_sarif(session, container, "zizmor", ["sh", "-c", write, "", *files], files)


async def deptry(session: Session) -> Outcome:
    """Deptry: what is imported is declared, what is declared is imported, in each project."""
    parts = [f"{project}/{part}" for project in PROJECTS for part in ("pyproject.toml", "src")]
    recorder = await Recorder.around(session, analysers(session, *parts))
    for project, shipped in PROJECTS.items():
        name = project.replace("/", "-")
        report = f"--json-output={REPORTS}/{name}.json"
        recorder = recorder.run(name, ["env", f"--chdir={project}", "deptry", report, shipped])
    answers = await recorder.answers()
    verdicts = {}
    for project in PROJECTS:
        name = project.replace("/", "-")
        text, code, log = answers.text(f"{name}.json"), answers.exit_code(name), answers.log(name)
        verdicts[project] = packages.judge_deptry(project, text, code, log)
    return answers.judged(combined(verdicts))


async def pip_audit(session: Session) -> Outcome:
    """pip-audit over every lock, where the index knows faults of a package that has some."""
    locks = session.paths("**/requirements*.lock")
    container = analysers(session, *locks).with_new_file("/probe.txt", KNOWN_FAULTY)
    container = container.with_env_variable("ADVISORIES_DAY", session.day.isoformat())
    audit = ("pip-audit", "--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json")
    probe = [*audit, "--timeout=15", f"--output={REPORTS}/probe.json", "--requirement=/probe.txt"]
    recorder = (await Recorder.around(session, container)).run("probe", probe, AUDIT_SECONDS)
    answers = await recorder.answers()
    state = packages.judge_probe(answers.text("probe.json"), answers.log("probe"))
    if not state.passed:
        missing = packages.unasked(answers.text("probe.json"), answers.log("probe"))
        return replace(answers.judged(state), absent=missing)
    for lock in locks:
        name = lock.replace("/", "-")
        report = f"--output={REPORTS}/{name}.json"
        recorder = recorder.run(name, [*audit, report, f"--requirement={lock}"], AUDIT_SECONDS)
    answers = await recorder.answers()
    reports = {lock: answers.text(f"{lock.replace('/', '-')}.json") for lock in locks}
    return answers.judged(packages.judge_audit(state, reports))


async def semgrep(session: Session) -> Outcome:
    """Semgrep with this project's own rules, over all code."""
    files = [path for path in session.paths(*CODE) if not path.startswith(RULES)]
    container = analysers(session, *CODE, RULES).with_new_file("/src/.semgrepignore", "")
    output = f"--sarif-output={REPORTS}/semgrep.sarif"
    command = ["semgrep", "scan", "--config", f"{RULES}/rules.yaml", "--exclude", RULES]
    command += ["--metrics=off", "--disable-version-check", "--no-git-ignore", "--error", output]
    return await by_sarif(session, container, "semgrep", [*command, "."], files)


async def bandit(session: Session) -> Outcome:
    """Bandit over the code that is not a test; its settings name what ruff judges in its place."""
    settings = f"{ANALYSERS}/bandit.yaml"
    files = [path for path in session.paths("**/*.py") if "tests" not in path.split("/")]
    files = [path for path in files if not path.startswith(f"{ANALYSERS}/")]
    container = analysers(session, "**/*.py", settings)
    output = ("--format=sarif", f"--output={REPORTS}/bandit.sarif")
    command = ["bandit", "--quiet", f"--configfile={settings}", *output, *files]
    return await by_sarif(session, container, "bandit", command, files)


async def semgrep_rules(session: Session) -> Outcome:
    """The tests of those rules: each finds its examples and leaves the others alone."""
    recorder = await Recorder.around(session, analysers(session, RULES))
    quiet = ("--metrics=off", "--disable-version-check")
    command = ["semgrep", "scan", "--test", *quiet, "--config", f"{RULES}/", f"{RULES}/"]
    answers = await recorder.run("rules", command).answers()
    code, log = answers.exit_code("rules"), answers.log("rules")
    return answers.judged(
        python.judge_semgrep_rules(session.text(f"{RULES}/rules.yaml"), code, log)
    )


async def gitleaks_tree(session: Session) -> Outcome:
    """Gitleaks over every file of the source."""
    return await gitleaks(session, "dir", session.folder())


async def gitleaks_history(session: Session) -> Outcome:
    """Gitleaks over every commit of a history."""
    return await gitleaks(session, "git", session.history)


async def gitleaks(session: Session, mode: str, place: dagger.Directory) -> Outcome:
    """Gitleaks over files or commits; what it finds is never printed."""
    settings = session.file(f"{ANALYSERS}/gitleaks.toml")
    container = compiled(session, GITLEAKS, "git").with_mounted_file("/gitleaks.toml", settings)
    command = ["gitleaks", mode, "--config=/gitleaks.toml", "--redact", "--no-banner"]
    command += ["--report-format=sarif", f"--report-path={REPORTS}/gitleaks.sarif", "."]
    recorder = await Recorder.around(session, with_tree(container, place))
    answers = await recorder.run("gitleaks", command).answers()
    text, code, log = (
        answers.text("gitleaks.sarif"),
        answers.exit_code("gitleaks"),
        answers.log("gitleaks"),
    )
    seen = printed.commits(log) if mode == "git" else len(session.paths("**/*"))
    return answers.judged(sarif.judge("gitleaks", text, code, log, seen))


def told(answers: Answers, tool: str, log: str, verdict: Verdict) -> Outcome:
    """The outcome of a tool that prints its faults, with SARIF of them among the evidence."""
    outcome = answers.judged(verdict)
    return replace(
        outcome, files=outcome.files.with_new_file(f"{tool}.sarif", printed.sarif(tool, log))
    )


async def by_sarif(
    session: Session,
    container: dagger.Container,
    tool: str,
    command: list[str],
    files: list[str],
) -> Outcome:
    """Runs a tool that leaves SARIF, and judges it by that."""
    answers = await (await Recorder.around(session, container)).run(tool, command).answers()
    text, code, log = answers.text(f"{tool}.sarif"), answers.exit_code(tool), answers.log(tool)
    return answers.judged(sarif.judge(tool, text, code, log, len(files)))


LINT: Mapping[str, Gate] = {
    "ruff": ruff,
    "hadolint": hadolint,
    "shellcheck": shellcheck,
    "actionlint": actionlint,
    "zizmor": zizmor,
}
DEPENDENCIES: Mapping[str, Gate] = {"deptry": deptry, "advisories": pip_audit}
SAST: Mapping[str, Gate] = {"bandit": bandit, "semgrep": semgrep, "rules": semgrep_rules}
SECRETS: Mapping[str, Gate] = {"tree": gitleaks_tree, "history": gitleaks_history}


async def lint(session: Session) -> Outcome:
    """Style: of Python, Dockerfiles, shell and workflows."""
    return await joined({name: gate(session) for name, gate in LINT.items()})


async def dependencies(session: Session) -> Outcome:
    """Dependencies: unused, undeclared, and with known faults where an index tells of them."""
    parts = {name: gate(session) for name, gate in DEPENDENCIES.items()}
    return await joined(parts, optional={"advisories"})


async def sast(session: Session) -> Outcome:
    """Static analysis: bandit, and rules of this project's own; ruff's of security are in lint."""
    return await joined({name: gate(session) for name, gate in SAST.items()})


async def secrets(session: Session) -> Outcome:
    """Secrets: in every file, and in every commit where the source comes with its history."""
    return await joined(
        {"tree": gitleaks_tree(session), "history": of_own_history(session)}, optional={"history"}
    )


async def of_own_history(session: Session) -> Outcome:
    """Gitleaks over every commit, if they are those of this source and not of another one."""
    reason = await without_history(session)
    if reason:
        return Outcome(not_run(reason), dag.directory(), absent=True)
    return await gitleaks_history(session)
