"""What mutants are made of, and that a test that looks away is found."""

from pathlib import Path

import pytest

from monitoring.mutants import main, mutants

RULE = {"alert": "ThingLarge", "expr": 'rate(a{b="1 > 2"}[4m]) > 5', "for": "2m"}
TEST = """\
rule_files: [../rules/thing.rules.yml]
tests:
  - interval: 1m
    input_series: [{series: 'a{b="1 > 2"}', values: '0+SLOPEx20'}]
    alert_rule_test: [{eval_time: 20m, alertname: ThingLarge, exp_alerts: [EXPECTED]}]
"""
RULES = """\
groups:
  - name: things
    rules: [{alert: ThingLarge, expr: 'a > 5'}]
"""


def test_every_number_span_and_comparison_is_changed() -> None:
    """Text in quotes is left alone; each other part becomes something near it."""
    made = [*mutants(RULE)]
    assert [m.change.partition(": ")[2].partition(" in ")[0] for m in made] == [
        "= became !=",
        "[4m] became [120s]",
        "[4m] became [480s]",
        "> became >=",
        "> became <=",
        "5 became (4.9)",
        "5 became (5.1)",
        "for: 2m became 60s",
        "for: 2m became 240s",
    ]


def test_a_test_that_looks_away_leaves_survivors(
    tmp_path: Path, promtool: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A test far from the limit does not see the limit move, and that is an exit code."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules/thing.rules.yml").write_text(RULES, encoding="utf-8")
    test = TEST.replace("SLOPE", "9").replace("EXPECTED", "{exp_labels: {b: '1 > 2'}}")
    (tmp_path / "tests/thing_test.yml").write_text(test, encoding="utf-8")
    assert main(tmp_path, promtool) == 1
    told = capsys.readouterr().out
    assert "SURVIVED ThingLarge: > became >= in a > 5" in told
    assert told.endswith("killed 1 of 4 mutants\n")


def test_tests_that_do_not_hold_kill_nobody(
    tmp_path: Path, promtool: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the tests fail on the rules themselves, their failing says nothing of mutants."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "rules/thing.rules.yml").write_text(RULES, encoding="utf-8")
    test = TEST.replace("SLOPE", "9").replace("EXPECTED", "")
    (tmp_path / "tests/thing_test.yml").write_text(test, encoding="utf-8")
    assert main(tmp_path, promtool) == 1
    assert "do not hold" in capsys.readouterr().err
