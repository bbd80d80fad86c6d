"""axe on the real page, in each state and scheme, and on a page that is broken on purpose."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from findings import Finding, outlived, read_listed, serious, unlisted
from playwright.sync_api import Browser, Page, expect

from conftest import Stack
from strokes import PAD, STROKES, draw

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
STATES = ("empty", "predicted")
SCANS = [(state, scheme) for scheme in SCHEMES for state in STATES]
LISTED = read_listed((Path(__file__).parent / "exceptions.toml").read_text())
AXE_OPTIONS = {"rules": {"target-size": {"enabled": True}}}
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


def scan(page: Page) -> Results:
    """Run axe with all its default rules and the one of WCAG 2.2 AA that must be asked for."""
    results: Results = Axe().run(page, options=AXE_OPTIONS).response
    assert len(results["passes"]) + len(results["violations"]) > 0, "axe looked at nothing"
    return results


def settle(page: Page) -> None:
    """Wait until the page has nothing left to do and no element fades in or out."""
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_visible()
    page.wait_for_function("document.getAnimations().every(each => each.playState !== 'running')")


def predict_a_one(page: Page) -> None:
    """Bring the page into the state with a prediction: draw a 1 and press Predict."""
    draw(page.locator(PAD), STROKES[1])
    expect(page.get_by_text("Press Predict to read this drawing.")).to_be_visible()
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.get_by_role("status", name="Predicted digit")).to_have_text(re.compile(r"^\d$"))


def background(page: Page) -> tuple[int, ...]:
    """Return the red, green and blue of the page's background."""
    script = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    return tuple(int(number) for number in re.findall(r"\d+", page.evaluate(script))[:3])


@pytest.fixture(scope="module")
def pages(browser: Browser, stack: Stack) -> Iterator[dict[str, Page]]:
    """Open the page once for each colour scheme."""
    expect.set_options(timeout=30_000)
    opened: dict[str, Page] = {}
    for scheme in SCHEMES:
        context = browser.new_context(
            color_scheme=scheme,
            reduced_motion="reduce",
            viewport={"width": 1000, "height": 1250},
        )
        opened[scheme] = context.new_page()
        opened[scheme].goto(stack.frontend)
        expect(opened[scheme].get_by_text("The pad is empty.")).to_be_visible()
        expect(opened[scheme].locator(PAD)).to_be_visible()
    yield opened
    for page in opened.values():
        page.context.close()


@pytest.fixture(scope="module")
def scans(pages: dict[str, Page], reports: Path) -> dict[tuple[str, str], Results]:
    """Scan each state in each scheme once, and save results and screenshots."""
    results: dict[tuple[str, str], Results] = {}
    for state, scheme in SCANS:
        page = pages[scheme]
        if state == "predicted":
            predict_a_one(page)
        settle(page)
        results[state, scheme] = scan(page)
        name = f"axe-{state}-{scheme}"
        (reports / f"{name}.json").write_text(json.dumps(results[state, scheme], indent=1))
        page.screenshot(path=reports / f"{name}.png", full_page=True)
    return results


def findings_of(scans: dict[tuple[str, str], Results]) -> list[Finding]:
    """Return the judged findings of all scans."""
    return [
        finding
        for (state, scheme), results in scans.items()
        for finding in serious(results, f"{state}, {scheme}")
    ]


@pytest.mark.parametrize(("state", "scheme"), SCANS)
def test_the_page_has_no_unlisted_serious_violation(
    scans: dict[tuple[str, str], Results], state: str, scheme: str
) -> None:
    """In this state and scheme every serious or critical finding of axe is a listed exception."""
    complaints = unlisted(serious(scans[state, scheme], f"{state}, {scheme}"), LISTED)
    assert not complaints, "\n".join(complaints)


def test_every_exception_is_still_needed_and_in_date(
    scans: dict[tuple[str, str], Results],
) -> None:
    """The list of exceptions holds nothing stale and nothing expired."""
    complaints = outlived(LISTED, findings_of(scans), datetime.now(UTC).date())
    assert not complaints, "\n".join(complaints)


def test_the_dark_page_is_dark_and_the_light_page_is_light(pages: dict[str, Page]) -> None:
    """The page follows the visitor's colour scheme, so the two scans saw two pages."""
    assert min(background(pages["light"])) > 200
    assert max(background(pages["dark"])) < 60


def test_the_scanner_finds_planted_faults(browser: Browser) -> None:
    """A page broken on purpose is found broken: a scanner that sees nothing would not pass here."""
    page = browser.new_page()
    page.set_content(BROKEN_PAGE)
    found = serious(scan(page), "broken")
    page.close()
    assert {finding.rule for finding in found} >= PLANTED_FAULTS
    assert unlisted(found, LISTED), "an exception hides the planted faults"
