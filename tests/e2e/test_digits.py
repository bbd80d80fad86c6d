"""Visitors draw, write, photograph and take digits, read them, and Prometheus has counted them."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as BrowserError

from conftest import Stack
from strokes import KEYS, STROKES
from visits import (
    ANSWERS,
    answer,
    clear,
    draw,
    photographed,
    sheet,
    take_sample,
    touch,
    upload,
    visit,
    write,
)

pytestmark = pytest.mark.timeout(900)  # all readings are made by one fixture
COUNTED = "http_requests_total"
PREDICT_ROUTE = "/api/v1/predict"
COUNT_QUERY = f'sum({COUNTED}{{route="{PREDICT_ROUTE}",status="200"}})'
COUNT_DEADLINE_SECONDS = 30
POLL_SECONDS = 0.25
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PHOTOGRAPHED = (2, 7)
SAMPLED = (0, 3, 8)
REPLICAS = {"page-1", "page-2"}
WRONG_KEY = "mnist_00000000_canaryCanaryCanary"
STORED = """async () => JSON.stringify([
    {...localStorage}, {...sessionStorage}, document.cookie, location.href,
    await Promise.all((await indexedDB.databases()).map(each => each.name)),
])"""

Act = Callable[[Page, int], None]


@dataclass
class Visits:
    """What visitors drew in which way, what they read, and which addresses their browsers asked."""

    counted_before: int
    read: dict[tuple[str, int], str] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)


def by_keyboard(page: Page, digit: int) -> None:
    """Write with the keyboard's pen, from the middle of the sheet."""
    sheet(page).focus()
    write(page, digit)


WAYS: dict[str, tuple[Act, tuple[int, ...], dict[str, Any]]] = {
    "mouse": (draw, tuple(STROKES), {}),
    "finger": (touch, tuple(STROKES), PHONE),
    "keyboard": (by_keyboard, tuple(KEYS), {}),
    "keyboard-phone": (by_keyboard, tuple(KEYS), PHONE),
    "sample": (take_sample, SAMPLED, {}),
    "sample-phone": (take_sample, SAMPLED, PHONE),
    "photograph": (upload, PHOTOGRAPHED, {}),  # type: ignore[dict-item]  a file for a digit
    "photograph-phone": (upload, PHOTOGRAPHED, PHONE),  # type: ignore[dict-item]
}
READINGS = [(way, digit) for way, (_, digits, _) in WAYS.items() for digit in digits]


def counted_by_backend(stack: Stack) -> int:
    """Count the answered predictions by the backend's own metrics, with no scrape in between."""
    metrics = httpx.get(stack.metrics, trust_env=False).raise_for_status().text
    lines = [line for line in metrics.splitlines() if line.startswith(f"{COUNTED}{{")]
    mine = [line for line in lines if f'route="{PREDICT_ROUTE}"' in line and 'status="200"' in line]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in mine)


def asked_of_prometheus(stack: Stack, query: str) -> int:
    """Ask Prometheus; a series that does not exist yet counts as zero."""
    answered = httpx.get(
        f"{stack.prometheus}/api/v1/query", params={"query": query}, trust_env=False
    ).raise_for_status()
    result = answered.json()["data"]["result"]
    return int(float(result[0]["value"][1])) if result else 0


def read(page: Page, act: Act, digit: int, photographs: Path) -> str:
    """Bring a digit onto the empty pad and return the digit or the complaint that is shown."""
    try:
        act(page, photographs / f"photograph-{digit}.jpeg" if act is upload else digit)  # type: ignore[arg-type]
        return answer(page)
    except (AssertionError, BrowserError) as failure:
        text = re.sub(r"\s*\n\s*", " | ", page.locator("body").inner_text())
        return f"nothing: {failure}; the page's text: {text}"


@pytest.fixture(scope="module")
def visits(
    browser: Browser, stack: Stack, reports: Path, tmp_path_factory: pytest.TempPathFactory
) -> Visits:
    """Go each way with each of its digits, one visitor a way, and keep a picture of each."""
    photographs = tmp_path_factory.mktemp("photographs")
    for digit in PHOTOGRAPHED:
        photographed(browser, photographs, digit)
    visits = Visits(counted_before=counted_by_backend(stack) if stack.has("metrics") else 0)
    for way, (act, digits, options) in WAYS.items():
        with visit(browser, stack.frontend, visits.addresses, **options) as page:
            for digit in digits:
                visits.read[way, digit] = read(page, act, digit, photographs)
                page.screenshot(path=reports / f"{way}-{digit}.png", full_page=True)
                clear(page)
    return visits


@pytest.mark.parametrize(("way", "digit"), READINGS)
def test_a_digit_is_read_as_that_digit(visits: Visits, way: str, digit: int) -> None:
    """The digit that was drawn, written, taken or photographed is the digit on the page."""
    assert visits.read.get((way, digit), "not reached") == str(digit)


