"""The stage that checks what Prometheus and Alertmanager are told, before anything runs.

Contract: judged is what the images hold, by the images' own programs; the tests come beside it.
Every rule is changed in every place, and the tests must notice. Does not know what a rule is about.
"""

import dagger
from dagger import dag

from mnist_pipeline.app import OWNER, image
from mnist_pipeline.containers import python_tools
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session, joined
from mnist_pipeline.gates import junit, promtool
from mnist_pipeline.gates.verdicts import combined

ENVIRONMENTS = ("dev", "staging", "production")
FOLDER = "/etc/prometheus"
RULES = f"promtool check rules {FOLDER}/rules/*.yml"
TESTS = f"promtool test rules {FOLDER}/tests/*_test.yml"
ROUTES = ("amtool", "check-config", "/etc/alertmanager/alertmanager.yml")
LOCK = "monitoring/requirements.lock"
LIMIT_SECONDS = 1800  # of one command, on processors that others use too
COLLECT_LATER = ("GOGC", "400")  # promtool spends 3 of 10 seconds collecting garbage otherwise


async def monitoring(session: Session) -> Outcome:
    """Monitoring: the configurations are ones, and the rules do what they say and nothing else."""
    return await joined(
        {
            "prometheus": prometheus(session),
            "alertmanager": alertmanager(session),
            "generated": generated(session),
        }
    )


async def prometheus(session: Session) -> Outcome:
    """The configuration of each environment, the rules, and their tests."""
    container = (
        image(session, "prometheus")
        .with_directory(REPORTS, dag.directory(), owner=OWNER)
        .with_directory(f"{FOLDER}/tests", session.folder("monitoring/tests"))
        .with_env_variable(*COLLECT_LATER)
    )
    recorder = await Recorder.around(session, container)
    for name in ENVIRONMENTS:
        recorder = recorder.run(name, ["promtool", "check", "config", f"{FOLDER}/{name}.yml"])
    answers = await (
        recorder.run("rules", ["sh", "-c", RULES]).run("tests", ["sh", "-c", TESTS]).answers()
    )
    judges = {
        **dict.fromkeys(ENVIRONMENTS, promtool.judge_configuration),
        "rules": promtool.judge_rules,
        "tests": promtool.judge_tests,
    }
    verdicts = {
        name: judge(answers.exit_code(name), answers.log(name)) for name, judge in judges.items()
    }
    return answers.judged(combined(verdicts))


async def alertmanager(session: Session) -> Outcome:
    """The configuration of Alertmanager."""
    container = image(session, "alertmanager")
    container = container.with_directory(REPORTS, dag.directory(), owner=OWNER)
    answers = await (await Recorder.around(session, container)).run("routes", ROUTES).answers()
    return answers.judged(promtool.judge_routes(answers.exit_code("routes"), answers.log("routes")))


async def generated(session: Session) -> Outcome:
    """What is made of the objectives: files, routes and dashboards; then every mutant."""
    recorder = await Recorder.around(session, beside_programs(session))
    junit_file = f"--junitxml={REPORTS}/junit.xml"
    answers = await (
        recorder.run("pytest", ["pytest", junit_file, "monitoring/tests"], LIMIT_SECONDS)
        .run("mutants", ["python", "-m", "monitoring", "mutate"], LIMIT_SECONDS)
        .answers()
    )
    xml, log = answers.text("junit.xml"), answers.log("pytest")
    verdicts = {
        "tests": junit.judge(xml, answers.exit_code("pytest"), log, may_skip=False),
        "mutants": promtool.judge_mutants(answers.exit_code("mutants"), answers.log("mutants")),
    }
    return answers.judged(combined(verdicts))


def beside_programs(session: Session) -> dagger.Container:
    """What makes the files, beside the programs of the images that judge them."""
    programs = {"promtool": "prometheus", "amtool": "alertmanager"}
    container = python_tools(session.file(LOCK)).with_env_variable(*COLLECT_LATER)
    for program, name in programs.items():
        path = f"/usr/bin/{program}"
        container = container.with_file(path, image(session, name).file(path))
    tree = session.folder(include=["pyproject.toml", "monitoring"])
    memory = container.with_mounted_temp("/tmp")  # noqa: S108  promtool writes a database a test
    return memory.with_mounted_directory("/src", tree).with_workdir("/src")
