"""The stage that checks what Prometheus is told: its configuration, its rules, and their tests.

Contract: judged is what the image holds, by the image's own promtool; the tests come beside it.
Does not know what a rule is about.
"""

from dagger import dag

from mnist_pipeline.app import image
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session
from mnist_pipeline.gates import promtool
from mnist_pipeline.gates.verdicts import combined

FOLDER = "/etc/prometheus"
OWNER = "10001:10001"  # of the image's user
CONFIGURATION = f"{FOLDER}/prometheus.yml"
RULES = f"promtool check rules {FOLDER}/rules/*.yml"
TESTS = f"promtool test rules {FOLDER}/tests/*.yml"


async def monitoring(session: Session) -> Outcome:
    """Monitoring: the configuration is one, the rules are some, and the rules do what they say."""
    container = (
        image(session, "prometheus")
        .with_directory(REPORTS, dag.directory(), owner=OWNER)
        .with_directory(f"{FOLDER}/tests", session.folder("monitoring/tests"))
    )
    recorder = await Recorder.around(session, container)
    answers = await (
        recorder.run("configuration", ["promtool", "check", "config", CONFIGURATION])
        .run("rules", ["sh", "-c", RULES])
        .run("tests", ["sh", "-c", TESTS])
        .answers()
    )
    judges = {
        "configuration": promtool.judge_configuration,
        "rules": promtool.judge_rules,
        "tests": promtool.judge_tests,
    }
    verdicts = {
        name: judge(answers.exit_code(name), answers.log(name)) for name, judge in judges.items()
    }
    return answers.judged(combined(verdicts))
