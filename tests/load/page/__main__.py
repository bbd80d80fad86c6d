"""Measures how long visitors wait, from lifting the pen to the answer on screen; prints it.

    python -m load.page --output DIR --starts FILE [--sessions 20] [--browsers 1] [--rounds 60]

Contract: all sessions draw at once, with a person's pause between two digits. Some are real
browsers, and their times are taken inside the page, where the visitor is; the others, whose
browsers would run on machines of their own, are web sockets that send what a browser sent for the
same drawings.
It measures and never judges: the exit code is 0 however slow the page is, but an answer that does
not come ends the run. Does not know: who starts the page, or which answer is right.
"""

import argparse
import asyncio
import base64
import json
import random
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from playwright.async_api import Browser, Page, async_playwright

from conftest import CHROMIUM, CHROMIUM_FLAGS
from load.page.table import Wait, told
from strokes import STROKES, rounded
from visits import DESKTOP, SHEET

DEADLINE_MS = 60_000
PAUSE_SECONDS = (1.0, 3.0)
WARM_ROUNDS = 2
SEED = 20
DIGITS = [0, 1, 2, 3, 5, 6, 7, 8, 9]  # of one stroke each
NOTHING = "Nothing is drawn yet."
HEALTH, STREAM = "/_stcore/health", "/_stcore/stream"
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


async def measure(
    url: str, sessions: int, browsers: int, rounds: int
) -> tuple[list[Wait], list[Wait]]:
    """Let all sessions draw together; the waits in browsers, then those at sockets."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        recording = await recorded(browser, url)
        pages = [await opened(browser, url) for _ in range(browsers)]
        seen, unseen = await asyncio.gather(
            asyncio.gather(*(visited(page, number, rounds) for number, page in enumerate(pages))),
            replayed(browser, url, recording, sessions - browsers, rounds),
        )
        await browser.close()
    return [wait for each in seen for wait in each], unseen


async def recorded(browser: Browser, url: str) -> dict[str, Any]:
    """Draw each digit once and keep what the browser sent: at first, for each, and for none."""
    frames: list[bytes | str] = []
    page = await opened(browser, url, frames)
    recording: dict[str, Any] = {"hello": told_by(frames), "drawings": []}
    for count, digit in enumerate(DIGITS, 1):
        frames.clear()
        await answered(page, digit, count)
        turn = await page.locator(SHEET).get_attribute("data-turn")
        recording["drawings"].append({"frame": told_by(frames), "turn": turn})
        frames.clear()
        await cleared(page)
        recording["cleared"] = {"frame": told_by(frames), "text": NOTHING}
    await page.context.close()
    return recording


def told_by(frames: list[bytes | str]) -> str:
    """Return the one frame that a browser sent, in base64."""
    [frame] = frames
    return base64.b64encode(frame if isinstance(frame, bytes) else frame.encode()).decode()


async def replayed(
    browser: Browser, url: str, recording: dict[str, Any], visitors: int, rounds: int
) -> list[Wait]:
    """Send a recording as many visitors; the waits at their sockets after the first rounds."""
    page = await browser.new_page()
    await page.goto(urljoin(url, HEALTH))
    options = {"visitors": visitors, "rounds": WARM_ROUNDS + rounds, "pause": PAUSE_SECONDS}
    stream = {"stream": urljoin(url, STREAM).replace("http", "ws", 1), "deadline": DEADLINE_MS}
    code = Path(__file__).with_name("replayed.js").read_text(encoding="utf-8")
    waits: list[list[Wait]] = await page.evaluate(code, {**recording, **options, **stream})
    return [wait for each in waits for wait in each[WARM_ROUNDS:]]


async def opened(browser: Browser, url: str, frames: list[bytes | str] | None = None) -> Page:
    """Open the page as a new visitor and begin to watch; frames takes what the browser sends."""
    context = await browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.set_default_timeout(DEADLINE_MS)
    page = await context.new_page()
    if frames is not None:

        def keep(frame: bytes | str) -> None:
            frames.append(frame)

        page.on("websocket", lambda socket: socket.on("framesent", keep))
    await page.goto(url)
    await page.locator(f"{SHEET}[aria-label]").evaluate(WATCH)
    return page


async def visited(page: Page, number: int, rounds: int) -> list[Wait]:
    """Draw one digit after the other, with pauses, and return the waits after the first rounds."""
    chance = random.Random(SEED + number)  # noqa: S311  spreads the visitors, protects nothing
    for count in range(1, WARM_ROUNDS + rounds + 1):
        await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))
        await answered(page, chance.choice(DIGITS), count)
        await cleared(page)
    waits: list[Wait] = await page.evaluate("window.waits")
    return waits[WARM_ROUNDS:]


async def answered(page: Page, digit: int, count: int) -> None:
    """Draw a digit and wait for its answer, `count` of this visit."""
    await draw(page, digit)
    await page.wait_for_function("count => window.waits.length === count", arg=count)


async def cleared(page: Page) -> None:
    """Empty the pad and wait until the page says so."""
    await page.get_by_role("button", name="Clear", exact=True).click()
    await page.get_by_text(NOTHING).wait_for()


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
    parser.add_argument("--browsers", type=int, default=1, help="how many of them are browsers")
    parser.add_argument("--rounds", type=int, default=60, help="digits that each of them draws")
    options = parser.parse_args()
    if not 0 < options.browsers < options.sessions:
        parser.error(f"--browsers {options.browsers}: at least 1, and fewer than --sessions")
    seen, unseen = asyncio.run(
        measure(options.url, options.sessions, options.browsers, options.rounds)
    )
    starts = json.loads(options.starts.read_text(encoding="utf-8"))
    text = told(seen, unseen, options.sessions, options.browsers, starts)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "page.md").write_text(text, encoding="utf-8")
    figures = json.dumps({"browsers": seen, "sockets": unseen})
    (options.output / "page.json").write_text(figures, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
