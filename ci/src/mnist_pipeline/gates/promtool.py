"""Judges what promtool and amtool print about configurations, rules, their tests, and mutants.

Contract: green needs exit code 0 and something that was looked at; a fault is told with what
promtool says of it. Does not know what a rule is about.
"""

import re

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

CLEAN, FOUND = 0, 1
VALID = "is valid prometheus config file syntax"


def judge_configuration(exit_code: int, log: str) -> Verdict:
    """The verdict of `promtool check config`; a configuration without rules alarms nobody."""
    if exit_code != CLEAN:
        return faulty("check config", exit_code, log)
    if VALID not in log:
        return not_run(f"promtool check config looked at nothing: {last_line(log)}")
    files = sum(map(int, re.findall(r"^\s*SUCCESS: (\d+) rule files? found", log, re.MULTILINE)))
    return green(**{"rule files": files}) if files else red("the configuration names no rules")


def judge_rules(exit_code: int, log: str) -> Verdict:
    """The verdict of `promtool check rules`."""
    if exit_code != CLEAN:
        return faulty("check rules", exit_code, log)
    rules = sum(map(int, re.findall(r"^\s*SUCCESS: (\d+) rules? found", log, re.MULTILINE)))
    return green(rules=rules) if rules else not_run(f"promtool found no rule: {last_line(log)}")


def judge_tests(exit_code: int, log: str) -> Verdict:
    """The verdict of `promtool test rules`; every file that was begun must have ended well."""
    if exit_code != CLEAN:
        return faulty("test rules", exit_code, log)
    begun = len(re.findall(r"^Unit Testing: +\S", log, re.MULTILINE))
    passed = len(re.findall(r"^ +SUCCESS$", log, re.MULTILINE))
    if not begun or begun != passed:
        return not_run(f"{passed} of {begun} files of tests passed, yet exit code 0")
    return green(**{"files of rule tests": passed})


def judge_routes(exit_code: int, log: str) -> Verdict:
    """The verdict of `amtool check-config`; without a receiver nobody is told of anything."""
    if exit_code != CLEAN:
        return faulty("check-config", exit_code, log)
    receivers = sum(map(int, re.findall(r"^ - (\d+) receivers$", log, re.MULTILINE)))
    found = green(receivers=receivers)
    return found if receivers else not_run(f"amtool found no receiver: {last_line(log)}")


def judge_mutants(exit_code: int, log: str) -> Verdict:
    """The verdict on changed rules; a survivor is a change that no test notices."""
    told = re.search(r"^killed (\d+) of (\d+) mutants$", log, re.MULTILINE)
    if not told or not int(told[2]):
        return not_run(f"no mutant was tried, exit code {exit_code}: {last_line(log)}")
    killed, tried = int(told[1]), int(told[2])
    survivors = re.findall(r"^SURVIVED (.+)$", log, re.MULTILINE)
    if survivors or killed != tried or exit_code != CLEAN:
        head = f"{tried - killed} of {tried} mutants survive, exit code {exit_code}"
        return red(f"{head}: {(survivors or ['none is named'])[0]}", *survivors[1:], mutants=tried)
    return green(**{"mutants killed": killed})


def faulty(command: str, exit_code: int, log: str) -> Verdict:
    """The verdict where promtool ended badly: red where it says what failed."""
    told = [
        " ".join(part.split())
        for part in re.split(r"(?:^ *| {2})FAILED:", log, flags=re.MULTILINE)[1:]
    ]
    if exit_code == FOUND and told:
        return red(*told, findings=len(told))
    return not_run(f"{command} ended with {exit_code}: {last_line(log)}")
