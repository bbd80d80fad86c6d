"""Coverage that falls, rises past its floor, has none, or is not there."""

import pytest

from mnist_pipeline.gates.coverage import FloorsMalformedError, floors, judge


def report(lines: int, covered: int, branches: int = 0, taken: int = 0) -> str:
    """A report's head, in Cobertura's form."""
    return (
        f'<coverage lines-valid="{lines}" lines-covered="{covered}" '
        f'branches-valid="{branches}" branches-covered="{taken}"/>'
    )


def test_what_reaches_its_floor_is_green() -> None:
    """Lines and branches count together, up to a point above the floor."""
    assert judge("page", report(900, 899, 100, 91), {"page": 99.0}).status == "green"
    assert judge("page", report(1000, 1000), {"page": 99.0}).status == "green"


@pytest.mark.parametrize(
    ("covered", "known", "told"),
    [
        (989, {"page": 99.0}, "page is covered to 98.9 %, below its floor of 99.0 %"),
        (
            1000,
            {"page": 98.0},
            "far above its floor of 98.0 %: write page = 99.5 in ci/",
        ),
        (1000, {"other": 99.0}, "and has no floor: write page = 99.5"),
    ],
)
def test_what_leaves_its_floor_is_red(covered: int, known: dict[str, float], told: str) -> None:
    """Below it, so far above that it holds nothing, or without one."""
    verdict = judge("page", report(1000, covered), known)
    assert (verdict.status, told in verdict.reasons[0]) == ("red", True), verdict.reasons


@pytest.mark.parametrize("xml", ["", "<coverage/>", report(0, 0)])
def test_no_report_is_no_verdict(xml: str) -> None:
    """A run that left no figures is not green."""
    assert judge("page", xml, {"page": 0.0}).status == "not run"


@pytest.mark.parametrize("toml", ["page = ", 'page = "99"', "page = 101", "page = true"])
def test_a_floor_that_is_none_is_refused(toml: str) -> None:
    """The error names the file."""
    with pytest.raises(FloorsMalformedError, match=r"ci/coverage-floors\.toml"):
        floors(toml)


def test_floors_are_read() -> None:
    """In percent, by part."""
    assert floors("page = 99\nother = 87.5") == {"page": 99.0, "other": 87.5}
