"""Which stages a change concerns."""

import re
from pathlib import Path

import pytest

from mnist_pipeline.gates.inputs import INPUTS, concerned, foreign, plan

MODULE = Path(__file__).parents[1] / "src/mnist_pipeline"
READING = {"unit", "secrets", "scan"}  # every file
OF_PYTHON = {"lint", "sast", *READING}
BROWSED = {"accessibility", "end-to-end"}


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("README.md", READING),
        ("tests/contract/cases.py", {*OF_PYTHON, "contract"}),
        (
            "monitoring/runbook.md",
            {*READING, *BROWSED, "image-structure", "contract", "monitoring", "observability"}
            | {"deployment", "rehearsal"},
        ),
        (
            "monitoring/alerts.py",
            {*OF_PYTHON, *BROWSED, "types", "image-structure", "contract", "monitoring"}
            | {"observability", "rehearsal"},
        ),
        (
            "monitoring/requirements.lock",
            {*READING, *BROWSED, "types", "dependencies", "image-structure", "contract"}
            | {"monitoring", "observability", "rehearsal"},
        ),
        ("monitoring/tests/test_routes.py", {*OF_PYTHON, "monitoring", "observability"}),
        ("apps/backend/tests/test_api.py", {*OF_PYTHON, "types"}),  # no image has it
        (
            "deploy/processes.yml",  # of an image that is watched, too
            {*READING, "image-structure", "observability", "deployment", "rehearsal"},
        ),
        (
            "deploy/src/mnist_deploy/ssh.py",
            {*OF_PYTHON, "types", "dependencies", "image-structure", "observability"}
            | {"deployment", "rehearsal"},
        ),
        ("deploy/tests/test_lock.py", {*OF_PYTHON, "deployment"}),
        ("deploy/tests/requirements.lock", {*READING, "dependencies", "deployment", "rehearsal"}),
        ("pyproject.toml", {*READING, "lint", "types", "monitoring", "deployment"}),
        (
            "requirements.lock",
            {*READING, "lint", "types", "dependencies", "deployment", "rehearsal"},
        ),
        ("tests/visits.py", {*OF_PYTHON, *BROWSED}),
        ("tests/added.py", {*OF_PYTHON, *BROWSED}),
        ("tests/conftest.py", {*OF_PYTHON, *BROWSED, "contract"}),
        (
            "tests/pytest.ini",
            {*READING, *BROWSED, "contract", "observability", "rehearsal"},
        ),
        ("tests/load/vegeta/go.sum", {*READING, "deployment", "rehearsal"}),
        ("ci/requirements-newest.lock", {*READING, "types", "dependencies"}),
        ("ci/cosign/go.sum", {*READING, "types", "rehearsal"}),
        ("apps/backend/src/mnist_backend/page.pyi", {*INPUTS} - {"sast", "monitoring"}),
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
    text = (MODULE / "stages.py").read_text(encoding="utf-8")
    table = re.search(r"^STAGES[^{]*\{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    assert table
    assert set(re.findall(r'^ +"([\w-]+)":', table[1], re.MULTILINE)) <= {*INPUTS}


def test_a_history_of_another_tree_is_told() -> None:
    """By the files of its last commit, of which a source that was changed still has most."""
    assert foreign(["a", "b", "c"], ["b", "c", "d"]) == ""
    assert foreign([], ["a"]) == ""
    assert "1 of 3 files of its last commit" in foreign(["a", "b", "c"], ["c", "d", "e"])


def test_what_no_browser_sees_is_what_the_stages_leave_out() -> None:
    """The tests that are taken away from the browser's inputs are those that it is not given."""
    text = (MODULE / "browsing.py").read_text(encoding="utf-8")
    left_out = re.search(r"^UNRELATED_TESTS = \{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    assert left_out
    for stage in BROWSED:
        taken = {p.removesuffix("/*") for p in INPUTS[stage] if p.startswith("!tests/")}
        assert taken == {f"!tests/{name}" for name in re.findall(r'"([\w.]+)"', left_out[1])}
