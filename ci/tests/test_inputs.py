"""Which stages a change concerns."""

import re
from pathlib import Path

import pytest

from mnist_pipeline.gates.inputs import INPUTS, concerned, foreign, plan

STAGES = Path(__file__).parents[1] / "src/mnist_pipeline/stages.py"


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("README.md", {"unit", "secrets", "scan"}),
        ("tests/contract/cases.py", {"lint", "unit", "sast", "secrets", "scan", "contract"}),
        (
            "monitoring/runbook.md",
            {"unit", "secrets", "scan", "image-structure", "accessibility"}
            | {"contract", "monitoring", "observability", "end-to-end", "deployment", "rehearsal"},
        ),
        (
            "deploy/processes.yml",  # of an image that is watched, too
            {"unit", "secrets", "scan", "image-structure", "observability"}
            | {"deployment", "rehearsal"},
        ),
        ("ci/cosign/go.sum", {"types", "unit", "dependencies", "secrets", "scan", "rehearsal"}),
        ("ci/src/mnist_pipeline/app.py", {*INPUTS}),
    ],
)
def test_a_change_concerns_the_stages_that_look_at_it(path: str, stages: set[str]) -> None:
    """Every stage that reads the file is needed, and no other."""
    assert {stage for stage in INPUTS if concerned(stage, [path])} == stages


def test_a_stage_that_nobody_described_is_always_needed() -> None:
    """What is not known is not left out."""
    assert concerned("new", ["README.md"]) == "it is not known what this stage looks at"


def test_without_a_change_nothing_is_needed() -> None:
    """No file, no stage, whether or not it is known."""
    assert plan(["lint", "new"], []).endswith("Nothing is needed.")


def test_the_plan_says_why_and_how() -> None:
    """A line a stage with its first file, and the call that runs what is needed."""
    told = plan(["lint", "model"], ["a.py", "b.py"])
    assert re.search(r"^lint +needed +looks at a.py and 1 more$", told, re.MULTILINE)
    assert re.search(r"^model +-$", told, re.MULTILINE)
    assert told.endswith("./daggerw call test --stages lint")


def test_every_stage_is_described() -> None:
    """The table of inputs names the stages that there are."""
    table = re.search(r"^STAGES[^{]*\{(.*?)^\}", STAGES.read_text(), re.MULTILINE | re.DOTALL)
    assert table
    assert set(re.findall(r'^ +"([\w-]+)":', table[1], re.MULTILINE)) <= {*INPUTS}


def test_a_history_of_another_tree_is_told() -> None:
    """By the files of its last commit, of which a source that was changed still has most."""
    assert foreign(["a", "b", "c"], ["b", "c", "d"]) == ""
    assert foreign([], ["a"]) == ""
    assert "1 of 3 files of its last commit" in foreign(["a", "b", "c"], ["c", "d", "e"])
