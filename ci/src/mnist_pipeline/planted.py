# budget: data alone, one fault after another
"""The faults that are planted, one for every gate and more for some; data, and nothing else.

Contract: a fault changes one file of a copy of the source, and its gate must turn red with a reason
that names it. Words that a scanner looks for are put together here, so that no file of the source
holds them. Does not know how a gate works.
"""

from dataclasses import dataclass

KEY = f"-----BEGIN {'RSA PRIVATE'} KEY-----"
BODY = "\n".join("MIIEpAIBAAKCAQEA" + "q7T0wZkJ" * 6 for _ in range(12))
TOKEN = "ghp_" + "x7Kq2Vb9Lm4Tz8Rw1Yc6Nd3Hs5Gf0Jp2Qa7E"
PIPELINE = "ci/src/mnist_pipeline"
PAGE = "apps/frontend/src/mnist_frontend"
BACKEND = "apps/backend/src/mnist_backend"
STAGES = ".github/workflows/stages.yml"
PROMETHEUS = "monitoring/Dockerfile"
LAST_USER = "USER 10001:10001\nEXPOSE 9090"
HEALTHY = 'CMD ["promtool", "check", "healthy", "--url=http://127.0.0.1:9090"]'
OLD_PACKAGE, KNOWN_FAULTY = "requests==2.19.0\n", r"requests 2\.19\.0: vulnerability CVE-2018-18074"


@dataclass(frozen=True)
class Fault:
    """One fault: where it is planted, what turns red, and why it must."""

    gate: str
    what: str  # for people, a few words
    path: str
    new: str  # text to put in place of `old`
    old: str = ""  # the text to replace, which stands there once; empty: put at the end
    reason: str = ""  # a pattern of the verdict's reasons
    committed: bool = False  # and removed again: only the history knows it


