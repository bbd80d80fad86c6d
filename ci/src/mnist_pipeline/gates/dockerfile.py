"""Judges what a Dockerfile declares and an exported image cannot show.

Contract: the target's stage, or one it is built from, declares a HEALTHCHECK that is not NONE; the
nearest declaration counts. Does not know the other rules about Dockerfiles; the scanner does.
"""

import re

from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE)
HEALTHCHECK = re.compile(r"HEALTHCHECK\s+(.*)$", re.IGNORECASE)


def judge_healthcheck(dockerfile: str, target: str) -> Verdict:
    """The verdict on the target's health check; the engine's image format does not carry it."""
    parents: dict[str, str] = {}
    checks: dict[str, str] = {}
    stage = ""
    for line in dockerfile.splitlines():
        if match := FROM.match(line):
            stage = match[2] or match[1]
            parents[stage] = match[1]
        elif match := HEALTHCHECK.match(line):
            checks[stage] = match[1].strip()
    if target not in parents:
        return not_run(f"the Dockerfile has no stage {target}")
    while target in parents and target not in checks:
        target = parents.pop(target)
    declared = checks.get(target, "")
    if not declared or declared.upper() == "NONE":
        return red("the image has no HEALTHCHECK")
    return green()
