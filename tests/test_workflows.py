"""Holds the workflows of GitHub Actions: thin, pinned, few permissions, calling what is there.

Contract: every rule of layout/workflows.py is kept in this repository and finds each entry of
PLANTED; every command is run as a runner would, with a stand-in for the pipeline. Does not know
what the pipeline does.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from layout.workflows import CALL, RULES, Workflow, calls, read, workflows
from mnist_pipeline.gates.notices import notice

GOOD = f"""\
on:
  push:
permissions: {{}}
jobs:
  stages:
    timeout-minutes: 90
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@{"a" * 40}  # v7.0.1
        with: {{persist-credentials: false}}
      - run: ./daggerw call report --stages="$STAGES" export --path evidence
      - if: always()
        run: cat evidence/summary.md >> "$GITHUB_STEP_SUMMARY"
      - uses: actions/upload-artifact@{"b" * 40}  # v7.0.0
        if: always()
"""
STAGING = "inputs.environment == 'staging' && secrets.STAGING_HOST"
JOB = "jobs:\n  notify: {{uses: ./.github/workflows/notify.yml, permissions: {{}}, {}}}\n"
ENV = '        env: {{HOST: "${{{{ {} }}}}"}}\n        run: cat'
REPORT = 'call report --stages="$STAGES" export --path evidence'
PLANTED = [  # rule, what to replace in GOOD, by what
    ("pins", "a" * 40, "v7"),
    ("pins", "  # v7.0.1", ""),
    ("permissions", "permissions: {}", "permissions: read-all"),
    ("permissions", "contents: read", "contents: write"),
    ("permissions", "contents: read", "id-token: write"),
    ("permissions", "    permissions:\n      contents: read\n", ""),
    ("calls", "call report", "call repot"),
    ("calls", "--stages", "--stage"),
    ("calls", "- run: ./daggerw", "- run: ./daggerw call lint\n      - run: ./daggerw"),
    ("triggers", "push:", "pull_request_target:"),
    ("triggers", "    timeout-minutes: 90\n", ""),
    ("triggers", "push:\n", "pull_request:\nenv: {T: '${{ secrets.GHCR_TOKEN }}'}\n"),
    ("shell", '"$STAGES"', "${{ github.event.head_commit.message }}"),
    ("shell", "--path evidence", "--path evidence | tee log"),
    ("shell", "persist-credentials: false", "persist-credentials: true"),
    ("secrets", "timeout-minutes: 90", "timeout-minutes: ${{ secrets.OTHER }}"),
    ("secrets", "timeout-minutes: 90", "secrets: inherit"),
    ("hosts", "        run: cat", ENV.format(STAGING)),
    ("hosts", "        run: cat", ENV.format(f"{STAGING} || secrets.PRODUCTION_HOST")),
    ("hosts", "        run: cat", ENV.format("secrets.STAGING_HOST || ''")),
    ("hosts", "        run: cat", ENV.format(f"{STAGING.replace('staging', 'dev')} || ''")),
    ("messages", "jobs:\n", JOB.format("if: always()")),
    ("messages", "jobs:\n", JOB.format("needs: [stages]")),
    ("messages", "jobs:\n  stages", JOB.format("needs: [deploy], if: always()") + "  deploy"),
    ("evidence", "        if: always()\n", ""),
    ("evidence", "GITHUB_STEP_SUMMARY", "NOWHERE"),
    ("evidence", "--path evidence", "--path evidence | tee log"),
    ("evidence", f"{REPORT}\n      - if: always()", "call rescan\n      - if: success()"),
    ("time", "timeout-minutes: 90", "timeout-minutes: 70"),
    ("time", "    timeout-minutes: 90\n", ""),
    ("files", "--path evidence", "--path proof"),
    ("files", "--path evidence", "--path evidence > said.txt"),
    ("files", "--path evidence", "--path evidence 2>&1 | tee said.txt"),
    ("stages", "timeout-minutes: 90", "with: {stages: 'lint,lent'}"),
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("file", sorted(workflows()))
def test_a_workflow_keeps_the_rule(file: str, rule: str) -> None:
    """No workflow of this repository has a fault."""
    assert RULES[rule](workflows()[file]) == []


@pytest.mark.parametrize(("rule", "old", "new"), PLANTED)
def test_a_planted_fault_is_found(rule: str, old: str, new: str) -> None:
    """The rule finds the fault that was planted for it."""
    assert old in GOOD
    assert RULES[rule](read(GOOD.replace(old, new)))


@pytest.mark.parametrize("rule", RULES)
def test_a_good_workflow_passes(rule: str) -> None:
    """A workflow that keeps every rule is not accused."""
    assert RULES[rule](read(GOOD)) == []


def test_every_rule_has_a_planted_fault() -> None:
    """No rule is without proof that it finds something."""
    assert {rule for rule, _, _ in PLANTED} == {*RULES}


STAND_IN = """\
#!/bin/sh
printf '%s\\n' "$@" > called
[ "$OUTCOME" = bad ] && echo because >&2 && exit 1
mkdir -p evidence release && echo '{"answer": 1}'
case "$OUTCOME" in true) verdict=green ;; *) verdict=red ;; esac
printf '{\n  "verdict": "%s",\n}\n' "$verdict" > release/release.json
printf '{\\n  "passed": %s,\\n}\\n' "$OUTCOME" > evidence/status.json
echo summary > evidence/summary.md
"""
NAMED = re.compile(r"\$([A-Z_]+)")
VALUE = "two words; $(touch planted) > `planted`"  # what a stranger may have named a branch


def given(step: dict[str, Any]) -> dict[str, str]:
    """A step's own variables; what would come of an event or a secret is dangerous to a shell."""
    variables = step.get("env", {})
    return {name: VALUE if "${{" in value else value for name, value in variables.items()}


