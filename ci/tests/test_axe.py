"""Whether axe really looked."""

import json

import pytest

from mnist_pipeline.gates.axe import judge

LOOKED = json.dumps({"passes": [{"id": "label"}], "violations": []})


def test_results_with_rules_are_green() -> None:
    """States and rules are counted."""
    assert judge({"light.json": LOOKED, "dark.json": LOOKED}).counts == {
        "page states": 2,
        "rules": 2,
    }


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"passes": [], "violations": []}'])
def test_an_analysis_of_nothing_is_not_run(text: str) -> None:
    """A malformed result, or one in which no rule was applied, is never green."""
    assert judge({"light.json": LOOKED, "dark.json": text}).status == "not run"


def test_no_result_is_not_run() -> None:
    """Tests that passed without a result of axe prove nothing."""
    assert judge({}).status == "not run"
