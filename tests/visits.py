"""A visitor of the page: what a person does there with a mouse, a finger, a keyboard or a file.

Contract: `visit` opens the page and waits until its pad takes the pen; each way of drawing leaves
the page with an answer or a complaint on it, which `answer` reads. Nothing waits for a fixed time.
Does not know which answer is right.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, Locator, Page, Request, WebSocket, expect

from strokes import KEYS, STROKES, rounded

DEADLINE_MS = 20_000
DESKTOP = {"width": 1000, "height": 1900}
SHEET = "canvas#sheet"
PARTS = ("[data-testid=stButtonGroup]", "[data-testid=stTable] table", "table caption")
EMPTY = re.compile("empty|vide")
ANSWERS = '[role="status"][data-model-ms]'
TABS: WeakKeyDictionary[Browser, dict[tuple[object, ...], Page]] = WeakKeyDictionary()
DEVICE = {"locale": "en-GB", "has_touch": False, "is_mobile": False}
SEEN = {"color_scheme": "light", "reduced_motion": "reduce", "forced_colors": "none"}
FORGET = """async () => {
    localStorage.clear();
    sessionStorage.clear();
    for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
}"""


@contextmanager
def visit(
    browser: Browser,
    url: str,
    asked: list[str] | None = None,
    **options: Any,  # noqa: ANN401  as the browser's own
) -> Iterator[Page]:
    """Open the page as a new visitor; `asked` takes what that asks for.

    A visitor comes with nothing stored, in a tab that is used again: a browser that has read the
    page's scripts once has half the work. A tab in which something went wrong is not used again.
    """
    expect.set_options(timeout=DEADLINE_MS)
    tabs = TABS.setdefault(browser, {})
    device = {name: options.pop(name, usual) for name, usual in DEVICE.items()}
    key = (urlsplit(url).netloc, *device.values())
    page = tabs.pop(key, None) or opened(browser, device)
    page.set_viewport_size(options.pop("viewport", DESKTOP))
    page.emulate_media(**(SEEN | options))

    def ask(request: Request | WebSocket) -> None:
        if asked is not None:
            asked.append(request.url)

    page.on("request", ask)
    page.on("websocket", ask)
    try:
        page.goto(url)
        expect(sheet(page)).to_have_attribute("aria-label", EMPTY)
        settle(page)
        yield page
    except BaseException:
        page.context.close()
        raise
    page.evaluate(FORGET)
    page.goto("about:blank")
    page.context.clear_cookies()
    page.remove_listener("request", ask)
    page.remove_listener("websocket", ask)
    tabs[key] = page


def opened(browser: Browser, device: dict[str, Any]) -> Page:
    """Open a tab of a browser that has stored nothing and shares nothing with the others."""
    context = browser.new_context(**device)
    context.set_default_timeout(DEADLINE_MS)
    return context.new_page()


def sheet(page: Page) -> Locator:
    """Return the sheet that is drawn on."""
    return page.locator(SHEET)


def settle(page: Page) -> None:
    """Wait until the page has nothing left to do and no element fades in or out."""
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_visible()
    page.wait_for_function("document.getAnimations().every(each => each.playState !== 'running')")


def draw(page: Page, digit: int) -> None:
    """Draw a digit with the mouse, the button down along each stroke."""
    mouse = page.mouse
    for first, *rest in strokes(page, digit):
        mouse.move(*first)
        mouse.down()
        for point in rest:
            mouse.move(*point)
        mouse.up()


def touch(page: Page, digit: int) -> None:
    """Draw a digit with a finger, by the touch events that the browser's own protocol sends."""
    protocol = page.context.new_cdp_session(page)
    for path in strokes(page, digit):
        for index, (x, y) in enumerate(path):
            kind = "touchMove" if index else "touchStart"
            finger = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            protocol.send("Input.dispatchTouchEvent", finger)
        protocol.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    protocol.detach()


def write(page: Page, digit: int) -> None:
    """Write a digit with the keyboard's pen; the pad has the focus."""
    for key, times in KEYS[digit]:
        for _ in range(times):
            page.keyboard.press(key)


def take_sample(page: Page, digit: int) -> None:
    """Press the button of a sample, which is folded away where the page is narrow."""
    unfold(page)
    page.get_by_role("button", name=re.compile(rf"^(Sample|Exemple) {digit}$")).click()


def unfold(page: Page) -> None:
    """Open the samples and photographs, if they are folded away, once the pad is there."""
    expect(sheet(page)).to_have_attribute("aria-label", re.compile("."))
    if page.locator("details#more:not([open])").count():
        page.locator("details#more > summary").click()


def upload(page: Page, file: Path) -> None:
    """Choose a file, and wait until the pad has read it, which takes the browser a moment."""
    unfold(page)
    turn = sheet(page).get_attribute("data-turn") or "none"
    page.locator("input#photo").set_input_files(file)
    expect(sheet(page)).to_have_attribute("data-turn", re.compile(rf"^(?!{turn}$)\d+$"))


def clear(page: Page) -> None:
    """Empty the pad and wait until the page knows."""
    page.get_by_role("button", name=re.compile("^(Clear|Effacer)$")).click()
    expect(sheet(page)).to_have_attribute("aria-label", EMPTY)
    expect(page.locator(ANSWERS)).to_have_count(0)
    settle(page)


def answer(page: Page) -> str:
    """Return the digit read from what is on the pad now, or the complaint shown instead."""
    turn = sheet(page).get_attribute("data-turn")
    shown = page.locator(f'{ANSWERS}[data-turn="{turn}"]').or_(page.get_by_role("alert"))
    expect(shown.first).to_be_visible()
    if shown.first.get_attribute("data-turn"):
        for part in PARTS:  # some of which the browser fetches when it first shows them
            expect(page.locator(part).first).to_be_visible()
    settle(page)
    return shown.first.inner_text()


def strokes(page: Page, digit: int) -> Iterator[list[tuple[float, float]]]:
    """Yield where each stroke of a digit lies on the page, in its pixels; an answer may move it."""
    pad = sheet(page)
    pad.scroll_into_view_if_needed()
    for stroke in STROKES[digit]:
        box = pad.bounding_box()
        assert box is not None, "the pad is not visible"
        path = rounded(stroke)
        yield [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in path]


PAPER = """<!doctype html><body style="margin:0">
<svg xmlns="http://www.w3.org/2000/svg" width="900" height="700">
<defs><linearGradient id="light"><stop stop-color="#f4efe2"/><stop offset="1" stop-color="#8f8a7c"/>
</linearGradient></defs>
<rect width="900" height="700" fill="#3a2b20"/>
<g transform="rotate(4 450 350)"><rect x="70" y="50" width="760" height="600" fill="url(#light)"/>
<g transform="translate({left} 160) scale(300)" fill="none" stroke="#29325f" stroke-width="0.07"
stroke-linecap="round" stroke-linejoin="round">{paths}</g></g></svg>"""


def photographed(browser: Browser, folder: Path, digit: int) -> Path:
    """Take a JPEG of a digit on paper that lies askew on a dark table in uneven light."""
    points = (rounded(rounded(stroke)) for stroke in STROKES[digit])
    paths = "".join(f'<path d="M{"L".join(f"{x} {y}" for x, y in path)}"/>' for path in points)
    page = browser.new_page(viewport={"width": 900, "height": 700})
    page.set_content(PAPER.format(left=430, paths=paths))
    file = folder / f"photograph-{digit}.jpeg"
    page.screenshot(path=file, type="jpeg", quality=70)
    page.close()
    return file
