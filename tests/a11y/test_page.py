"""axe on the real page, once in each state, and on a page that is broken on purpose."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from findings import Finding, found, outlived, read_listed, unlisted
from playwright.sync_api import Browser, Page, expect

from conftest import Stack
from visits import answer, draw, photographed, settle, sheet, take_sample, upload, visit

pytestmark = pytest.mark.timeout(900)  # all states are scanned by one fixture
AXE_OPTIONS = {  # a rule that passed is told of by one element: the others are most of the work
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations", "incomplete"],
}
LISTED = read_listed((Path(__file__).parent / "exceptions.toml").read_text())
BROKEN_PAGE = """<!doctype html><html lang="en"><head><title>Broken on purpose</title></head><body>
<main><h1>Broken on purpose</h1>
<input type="text">
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">
<p style="color:#999;background:#fff">hardly readable</p>
<button style="width:10px;height:10px;padding:0;border:0" aria-label="a"></button
><button style="width:10px;height:10px;padding:0;border:0" aria-label="b"></button>
</main></body></html>"""
PLANTED_FAULTS = {"label", "image-alt", "color-contrast", "target-size"}

Results = dict[str, Any]
Bring = Callable[[Page, Path], None]


def left_alone(_page: Page, _photograph: Path) -> None:
    """Do nothing."""


def pen_down(page: Page, _photograph: Path) -> None:
    """Be in the middle of a stroke, by keyboard."""
    sheet(page).focus()
    for key in ("Space", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)


def drawn(page: Page, _photograph: Path) -> None:
    """Draw a 1 with the mouse and read the answer, whichever it is."""
    draw(page, 1)
    answer(page)


def told(page: Page, photograph: Path) -> None:
    """Say that the answer is right."""
    drawn(page, photograph)
    page.get_by_role("button", name=re.compile("^Yes, it is a")).click()
    expect(page.get_by_text("Thank you.")).to_be_visible()


def sampled(page: Page, _photograph: Path) -> None:
    """Take a sample."""
    take_sample(page, 3)
    answer(page)


def uploaded(page: Page, photograph: Path) -> None:
    """Choose a photograph."""
    upload(page, photograph)
    answer(page)


def refused(page: Page, photograph: Path) -> None:
    """Choose a file that is no picture."""
    text = photograph.with_suffix(".txt")
    text.write_text("no picture")
    upload(page, text)
    answer(page)


@dataclass(frozen=True)
class State:
    """A state of the page: which page, seen how, brought there by what."""

    bring: Bring = left_alone
    page: str = "frontend"
    options: dict[str, Any] = field(default_factory=dict)


STATES = {
    "empty": State(),
    "empty-dark": State(options={"color_scheme": "dark"}),
    "pen-down": State(pen_down),
    "predicted": State(drawn),
    "predicted-dark": State(drawn, options={"color_scheme": "dark"}),
    "predicted-320": State(drawn, options={"viewport": {"width": 320, "height": 700}}),
    "predicted-forced-colours": State(drawn, options={"forced_colors": "active"}),
    "predicted-with-motion": State(drawn, options={"reduced_motion": "no-preference"}),
    "predicted-french": State(drawn, options={"locale": "fr-FR"}),
    "feedback": State(told),
    "sample": State(sampled),
    "sample-320": State(sampled, options={"viewport": {"width": 320, "height": 700}}),
    "upload": State(uploaded),
    "upload-refused": State(refused),
    "backend-away": State(drawn, "alone"),
    "backend-away-dark": State(drawn, "alone", {"color_scheme": "dark"}),
    "key-wanted": State(drawn, "locked"),
}


def scan(page: Page) -> Results:
    """Run axe with all its default rules and the one of WCAG 2.2 AA that must be asked for."""
    results: Results = Axe().run(page, options=AXE_OPTIONS).response
    assert len(results["passes"]) + len(results["violations"]) > 0, "axe looked at nothing"
    return results


@pytest.fixture(scope="module")
def photograph(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph of a 7 on paper."""
    return photographed(browser, tmp_path_factory.mktemp("photographs"), 7)


@pytest.fixture(scope="module")
def scanned(
    browser: Browser, stack: Stack, reports: Path, photograph: Path
) -> dict[str, list[Finding]]:
    """Scan each state once, and save results and screenshots; a state that fails is an error."""
    findings: dict[str, list[Finding]] = {}
    for name, state in STATES.items():
        with visit(browser, getattr(stack, state.page), **state.options) as page:
            state.bring(page, photograph)
            settle(page)
            results = scan(page)
            page.screenshot(path=reports / f"axe-{name}.png", full_page=True)
        (reports / f"axe-{name}.json").write_text(json.dumps(results, indent=1))
        findings[name] = found(results, name)
    return findings


@pytest.mark.parametrize("state", STATES)
def test_the_page_has_no_unlisted_finding(scanned: dict[str, list[Finding]], state: str) -> None:
    """In this state everything that axe finds, or cannot decide, is a listed entry."""
    complaints = unlisted(scanned[state], LISTED)
    assert not complaints, "\n".join(complaints)


def test_every_exception_is_still_needed_and_in_date(scanned: dict[str, list[Finding]]) -> None:
    """The list of exceptions holds nothing stale and nothing expired."""
    every = [finding for findings in scanned.values() for finding in findings]
    complaints = outlived(LISTED, every, datetime.now(UTC).date())
    assert not complaints, "\n".join(complaints)


def test_the_scanner_finds_planted_faults(browser: Browser) -> None:
    """A page broken on purpose is found broken: a scanner that sees nothing would not pass here."""
    page = browser.new_page()
    page.set_content(BROKEN_PAGE)
    findings = [each for each in found(scan(page), "broken") if each.kind == "violations"]
    page.close()
    assert {finding.rule for finding in findings} >= PLANTED_FAULTS
    assert unlisted(findings, LISTED), "an exception hides the planted faults"
    assert any("EN-9" in finding.clauses for finding in findings), "no clause of EN 301 549"
    assert any("RGAA" in finding.clauses for finding in findings), "no criterion of RGAA"
