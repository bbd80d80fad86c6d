"""What the tests of the jobs share: act, and a repository with stand-ins for actions and pipeline.

Contract: act is compiled from its Go module; an action is told apart by its commit, and its
stand-in does with files what the action does with GitHub. The stand-in for the pipeline keeps what
it was called with. Skipped, with the reason, where act cannot be had.
"""

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from faults.conftest import copied
from faults.project import git

HERE = Path(__file__).parent
WORKFLOWS = ".github/workflows"
CACHE = subprocess.run(  # of the pipeline; act keeps its own with the test
    ["sh", "-c", "echo ${XDG_CACHE_HOME:-$HOME/.cache}"],
    capture_output=True,
    text=True,
    check=True,
).stdout.strip()
COMPILE_SECONDS, JOBS_SECONDS = 1200, 3600
USED = re.compile(r"uses: ((?!\./)[\w./-]+)@([0-9a-f]{40})")
SECRETS = ("GHCR_TOKEN", "SLACK_WEBHOOK", "STAGING_HOST", "PRODUCTION_HOST", "DEPLOY_KEY")
SECRETS += ("GRAFANA_PASSWORD",)
PIPELINE = """\
#!/bin/sh
echo "$*" >>{calls}
case "$*" in *{bad}*) passed=false ;; *) passed=true ;; esac
case "$2" in
report) mkdir -p evidence/sarif && echo '{{}}' >evidence/sarif/a.sarif
    echo summary >evidence/summary.md
    printf '{{\\n  "passed": %s,\\n}}\\n' "$passed" >evidence/status.json ;;
release) mkdir -p release/evidence && echo evidence >release/evidence/index.html
    verdict=red; "$passed" && verdict=green
    printf '{{\n  "verdict": "%s",\n}}\n' "$verdict" >release/release.json ;;
*) echo "done" && "$passed" ;;
esac
"""
ACTIONS = {  # what stands for an action, by the beginning of its name; $KEPT stands for GitHub
    "actions/checkout": "true",
    "actions/upload-artifact": 'AT={kept}/"$NAME"; [ ! -d "$FROM" ] || FROM="$FROM/."'
    '; mkdir -p "$AT" && cp -r "$FROM" "$AT"/',
    "actions/download-artifact": 'mkdir -p "$FROM" && cp -r {kept}/"$NAME"/* "$FROM"/',
    "github/codeql-action/upload-sarif": "mkdir -p {kept} && cp -r evidence/sarif {kept}/",
}
ACTION = """\
name: stand-in
description: does with files what the action does with GitHub
inputs:
  name: {{description: of what is kept, default: ""}}
  path: {{description: where it is, default: ""}}
  sarif_file: {{description: reports, default: ""}}
  persist-credentials: {{description: of git, default: ""}}
runs:
  using: composite
  steps:
    - shell: bash
      run: {script}
      env: {{NAME: "${{{{ inputs.name }}}}", FROM: "${{{{ inputs.path }}}}"}}
"""


@pytest.fixture(scope="session")
def act(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled from the module whose checksum is committed."""
    program = tmp_path_factory.mktemp("act") / "act"
    build = ["env", "CGO_ENABLED=0", "GOTOOLCHAIN=auto", "go", "build", "-mod=readonly"]
    done = subprocess.run(
        [*build, "-trimpath", "-o", program, "github.com/nektos/act"],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"act cannot be had: {done.stderr.strip()[-200:]}")
    return program


@dataclass(frozen=True)
class Runner:
    """A checked out repository, and what stands for GitHub beside it."""

    act: Path
    folder: Path

    @property
    def repository(self) -> Path:
        """The tree whose workflows are run."""
        return self.folder / "repository"

    @property
    def kept(self) -> Path:
        """Artefacts and SARIF that were uploaded, by their names."""
        return self.folder / "kept"

    @property
    def calls(self) -> list[list[str]]:
        """What the pipeline was called with, in order; functions that are called, and arguments."""
        text = (self.folder / "calls").read_text(encoding="utf-8")
        return [shlex.split(line)[1:] for line in text.splitlines()]

    def stand_in(self, bad: str = "never") -> None:
        """Puts something in the pipeline's place that fails where it is called with `bad`."""
        program = self.repository / "daggerw"
        program.write_text(PIPELINE.format(calls=self.folder / "calls", bad=bad), encoding="utf-8")

    def run(
        self, workflow: str, event: str, payload: dict[str, object], known_hosts: str = ""
    ) -> tuple[bool, str]:
        """Runs a workflow for an event; whether every job was green, and what was printed."""
        told, secrets = self.folder / "event.json", self.folder / "secrets"
        told.write_text(json.dumps(payload), encoding="utf-8")
        secrets.write_text("".join(f"{name}=s3cret-{name}\n" for name in SECRETS), encoding="utf-8")
        path = f"{WORKFLOWS}/{workflow}"
        command = ["env", f"XDG_CACHE_HOME={self.folder}/cache", self.act, event]
        command += ["--env", f"XDG_CACHE_HOME={CACHE}", "--eventpath", told, "--workflows", path]
        command += ["--var", f"KNOWN_HOSTS={known_hosts}"]
        command += ["--platform", "ubuntu-24.04=-self-hosted", "--secret-file", secrets]
        for name, folder in self.actions().items():
            command += ["--local-repository", f"{name}={folder}"]
        done = subprocess.run(
            command,
            cwd=self.repository,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=JOBS_SECONDS,
            check=False,
        )
        return done.returncode == 0, done.stdout

    def actions(self) -> dict[str, Path]:
        """A stand-in for each action that the workflows use, at the commit that they pin."""
        found = {}
        for path in (self.repository / WORKFLOWS).glob("*.yml"):
            for name, commit in USED.findall(path.read_text(encoding="utf-8")):
                owner, repository, *inside = name.split("/")
                folder = self.folder / "actions" / f"{owner}-{repository}"
                place = folder.joinpath(*inside, "action.yml")
                place.parent.mkdir(parents=True, exist_ok=True)
                script = json.dumps(ACTIONS[name].format(kept=self.kept))
                place.write_text(ACTION.format(script=script), encoding="utf-8")
                found[f"{owner}/{repository}@{commit}"] = folder
        return found


@pytest.fixture
def runner(act: Path, tmp_path: Path) -> Runner:
    """A repository of this tree, as it is, with one commit and a stand-in for the pipeline."""
    made = Runner(act, tmp_path)
    copied(made.repository)
    git(made.repository, "init", "--quiet", "--initial-branch=main")
    git(made.repository, "add", "--all")
    git(made.repository, "commit", "--quiet", "--message=planted")
    git(made.repository, "remote", "add", "origin", "https://github.com/example/digits.git")
    made.stand_in()
    return made
