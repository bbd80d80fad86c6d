"""A visitor draws digits with the mouse and reads them, and Prometheus has counted them."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as BrowserError

from conftest import Stack
from strokes import PAD, STROKES, draw

COUNTED = "http_requests_total"
PREDICT_ROUTE = "/api/v1/predict"
COUNT_QUERY = f'sum({COUNTED}{{route="{PREDICT_ROUTE}",status="200"}})'
PAGE_DEADLINE_MS = 20_000
COUNT_DEADLINE_SECONDS = 30
POLL_SECONDS = 0.25


@dataclass
class Visit:
    """What one visitor drew, read and caused."""

    counted_before: int
    read: dict[int, str] = field(default_factory=dict)
    page_text: dict[int, str] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)


def counted_by_backend(stack: Stack) -> int:
    """Count the answered predictions by the backend's own metrics, with no scrape in between."""
    metrics = httpx.get(stack.metrics, trust_env=False).raise_for_status().text
    lines = [line for line in metrics.splitlines() if line.startswith(f"{COUNTED}{{")]
    mine = [line for line in lines if f'route="{PREDICT_ROUTE}"' in line and 'status="200"' in line]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in mine)


def counted_by_prometheus(stack: Stack) -> int:
    """Ask Prometheus for the same count; a series that does not exist yet counts as zero."""
    answer = httpx.get(
        f"{stack.prometheus}/api/v1/query", params={"query": COUNT_QUERY}, trust_env=False
    ).raise_for_status()
    result = answer.json()["data"]["result"]
    return int(float(result[0]["value"][1])) if result else 0


def read_digit(page: Page, digit: int) -> str:
    """Draw the digit on the empty pad, press Predict, and return the digit or the complaint."""
    expect(page.get_by_text("The pad is empty.")).to_be_visible()
    draw(page.locator(PAD), STROKES[digit])
    expect(page.get_by_text("Press Predict to read this drawing.")).to_be_visible()
    page.get_by_role("button", name="Predict", exact=True).click()
    digit_shown = page.get_by_role("status", name="Predicted digit")
    shown = digit_shown.or_(page.get_by_role("alert"))
    expect(shown).to_be_visible()
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_visible()
    return shown.inner_text()


@pytest.fixture(scope="module")
def visit(browser: Browser, stack: Stack, reports: Path) -> Iterator[Visit]:
    """Draw every digit on one page, with Clear in between, and take a picture of each."""
    visit = Visit(counted_before=counted_by_backend(stack))
    context = browser.new_context(viewport={"width": 1000, "height": 1250}, reduced_motion="reduce")
    context.set_default_timeout(PAGE_DEADLINE_MS)
    expect.set_options(timeout=PAGE_DEADLINE_MS)
    page = context.new_page()
    page.on("request", lambda request: visit.addresses.append(request.url))
    page.on("websocket", lambda socket: visit.addresses.append(socket.url))
    page.goto(stack.frontend)
    for digit in STROKES:
        try:
            visit.read[digit] = read_digit(page, digit)
        except (AssertionError, BrowserError) as failure:
            visit.read[digit] = f"nothing: {failure}"
        visit.page_text[digit] = re.sub(r"\s*\n\s*", " | ", page.locator("body").inner_text())
        page.screenshot(path=reports / f"digit-{digit}.png", full_page=True)
        page.get_by_role("button", name="Clear", exact=True).click()
    yield visit
    context.close()


@pytest.mark.parametrize("digit", STROKES)
def test_a_drawn_digit_is_read_as_that_digit(visit: Visit, digit: int) -> None:
    """The digit drawn with the mouse is the digit shown on the page."""
    assert visit.read.get(digit) == str(digit), (
        f"drew {digit}, the page shows {visit.read.get(digit)!r}; its text was:\n"
        f"{visit.page_text.get(digit, 'not reached')}"
    )


def test_no_request_leaves_for_a_foreign_host(visit: Visit, stack: Stack) -> None:
    """Everything the page needs comes from the page's own host, over HTTP and web socket alike."""
    own = urlsplit(stack.frontend).netloc
    foreign = [
        url
        for url in visit.addresses
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).netloc != own
    ]
    assert any(url.startswith(("ws:", "wss:")) for url in visit.addresses), visit.addresses
    assert foreign == []


def test_prometheus_counts_every_prediction_of_this_visit(visit: Visit, stack: Stack) -> None:
    """Within seconds Prometheus shows at least as many more predictions as were read."""
    expected = visit.counted_before + len(STROKES)
    deadline = time.monotonic() + COUNT_DEADLINE_SECONDS
    counted = counted_by_prometheus(stack)
    while counted < expected and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        counted = counted_by_prometheus(stack)
    assert counted >= expected, (
        f"{COUNT_QUERY} is {counted} after {COUNT_DEADLINE_SECONDS} s, expected {expected} or more "
        f"({visit.counted_before} before this visit); the backend itself counts "
        f"{counted_by_backend(stack)}"
    )