def run(workflow: Workflow, folder: Path, outcome: str) -> dict[str, int]:
    """Runs the commands of a workflow's job as its runner would, with a stand-in for the pipeline.

    Answers with each command's exit code; a step that asks for it runs after a failure, too.
    """
    (folder / "report").mkdir()
    (folder / "report" / "status.json").write_text("{}", encoding="utf-8")
    (folder / "daggerw").write_text(STAND_IN, encoding="utf-8")
    (folder / "daggerw").chmod(0o755)
    (folder / "make").write_text('#!/bin/sh\n./daggerw call "$@"\n', encoding="utf-8")
    (folder / "make").chmod(0o755)
    codes: dict[str, int] = {}
    for step in workflow.steps():
        if "run" not in step or (any(codes.values()) and step.get("if") != "always()"):
            continue
        bash = ["bash", "-e"] if step.get("shell") != "bash" else ["bash", "-eo", "pipefail"]
        path = {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin", "OUTCOME": outcome}
        environment = path | {"GITHUB_STEP_SUMMARY": str(folder / "shown")} | given(step)
        command = [*bash, "-c", step["run"]]
        done = subprocess.run(command, cwd=folder, env=environment, check=False)  # noqa: S603  ours
        codes[step["run"]] = done.returncode
    return codes


RUN = [
    name
    for name, workflow in sorted(workflows().items())
    if any("run" in s for s in workflow.steps())
]


@pytest.mark.parametrize("file", RUN)
def test_commands_run_as_a_runner_runs_them(file: str, tmp_path: Path) -> None:
    """Every command succeeds, and what an event says reaches the pipeline as one word, unread."""
    codes = run(workflows()[file], tmp_path, "true")
    assert set(codes.values()) == {0}
    called = (tmp_path / "called").read_text(encoding="utf-8").splitlines()
    expected = [w.partition("=") for w in calls(workflows()[file])[0]]
    steps = workflows()[file].steps()
    known = {name: value for step in steps for name, value in given(step).items()}
    told = [name + eq + NAMED.sub(lambda m: known[m[1]], value) for name, eq, value in expected]
    assert called[1:] == told
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("file", RUN)
def test_a_pipeline_that_fails_fails_the_job(file: str, tmp_path: Path) -> None:
    """The exit code of the pipeline is that of its step, through pipes and redirections."""
    codes = run(workflows()[file], tmp_path, "bad")
    failed = [code for command, code in codes.items() if CALL.search(command)]
    assert [code != 0 for code in failed] == [True]


@pytest.mark.parametrize("file", ["nightly.yml", "rescan.yml"])
def test_why_a_call_failed_is_shown(file: str, tmp_path: Path) -> None:
    """An answer goes to the output and a refusal to the errors, and the summary has either."""
    for outcome, told in (("true", '{"answer": 1}'), ("bad", "because")):
        (folder := tmp_path / outcome).mkdir()
        run(workflows()[file], folder, outcome)
        assert told in (folder / "shown").read_text(encoding="utf-8")


def test_evidence_that_is_not_green_fails_the_job(tmp_path: Path) -> None:
    """The stages' job fails by the verdict in the evidence, after it was shown."""
    codes = run(workflows()["stages.yml"], tmp_path, "false")
    assert [*codes.values()] == [0, 0, 1]
    assert (tmp_path / "shown").read_text(encoding="utf-8") == "summary\n"


def test_a_release_that_is_refused_fails_the_job(tmp_path: Path) -> None:
    """Its job fails by the verdict in what it hands over, after that was shown."""
    codes = run(workflows()["publish.yml"], tmp_path, "false")
    assert [*codes.values()] == [0, 0, 1]


def test_a_release_without_a_decision_leaves_what_can_be_told(tmp_path: Path) -> None:
    """Where the call itself fails, a chat is told so, of a report that it understands."""
    run(workflows()["publish.yml"], tmp_path, "bad")
    told = notice((tmp_path / "release/release.json").read_text(encoding="utf-8"))
    assert not told.good
    assert told.lines == ("nothing could be decided: see the run",)


def test_there_is_a_way_to_every_environment() -> None:
    """A branch goes to staging, another one to production, and both can be asked for."""
    release, orchestrate = workflows()["release.yml"], workflows()["orchestrate.yml"]
    assert set(release.content["on"]["push"]["branches"]) == {"develop", "main"}
    assert {"workflow_dispatch", "repository_dispatch"} <= set(orchestrate.content["on"])
    asked = orchestrate.content["on"]["workflow_dispatch"]["inputs"]["environment"]["options"]
    assert asked == ["staging", "production"]


def test_stages_follow_one_another_when_orchestrated() -> None:
    """Security waits for integration, the target for security, deploying for the target."""
    jobs = workflows()["orchestrate.yml"].jobs
    assert jobs["security"]["needs"] == "integration"
    assert jobs["target"]["needs"] == "security"
    assert jobs["deploy"]["needs"] == "target"
