"""Judges what the Python tools print: ruff's formatter, mypy, the tests of semgrep's rules.

Contract: an exit code other than "clean" and "found something" is "not run", and so is a clean run
that looked at no file. Does not know which rules are set.
"""

import re

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

CLEAN, FOUND = 0, 1


def judge_format(exit_code: int, log: str) -> Verdict:
    """The verdict of `ruff format --check`, which also says how many files there were."""
    if exit_code not in {CLEAN, FOUND}:
        return not_run(f"ruff format ended with {exit_code}: {last_line(log)}")
    faults = re.findall(r"^unformatted: .*\n *--> ([^:\n]+)", log, re.MULTILINE)
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


def judge_semgrep_rules(rules: str, exit_code: int, log: str) -> Verdict:
    """The verdict on the tests of semgrep's rules; every rule has one."""
    if exit_code not in {CLEAN, FOUND}:
        return not_run(f"semgrep --test ended with {exit_code}: {last_line(log)}")
    missed = [" ".join(line.split()) for line in log.splitlines() if "missed lines" in line]
    if exit_code == FOUND:
        return red(*(missed or [f"a rule does not find its examples: {last_line(log)}"]))
    passed = re.search(r"^(\d+)/(\d+): .*tests passed", log, re.MULTILINE)
    number = len(re.findall(r"^ *- id: ", rules, re.MULTILINE))
    if not passed or int(passed[1]) < number:
        return not_run(f"fewer tests than the {number} rules: {last_line(log)}")
    return green(rules=number)
