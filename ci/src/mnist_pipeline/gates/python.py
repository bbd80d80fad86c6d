"""Judges what the Python tools report: ruff's SARIF, ruff's formatter, mypy.

Contract: an exit code other than "clean" and "found something" is "not run", and so is a clean run
that looked at no file. Does not know which rules are set.
"""

import json
import re

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

CLEAN, FOUND = 0, 1


def judge_ruff(sarif: str, exit_code: int, log: str) -> Verdict:
    """The verdict of `ruff check` from its SARIF."""
    if exit_code not in {CLEAN, FOUND}:
        return not_run(f"ruff check ended with {exit_code}: {last_line(log)}")
    try:
        results = [result for run in json.loads(sarif)["runs"] for result in run["results"]]
        faults = [sarif_line(result) for result in results]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return not_run(f"the SARIF of ruff cannot be read: {error!r}")
    if faults:
        return red(*faults, findings=len(faults))
    return green() if exit_code == CLEAN else red(f"ruff ended with {exit_code} and named no fault")


def sarif_line(result: dict[str, object]) -> str:
    """A SARIF result as path:line: rule message."""
    loaded = json.loads(json.dumps(result))
    place = loaded["locations"][0]["physicalLocation"]
    path = str(place["artifactLocation"]["uri"]).removeprefix("file://").removeprefix("/src/")
    line = place["region"]["startLine"]
    return f"{path}:{line}: {loaded['ruleId']} {loaded['message']['text']}"


def judge_format(exit_code: int, log: str) -> Verdict:
    """The verdict of `ruff format --check`, which also says how many files there were."""
    if exit_code not in {CLEAN, FOUND}:
        return not_run(f"ruff format ended with {exit_code}: {last_line(log)}")
    faults = re.findall(r"^Would reformat: (.+)$", log, re.MULTILINE)
    if faults:
        return red(*(f"{path}: is not formatted" for path in faults), findings=len(faults))
    if exit_code == FOUND:
        return red(f"ruff format ended with 1: {last_line(log)}")
    formatted = re.search(r"^(\d+) files? already formatted", log, re.MULTILINE)
    if not formatted or int(formatted[1]) < 1:
        return not_run("ruff format looked at no file")
    return green(files=int(formatted[1]))


def judge_mypy(exit_code: int, log: str) -> Verdict:
    """The verdict of mypy from what it printed."""
    faults = re.findall(r"^(\S.*?:\d+(?::\d+)?: error: .+)$", log, re.MULTILINE)
    if exit_code == FOUND and faults:
        return red(*faults, findings=len(faults))
    checked = re.search(r"no issues found in (\d+) source files?", log)
    if exit_code == CLEAN and checked and int(checked[1]) > 0:
        return green(files=int(checked[1]))
    return not_run(f"mypy ended with {exit_code}: {last_line(log)}")
