"""The page of the evidence."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from mnist_pipeline.gates.verdicts import StageResult, green, not_run, red
from mnist_pipeline.page import Coverage, coverage, page

LINT = StageResult("lint", red("a.py:1: F401 <unused>", "b.py:2: S602"), 3.25, "cached")
UNIT = StageResult("unit", green(tests=12), 40.0, "ran")
SCAN = StageResult("scan", green(), 9.0, "ran", {"vulnerabilities": not_run("no database")})
FILES = ("status.json", "lint/ruff.sarif", "end-to-end/draw.png", "sarif/lint-ruff.sarif")
DRAWN = ("observability/dashboard-service.png", "model/card/model-card.png")
VOID = {"img", "meta", "rect"}


class Reader(HTMLParser):
    """Holds that every element is closed where it must be, and keeps what is linked and said."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element that is not closed yet."""
        self.tags.append(tag)
        self.pictures += [dict(attrs)] if tag == "img" else []
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be of that kind."""
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep what is said."""
        self.words.append(data)


def made(*results: StageResult, files: Sequence[str] = FILES) -> Reader:
    """The page of these results, read."""
    reader = Reader(page(results, 0.0, 52.3, [Coverage("unit/backend", 0.981, 0.9)], files))
    assert reader.open == []
    return reader


def test_a_red_page_begins_with_what_failed() -> None:
    """Verdict, stage, reason and way out stand before anything else."""
    words = made(LINT, UNIT).words
    said = " ".join(words[words.index("Not green") + 1 :])
    first = said[: said.index("Not run")]
    assert "1 of 2 stages not green: lint" in first
    assert "F401 <unused>" in first
    assert "./daggerw call test --stages lint --fresh" in first
    text = page([LINT], 0.0, 1.0, [], [])
    assert "<code>./daggerw call debug --stage lint terminal</code>" in text
    assert 'more in <a href="lint/">lint/</a>' in text


def test_a_green_page_names_no_failure() -> None:
    """Without a failure there is no table of failures."""
    said = " ".join(made(UNIT, SCAN).words)
    assert "All 2 stages are green." in said
    assert "What failed" not in said


def test_what_was_not_run_is_told_with_its_reason() -> None:
    """A remark of a green stage has a line of its own."""
    said = " ".join(made(SCAN).words)
    assert re.search(r"vulnerabilities\s+not run\s+scan\s+no database", said)


def test_what_a_tool_said_is_escaped() -> None:
    """Markup in a reason is text."""
    text = page([LINT], 0.0, 1.0, [], ["<b>.png"])
    assert "<unused>" not in text
    assert "<b>" not in text


def test_the_page_needs_nothing_but_the_evidence() -> None:
    """No script, no style and no frame is asked for, and no picture and no link leaves it."""
    reader = made(LINT, UNIT, SCAN, files=(*FILES, *DRAWN))
    assert not {"script", "link", "iframe"} & {*reader.tags}
    assert not [link for link in reader.links if re.match(r"\w+:|//|/", link)]


def test_pictures_are_shown() -> None:
    """Dashboards, the model and the page, each with words, fetched when they are scrolled to."""
    pictures = made(UNIT, files=(*FILES, *DRAWN)).pictures
    assert [(each["src"], each["alt"]) for each in pictures] == [
        (DRAWN[0], "Dashboard: observability dashboard service"),
        (DRAWN[1], "Model: model card model card"),
        ("end-to-end/draw.png", "Screenshot: end to end draw"),
    ]
    assert {each["loading"] for each in pictures} == {"lazy"}


def test_of_many_pictures_some_of_each_place_are_shown() -> None:
    """Twelve of a kind, from the first of them to the last; every one is linked."""
    many = [f"{place}/{number:02}.png" for place in ("accessibility", "x") for number in range(30)]
    reader = made(UNIT, files=many)
    shown = [each["src"] or "" for each in reader.pictures]
    assert len({*shown}) == 12
    assert len([name for name in shown if name.startswith("x/")]) == 6
    assert {*many} <= {*reader.links}


def test_a_run_without_pictures_says_so() -> None:
    """There is no empty frame."""
    assert "No stage of this run left a picture." in made(LINT, files=("status.json",)).words


def test_the_page_has_the_marks_that_readers_need() -> None:
    """Language, one h1, a named chart, captions and headers of every table."""
    text = page([LINT, UNIT], 0.0, 1.0, [], FILES)
    assert '<html lang="en">' in text
    assert text.count("<h1>") == 1
    assert '<svg role="img" aria-label="' in text
    assert text.count("<table>") == text.count("<caption>") == text.count("<thead>")


def test_every_stage_has_a_bar_as_long_as_it_took() -> None:
    """The longest stage fills the chart, the others their part of it."""
    text = page([LINT, UNIT], 0.0, 1.0, [], FILES)
    short, long = (int(width) for width in re.findall(r'<rect [^>]*width="(\d+)"', text))
    assert short / long == pytest.approx(3.25 / 40, abs=0.01)


def test_coverage_is_read_from_its_report() -> None:
    """Lines and branches are ratios; what is no report of coverage has none."""
    xml = '<?xml version="1.0" ?>\n<coverage version="7" line-rate="0.98" branch-rate="0.9">'
    assert coverage("backend", xml) == Coverage("backend", 0.98, 0.9)
    assert coverage("backend", "<testsuite/>") is None
