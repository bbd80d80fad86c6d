"""Measures how long visitors wait, from lifting the pen to the answer on screen; prints it.

    python -m load.page --output DIR --starts FILE [--sessions 20] [--rounds 12]

Contract: all sessions draw at once, each in a browser context of its own, with a person's pause
between two digits; times are taken inside the page, where the visitor is. It measures and never
judges: the exit code is 0 however slow the page is, but an answer that does not come ends the run.
Does not know: who starts the page, or which answer is right.
"""

import argparse
import asyncio
import json
import random
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from conftest import CHROMIUM, CHROMIUM_FLAGS
from load.page.table import Wait, told
from strokes import STROKES, rounded
from visits import DESKTOP, SHEET

DEADLINE_MS = 60_000
PAUSE_SECONDS = (1.0, 3.0)
WARM_ROUNDS = 2
SEED = 20
WATCH = """sheet => {
    window.waits = [];
    new MutationObserver(() => {
        const shown = document.querySelector('[role="status"][data-turn]')?.dataset;
        const {turn, told} = sheet.dataset;
        if (shown?.turn !== turn || window.waits.at(-1)?.turn === turn) return;
        window.waits.push({
            turn,
            total: performance.now() - Number(told),
            page: Number(shown.pageMs),
            http: Number(shown.httpMs),
            model: Number(shown.modelMs),
        });
    }).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""


async def measure(url: str, sessions: int, rounds: int) -> list[Wait]:
    """Open all sessions, let them draw together, and return every wait of the rounds that count."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        pages = [await opened(browser, url) for _ in range(sessions)]
        visits = (visited(page, number, rounds) for number, page in enumerate(pages))
        waits = [wait for each in await asyncio.gather(*visits) for wait in each]
        await browser.close()
    return waits


async def opened(browser: Browser, url: str) -> Page:
    """Open the page as a new visitor and begin to watch."""
    context = await browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.set_default_timeout(DEADLINE_MS)
    page = await context.new_page()
    await page.goto(url)
    await page.locator(f"{SHEET}[aria-label]").evaluate(WATCH)
    return page


async def visited(page: Page, number: int, rounds: int) -> list[Wait]:
    """Draw one digit after the other, with pauses, and return the waits after the first rounds."""
    chance = random.Random(SEED + number)  # noqa: S311  spreads the visitors, protects nothing
    for count in range(1, WARM_ROUNDS + rounds + 1):
        await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))
        await draw(page, chance.choice([0, 1, 2, 3, 5, 6, 7, 8, 9]))  # of one stroke each
        await page.wait_for_function("count => window.waits.length === count", arg=count)
        await page.get_by_role("button", name="Clear", exact=True).click()
        await page.get_by_text("Nothing is drawn yet.").wait_for()
    waits: list[Wait] = await page.evaluate("window.waits")
    return waits[WARM_ROUNDS:]


async def draw(page: Page, digit: int) -> None:
    """Draw a digit with the mouse."""
    box = await page.locator(SHEET).bounding_box()
    assert box is not None, "the pad is not visible"
    [stroke] = STROKES[digit]
    places = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in rounded(stroke)
    ]
    await page.mouse.move(*places[0])
    await page.mouse.down()
    for place in places[1:]:
        await page.mouse.move(*place)
    await page.mouse.up()


def main() -> None:
    """Measure, write page.md and page.json, and print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output", type=Path, required=True, help="a folder for page.md and page.json"
    )
    parser.add_argument("--starts", type=Path, required=True, help="what start.py wrote")
    parser.add_argument("--url", default="http://frontend:8501", help="where the page is")
    parser.add_argument("--sessions", type=int, default=20, help="visitors at once")
    parser.add_argument("--rounds", type=int, default=12, help="digits that each of them draws")
    options = parser.parse_args()
    waits = asyncio.run(measure(options.url, options.sessions, options.rounds))
    starts = json.loads(options.starts.read_text(encoding="utf-8"))
    text = told(waits, options.sessions, starts)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "page.md").write_text(text, encoding="utf-8")
    (options.output / "page.json").write_text(json.dumps(waits), encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