PLANTED = (
    Fault(
        "lint/ruff",
        "an import that nobody uses",
        f"{PIPELINE}/load.py",
        "import calendar\n",
        reason="F401|E402",
    ),
    Fault(
        "lint/ruff",
        "a file that is not formatted",
        f"{PIPELINE}/load.py",
        "PLANTED = {  }\n",
        reason="not formatted",
    ),
    Fault(
        "lint/ruff",
        "a command through a shell",
        "scripts/planted.py",
        '"""Plants."""\n\nimport subprocess\n\nsubprocess.run("ls", shell=True, check=True)\n',
        reason="S602|S604",
    ),
    Fault(
        "lint/hadolint",
        "an image without a tag",
        PROMETHEUS,
        "FROM debian AS base",
        "FROM debian:trixie-slim AS base",
        "DL3006",
    ),
    Fault(
        "lint/hadolint",
        "an address added",
        PROMETHEUS,
        "ADD prometheus.yml /etc/x\n",
        reason="DL3020",
    ),
    Fault(
        "lint/shellcheck",
        "a variable without quotes",
        "scripts/planted.sh",
        "#!/bin/sh\nrm -r $1\n",
        reason="SC2086",
    ),
    Fault(
        "lint/shellcheck",
        "a part of a script that bash alone reads",
        f"{PIPELINE}/planted.sh",
        "[[ -n $folder ]]\n",
        reason="SC",
    ),
    Fault(
        "lint/actionlint",
        "a key that means nothing",
        STAGES,
        "    timeout_minutes: 90",
        "    timeout-minutes: 90",
        "timeout_minutes",
    ),
    Fault(
        "lint/actionlint",
        "an input that is not there",
        STAGES,
        "${{ inputs.steges }}",
        "${{ inputs.stages }}",
        "steges",
    ),
    Fault(
        "lint/actionlint",
        "shell with an unquoted variable",
        STAGES,
        "cat evidence/summary.md >> $GITHUB_STEP_SUMMARY",
        'cat evidence/summary.md >> "$GITHUB_STEP_SUMMARY"',
        "SC2086",
    ),
    Fault(
        "lint/zizmor",
        "an event's text in a command",
        STAGES,
        'run: echo "${{ github.event.pull_request.title }}"',
        "run: grep '^  .passed.. true,$' evidence/status.json",
        "template-injection",
    ),
    Fault(
        "lint/zizmor",
        "an action by its tag",
        STAGES,
        "actions/upload-artifact@v7",
        "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
        "unpinned-uses",
    ),
    Fault(
        "lint/zizmor",
        "a checkout that leaves its credentials behind",
        STAGES,
        "with: {fetch-depth: 0}",
        "with: {persist-credentials: false, fetch-depth: 0}",
        "artipacked",
    ),
    Fault(
        "types",
        "a text where a number belongs",
        f"{PIPELINE}/load.py",
        'PLANTED: int = "one"\n',
        reason="load.py",
    ),
    Fault(
        "unit",
        "a test that does not hold",
        "ci/tests/test_axe.py",
        '\n\ndef test_planted() -> None:\n    """One is two."""\n    assert judge({}) is None\n',
        reason="test_planted",
    ),
    Fault(
        "unit",
        "an import upwards",
        f"{PIPELINE}/gates/axe.py",
        "from mnist_pipeline import main\n",
        reason="layers",
    ),
    Fault(
        "unit",
        "a workflow that may write",
        STAGES,
        "      contents: write",
        "      contents: read",
        "stages.yml-permissions",
    ),
    Fault(
        "dependencies/deptry",
        "a dependency that nobody imports",
        "apps/frontend/pyproject.toml",
        '"httpx==0.28.1",\n    "idna==3.11",',
        '"httpx==0.28.1",',
        "DEP002",
    ),
    Fault(
        "dependencies/deptry",
        "an import that nobody declared",
        f"{PAGE}/words.py",
        "import requests\n",
        reason="DEP00[13] 'requests'",
    ),
    Fault(
        "dependencies/advisories",
        "a package with known faults",
        "apps/requirements.lock",
        "requests==2.19.0\n",
        reason="requests 2.19.0",
    ),
    Fault(
        "sast/semgrep",
        "a model that is a pickle",
        f"{BACKEND}/planted.py",
        'import torch\n\ntorch.load("model.pth")\n',
        reason="load-executes-pickle",
    ),
    Fault(
        "sast/semgrep",
        "a secret that the pipeline reads",
        f"{PIPELINE}/planted2.py",
        "import dagger\n\n\nasync def f(key: dagger.Secret) -> str:\n"
        "    return await key.plaintext()\n",
        reason="pipeline-reads-secret",
    ),
    Fault(
        "sast/semgrep",
        "a pause in place of readiness",
        "tests/e2e/planted.py",
        "import time\n\ntime.sleep(5)\n",
        reason="readiness-by-sleep",
    ),
    Fault(
        "sast/semgrep",
        "a value that becomes markup",
        f"{PAGE}/pad.js",
        "export const planted = (e, value) => { e.innerHTML = value; };\n",
        reason="inner-html-from-value",
    ),
    Fault(
        "sast/bandit",
        "weights that are a pickle",
        f"{BACKEND}/planted.py",
        'import torch\n\ntorch.load("weights.pth")\n',
        reason="B614",
    ),
    Fault(
        "sast/rules",
        "a rule that finds nothing any more",
        "ci/analysers/semgrep/rules.yaml",
        "pattern: torch.lead(...)",
        "pattern: torch.load(...)",
        "missed",
    ),
    Fault(
        "secrets/tree",
        "a private key",
        "monitoring/planted.pem",
        f"{KEY}\n{BODY}\n-----END {'RSA PRIVATE'} KEY-----\n",
        reason="private-key",
    ),
    Fault(
        "secrets/tree",
        "a token in a document",
        "README.md",
        f"token: {TOKEN}\n",
        reason="github-pat",
    ),
    Fault(
        "secrets/history",
        "a token that was committed once",
        "notes.txt",
        f"token: {TOKEN}\n",
        reason="github-pat",
        committed=True,
    ),
    Fault(
        "image-structure/prometheus",
        "an image that runs as root",
        PROMETHEUS,
        LAST_USER.replace("10001:10001", "root"),
        LAST_USER,
        "user is 'root'",
    ),
    Fault(
        "image-structure/prometheus",
        "a program with another's rights",
        PROMETHEUS,
        f"RUN chmod u+s /usr/bin/promtool\n{LAST_USER}",
        LAST_USER,
        "promtool runs with",
    ),
    # The last file is a trace: of two images with the same files the engine packs one for both.
    Fault(
        "image-structure/prometheus",
        "a key that a later layer removes",
        PROMETHEUS,
        f"RUN printf '%s\\n' '{KEY}' '{'MIIE' * 20}' >/k\nRUN rm /k && touch /planted\n{LAST_USER}",
        LAST_USER,
        "/k: holds a secret",
    ),
    Fault(
        "image-structure/prometheus",
        "an image over its budget",
        "ci/image-sizes.toml",
        "[prometheus]\nbudget = 1\n#",
        "[prometheus]\n",
        "more than 1",
    ),
    Fault(
        "image-structure/prometheus",
        "a password in a variable",
        PROMETHEUS,
        f"ENV ADMIN_PASSWORD=x7Kq2Vb9\n{LAST_USER}",
        LAST_USER,
        "ADMIN_PASSWORD",
    ),
    Fault(
        "image-structure/prometheus",
        "a port too many",
        PROMETHEUS,
        f"{LAST_USER} 22",
        LAST_USER,
        "ports",
    ),
    Fault(
        "image-structure/prometheus",
        "the proxy of the machine that made it",
        PROMETHEUS,
        f"ENV HTTPS_PROXY=http://proxy.example.org:3128\n{LAST_USER}",
        LAST_USER,
        "HTTPS_PROXY tells of the network",
    ),
    Fault(
        "image-structure/prometheus",
        "a health check that is none",
        PROMETHEUS,
        f"{HEALTHY}\nHEALTHCHECK NONE",
        HEALTHY,
        "no HEALTHCHECK",
    ),
    Fault(
        "image-structure/prometheus",
        "another program in front",
        PROMETHEUS,
        'ENTRYPOINT ["env", "prometheus", ',
        'ENTRYPOINT ["prometheus", ',
        "it runs 'env prometheus",
    ),
    Fault(
        "image-structure/prometheus",
        "a token in a command of its making",
        PROMETHEUS,
        f"RUN PLANTED_TOKEN=x7Kq2Vb9 touch /planted2\n{LAST_USER}",
        LAST_USER,
        "step [0-9]+ of its making",
    ),
    Fault(
        "image-structure/prometheus",
        "what somebody typed while making it",
        PROMETHEUS,
        f"RUN echo ls >/data/.bash_history\n{LAST_USER}",
        LAST_USER,
        "/data/.bash_history: a file of this name",
    ),
    Fault(
        "scan/offline",
        "an old package, by the database made here",
        "tests/requirements.lock",
        OLD_PACKAGE,
        reason=KNOWN_FAULTY,
    ),
    Fault(
        "scan/offline",
        "an acceptance that matches nothing",
        "ci/accepted-findings.toml",
        '[[accepted]]\ntarget = "source"\nkind = "vulnerability"\nrule = "CVE-2018-18074"\n'
        'location = "*"\nreason = "planted"\nexpires = 9999-12-31\n',
        reason="CVE-2018-18074 at \\* matches nothing",
    ),
    Fault(
        "scan/mirror",
        "an old package, by the database of a mirror",
        "tests/requirements.lock",
        OLD_PACKAGE,
        reason=KNOWN_FAULTY,
    ),
    Fault(
        "monitoring/prometheus",
        "an alert that comes too late",
        "monitoring/rules/alerts.rules.yml",
        "psi1h > 0.3\n",
        "psi1h > 0.25\n",
        "ModelDrift",
    ),
)
