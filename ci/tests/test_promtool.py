"""Verdicts on what promtool prints."""

from collections.abc import Callable

import pytest

from mnist_pipeline.gates.promtool import (
    judge_configuration,
    judge_mutants,
    judge_routes,
    judge_rules,
    judge_tests,
)
from mnist_pipeline.gates.verdicts import Verdict

CONFIGURATION = """\
Checking /etc/prometheus/prometheus.yml
  SUCCESS: 1 rule files found
 SUCCESS: /etc/prometheus/prometheus.yml is valid prometheus config file syntax

Checking /etc/prometheus/rules/drift.rules.yml
  SUCCESS: 13 rules found
"""
RULES = (
    "Checking rules/a.yml\n  SUCCESS: 13 rules found\n\nChecking b.yml\n  SUCCESS: 1 rules found\n"
)
PASSED = "Unit Testing:  tests/a_test.yml\n  SUCCESS\n\n"
FAILED = """\
Unit Testing:  tests/b_test.yml
  FAILED:
    alertname: ModelDriftMajor, time: 1h30m,
        exp:[
            0:
              Labels:{alertname="ModelDriftMajor"}
            ],
        got:[]
"""
ROUTES = """\
Checking '/etc/alertmanager/alertmanager.yml'  SUCCESS
Found:
 - global config
 - route
 - 1 inhibit rules
 - 5 receivers
 - 1 templates
  SUCCESS
"""
SURVIVED = "SURVIVED a.yml: ErrorsBudgetBurn {}: > became >= in a > 1\n"
JUDGES = (judge_configuration, judge_rules, judge_tests, judge_routes, judge_mutants)


def test_a_configuration_with_rules_is_green() -> None:
    """The number of rule files is counted."""
    verdict = judge_configuration(0, CONFIGURATION)
    assert (verdict.status, verdict.counts) == ("green", {"rule files": 1})


def test_a_configuration_without_rules_is_red() -> None:
    """A Prometheus that evaluates nothing alarms nobody."""
    verdict = judge_configuration(0, CONFIGURATION.replace("  SUCCESS: 1 rule files found\n", ""))
    assert (verdict.status, verdict.reasons) == ("red", ("the configuration names no rules",))


def test_rules_are_counted_over_all_files() -> None:
    """Thirteen rules and one are fourteen."""
    verdict = judge_rules(0, RULES)
    assert (verdict.status, verdict.counts) == ("green", {"rules": 14})


def test_passed_tests_are_green() -> None:
    """The files whose tests all passed are counted."""
    verdict = judge_tests(0, PASSED + PASSED)
    assert (verdict.status, verdict.counts) == ("green", {"files of rule tests": 2})


def test_a_failed_test_is_red_and_names_the_alert() -> None:
    """The reason holds what was expected."""
    verdict = judge_tests(1, PASSED + FAILED)
    assert (verdict.status, verdict.counts) == ("red", {"findings": 1})
    assert verdict.reasons[0].startswith("alertname: ModelDriftMajor, time: 1h30m, exp:[")


def test_a_rule_that_cannot_be_read_is_red() -> None:
    """What promtool says of it is the reason."""
    log = 'Checking a.yml\n  FAILED:\na.yml: 3:9: group "drift", rule 1: could not parse\n'
    verdict = judge_rules(1, log)
    assert verdict.status == "red"
    assert "could not parse" in verdict.reasons[0]


def test_a_file_of_tests_that_says_nothing_is_not_run() -> None:
    """A file that was begun and never ended is not taken for one that passed."""
    assert judge_tests(0, f"{PASSED}Unit Testing:  tests/b_test.yml\n").status == "not run"


@pytest.mark.parametrize("judge", JUDGES)
def test_looking_at_nothing_is_not_run(judge: Callable[[int, str], Verdict]) -> None:
    """An empty log is green for none of them."""
    assert judge(0, "").status == "not run"


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("exit_code", [1, 2, 127])
def test_a_promtool_that_fails_without_a_word_is_not_run(
    judge: Callable[[int, str], Verdict], exit_code: int
) -> None:
    """Without FAILED in its log there is nothing to call red."""
    verdict = judge(exit_code, "sh: 1: promtool: not found\n")
    assert (verdict.status, verdict.reasons[0].endswith("promtool: not found")) == ("not run", True)


def test_receivers_are_counted() -> None:
    """Routes that lead to five receivers are green."""
    verdict = judge_routes(0, ROUTES)
    assert (verdict.status, verdict.counts) == ("green", {"receivers": 5})


def test_routes_that_cannot_be_read_are_red() -> None:
    """What amtool says of them is the reason."""
    log = "Checking 'a.yml'  FAILED: undefined receiver \"nobody\" used in route\n"
    verdict = judge_routes(1, log)
    assert (verdict.status, verdict.reasons) == (
        "red",
        ('undefined receiver "nobody" used in route',),
    )


def test_killed_mutants_are_counted() -> None:
    """Mutants that were all noticed are green."""
    verdict = judge_mutants(0, "300 number\nkilled 300 of 300 mutants\n")
    assert (verdict.status, verdict.counts) == ("green", {"mutants killed": 300})


@pytest.mark.parametrize(
    ("exit_code", "log"),
    [
        (1, f"{SURVIVED}killed 299 of 300 mutants\n"),
        (0, f"{SURVIVED}killed 300 of 300 mutants\n"),
        (0, "killed 299 of 300 mutants\n"),
        (1, "killed 300 of 300 mutants\n"),
    ],
)
def test_a_surviving_mutant_is_red(exit_code: int, log: str) -> None:
    """One sign of a survivor is enough, be it a line, the figure, or the exit code."""
    assert judge_mutants(exit_code, log).status == "red"


def test_no_mutants_are_not_run() -> None:
    """Of no mutant none survives, which proves nothing."""
    assert judge_mutants(0, "killed 0 of 0 mutants\n").status == "not run"