def test_no_request_leaves_for_a_foreign_host(visits: Visits, stack: Stack) -> None:
    """Everything the page needs comes from the page's own host, over HTTP and web socket alike."""
    own = urlsplit(stack.frontend).netloc
    foreign = [
        url
        for url in visits.addresses
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).netloc != own
    ]
    assert any(url.startswith(("ws:", "wss:")) for url in visits.addresses), visits.addresses
    assert foreign == []


def test_prometheus_counts_every_prediction_of_these_visits(visits: Visits, stack: Stack) -> None:
    """Within seconds Prometheus shows at least as many more predictions as were read."""
    assert stack.metrics
    expected = visits.counted_before + len(READINGS)
    deadline = time.monotonic() + COUNT_DEADLINE_SECONDS
    counted = asked_of_prometheus(stack, COUNT_QUERY)
    while counted < expected and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        counted = asked_of_prometheus(stack, COUNT_QUERY)
    assert counted >= expected, (
        f"{COUNT_QUERY} is {counted} after {COUNT_DEADLINE_SECONDS} s, expected {expected} or more "
        f"({visits.counted_before} before these visits); the backend itself counts "
        f"{counted_by_backend(stack)}"
    )


def test_prometheus_sees_the_pages_own_metrics(visits: Visits, stack: Stack) -> None:
    """The sessions that the page served are counted, under its own job."""
    assert visits.read
    assert asked_of_prometheus(stack, 'sum(session_events_total{job="frontend"})') > 0


def test_pad_and_answer_share_a_telephones_screen(browser: Browser, stack: Stack) -> None:
    """On a telephone the pad and the answer are both seen, whole, without scrolling."""
    with visit(browser, stack.frontend, **PHONE) as page:
        touch(page, 7)
        assert answer(page) == "7"
        pad, told = sheet(page).bounding_box(), page.locator(ANSWERS).bounding_box()
        assert pad is not None
        assert told is not None
        assert pad["y"] >= 0
        assert told["y"] + told["height"] <= PHONE["viewport"]["height"]  # type: ignore[index]


def test_strokes_are_undone_one_by_one(browser: Browser, stack: Stack) -> None:
    """Undo takes one stroke after the other, and the page follows."""
    with visit(browser, stack.frontend) as page:
        draw(page, 4)
        assert answer(page) == "4"
        page.get_by_role("button", name="Undo", exact=True).click()
        expect(sheet(page)).to_have_attribute("aria-label", "Drawing pad, 1 stroke")
        page.get_by_role("button", name="Undo", exact=True).click()
        expect(page.get_by_text("Nothing is drawn yet.")).to_be_visible()


def test_a_correction_reaches_the_metrics(browser: Browser, stack: Stack) -> None:
    """Wrong, it is a 9: the backend counts it for the model that answered."""
    query = 'sum(feedback_total{outcome="wrong"})'
    with visit(browser, stack.frontend) as page:
        draw(page, 1)
        assert answer(page) == "1"
        before = asked_of_prometheus(stack, query)
        page.get_by_role("radio", name="9", exact=True).click()
        expect(page.get_by_text("Thank you. Noted as a 9.")).to_be_visible()
    deadline = time.monotonic() + COUNT_DEADLINE_SECONDS
    while asked_of_prometheus(stack, query) <= before:
        assert time.monotonic() < deadline, "the correction is not counted"
        time.sleep(POLL_SECONDS)


def test_a_backend_that_is_away_is_told(browser: Browser, stack: Stack, reports: Path) -> None:
    """The page says so, keeps the drawing and offers to try again."""
    with visit(browser, stack.alone) as page:
        draw(page, 7)
        assert "The recogniser is away" in answer(page)
        expect(sheet(page)).to_have_attribute("aria-label", "Drawing pad, 1 stroke")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        page.screenshot(path=reports / "backend-away.png", full_page=True)


def test_a_typed_key_stays_out_of_the_browsers_storage(browser: Browser, stack: Stack) -> None:
    """A wrong key is refused, and found in no storage, cookie, address or console."""
    with visit(browser, stack.locked) as page:
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        draw(page, 7)
        assert "wants an API key" in answer(page)
        page.get_by_label("API key").fill(WRONG_KEY)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Forget the API key")).to_be_visible()
        assert "wants an API key" in answer(page)
        expect(page.get_by_label("API key")).to_have_value("")
        assert WRONG_KEY not in page.evaluate(STORED) + "".join(said)


def test_two_replicas_keep_their_sessions(browser: Browser, stack: Stack) -> None:
    """Behind a load balancer a visit stays with its replica; one has a read-only root."""
    replicas = set()
    for _ in range(4):
        with visit(browser, stack.edge) as page:
            draw(page, 7)
            assert answer(page) == "7"
            clear(page)
            draw(page, 1)
            assert answer(page) == "1"
            expect(page.get_by_role("row")).to_have_count(1 + 10 + 1 + 2)  # probabilities, history
            [replica] = [c["value"] for c in page.context.cookies() if c["name"] == "REPLICA"]
            replicas.add(replica)
        if replicas == REPLICAS:
            return
    raise AssertionError(f"four visits met only {replicas}")
