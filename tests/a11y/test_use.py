"""What axe cannot see: the keyboard's way, the focus, names in order, reflow, colours, language."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from conftest import Stack
from visits import answer, draw, settle, sheet, visit, write

HERE = Path(__file__).parent
STOPS_LIMIT = 60  # of the Tab key; the page has about half as many
NARROW = {"width": 320, "height": 700}
SCHEMES = ("light", "dark")
TEXT_CONTRAST, PART_CONTRAST = 4.5, 3.0  # WCAG 1.4.3 and 1.4.11
DEEPEST = """() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    return at;
}"""
NAMED = f"""() => {{
    const at = ({DEEPEST})();
    if (!at || at === document.body) return "";
    const box = at.getBoundingClientRect();
    const say = at.getAttribute("aria-label") || at.innerText || at.id || at.dataset.testid || "";
    const place = [box.x, box.y + scrollY].map(Math.round);
    return `${{at.tagName}} ${{say.trim().split("\\n")[0]}} @${{place}}`;
}}"""
BOX = f"""() => {{
    const box = ({DEEPEST})().closest("label, [data-baseweb]")?.getBoundingClientRect()
        ?? ({DEEPEST})().getBoundingClientRect();
    return [box.x, box.y, box.width, box.height];
}}"""
CONTRASTS = """([bars, texts]) => {
    const channels = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const luminance = colour => channels(colour)
        .map(value => value / 255)
        .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
    const ratio = (one, other) => {
        const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
    };
    const paper = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
    const least = (chosen, property) => Math.min(...[...document.querySelectorAll(chosen)]
        .map(each => ratio(getComputedStyle(each)[property], paper)));
    return [least(bars, "backgroundColor"), least(texts, "color")];
}"""
TO_THE_TOP = """() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
}"""
CHART = '[role="img"][aria-label^="Bar chart"]'


def stops(page: Page, key: str = "Tab") -> list[str]:
    """Press Tab until the focus leaves the page or returns, and name each stop."""
    names: list[str] = []
    for _ in range(STOPS_LIMIT):
        page.keyboard.press(key)
        name = page.evaluate(NAMED)
        if not name or name in names[:1]:
            return names
        names.append(name)
    raise AssertionError(f"after {STOPS_LIMIT} times {key} there is no end: {names[-3:]}")


def tab_to(page: Page, pattern: str) -> None:
    """Press Tab until the focus is on what is named so."""
    for _ in range(STOPS_LIMIT):
        page.keyboard.press("Tab")
        if re.search(pattern, page.evaluate(NAMED)):
            return
    raise AssertionError(f"{pattern} is not reached with the Tab key")


def test_the_whole_way_goes_by_keyboard(browser: Browser, stack: Stack, reports: Path) -> None:
    """From load to prediction to feedback without a mouse, and on from the pad with Tab."""
    with visit(browser, stack.frontend) as page:
        tab_to(page, "^CANVAS Drawing pad")
        write(page, 7)
        assert answer(page) == "7"
        tab_to(page, "^BUTTON Yes, it is a 7")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Thank you. Noted as a 7.")).to_be_visible()
        page.screenshot(path=reports / "keyboard-only.png", full_page=True)


def test_the_pad_tells_position_and_ink(browser: Browser, stack: Stack) -> None:
    """A visitor who does not see the pen hears where it is, what it does and what lies under it."""
    with visit(browser, stack.frontend) as page:
        said = page.locator("#status")
        sheet(page).focus()
        page.keyboard.press("ArrowUp")
        expect(said).to_have_text("Column 15, row 14 of 28, pen up, on paper.")
        page.keyboard.press("Space")
        expect(said).to_have_text("Pen down.")
        page.keyboard.press("ArrowRight")
        expect(said).to_have_text("Column 16, row 14 of 28, pen down.")
        page.keyboard.press("Space")
        expect(said).to_have_text("Pen up.")
        page.keyboard.press("ArrowLeft")
        expect(said).to_have_text("Column 15, row 14 of 28, pen up, on ink.")
        expect(sheet(page)).to_have_attribute("aria-label", "Drawing pad, 1 stroke")
        page.keyboard.press("Backspace")
        expect(sheet(page)).to_have_attribute("aria-label", "Drawing pad, empty")


def test_no_stop_holds_the_focus(browser: Browser, stack: Stack) -> None:
    """Tab passes through the whole page and comes out, and Shift+Tab goes the same way back."""
    with visit(browser, stack.frontend) as page:
        draw(page, 1)
        answer(page)
        page.evaluate(TO_THE_TOP)
        forward = stops(page)
        assert any("CANVAS" in name for name in forward)
        assert any("Yes, it is a" in name for name in forward)
        back = stops(page, "Shift+Tab")
        assert back == forward[::-1]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_stop_shows_the_focus(browser: Browser, stack: Stack, scheme: str) -> None:
    """Each stop of the Tab key looks different with the focus than without it."""
    with visit(browser, stack.frontend, color_scheme=scheme) as page:
        draw(page, 1)
        answer(page)
        page.evaluate(TO_THE_TOP)
        unseen, seen_names = [], set()
        for _ in range(STOPS_LIMIT):
            page.keyboard.press("Tab")
            name = page.evaluate(NAMED)
            if not name or name in seen_names:
                break
            seen_names.add(name)
            if not looks_focused(page):
                unseen.append(name)
        assert len(seen_names) > 10
        assert unseen == []


def looks_focused(page: Page) -> bool:
    """Compare the element that has the focus, and what lies around it, with itself without."""
    settle(page)
    x, y, width, height = page.evaluate(BOX)
    left, top = max(0, x - 8), max(0, y - 8)
    size = page.viewport_size or {"width": 0, "height": 0}
    clip = {
        "x": left,
        "y": top,
        "width": min(width + 16, size["width"] - left),
        "height": min(height + 16, size["height"] - top),
    }
    focused = page.screenshot(clip=clip)  # type: ignore[arg-type]
    page.evaluate(f"() => {{ window.last = ({DEEPEST})(); window.last.blur(); }}")
    settle(page)
    plain = page.screenshot(clip=clip)  # type: ignore[arg-type]
    page.evaluate("window.last.focus({preventScroll: true})")
    return focused != plain


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
@pytest.mark.parametrize("state", ["empty", "predicted"])
def test_the_page_reads_like_this_to_a_screen_reader(
    browser: Browser, stack: Stack, reports: Path, locale: str, state: str
) -> None:
    """Roles, names and their order are those of the committed text; figures are left out."""
    name = f"page-{state}-{locale[:2]}.txt"
    with visit(browser, stack.frontend, locale=locale) as page:
        if state == "predicted":
            draw(page, 1)
            answer(page)
        heard = page.get_by_test_id("stMain").aria_snapshot()
    heard = re.sub(r"(Model|Modèle) [^\s,]+,", r"\1 V,", heard)
    heard = re.sub(r"([<>] )?\d+[.,]\d+", "N", heard)
    (reports / name).write_text(heard + "\n")
    golden = HERE / "golden" / name
    assert heard + "\n" == golden.read_text(), f"compare with {name} in the evidence"


def test_nothing_runs_over_the_edge_at_320_pixels(browser: Browser, stack: Stack) -> None:
    """What is 1280 pixels wide at 400 % needs no sideways scrolling (WCAG 1.4.10)."""
    with visit(browser, stack.frontend, viewport=NARROW) as page:
        draw(page, 1)
        answer(page)
        wide = page.evaluate(
            "[...document.querySelectorAll('[data-testid=stMain] *')]"
            ".filter(each => each.getBoundingClientRect().right > innerWidth + 1)"
            ".map(each => each.outerHTML.slice(0, 120))"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        assert wide == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_chart_stands_out_from_the_page(browser: Browser, stack: Stack, scheme: str) -> None:
    """Bars keep 3:1 and their text 4.5:1, which axe cannot measure inside a picture."""
    with visit(browser, stack.frontend, color_scheme=scheme) as page:
        draw(page, 1)
        answer(page)
        bars, texts = page.evaluate(
            CONTRASTS, [f"{CHART} span > span", f"{CHART} > div > span:not(:has(span))"]
        )
    assert bars >= PART_CONTRAST
    assert texts >= TEXT_CONTRAST


def test_the_dark_page_is_dark_and_the_light_page_is_light(browser: Browser, stack: Stack) -> None:
    """The page follows the visitor's colour scheme, so the scans of both saw two pages."""
    script = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    brightness = {}
    for scheme in SCHEMES:
        with visit(browser, stack.frontend, color_scheme=scheme) as page:
            brightness[scheme] = max(map(int, re.findall(r"\d+", page.evaluate(script))[:3]))
    assert brightness["dark"] < 60
    assert brightness["light"] > 200


@pytest.mark.parametrize(
    ("locale", "language"), [("en-US", "en"), ("fr-CA", "fr"), ("de-DE", "en")]
)
def test_the_document_is_in_the_language_of_its_words(
    browser: Browser, stack: Stack, locale: str, language: str
) -> None:
    """The browser's preference chooses, the visitor may choose otherwise, and `lang` follows."""
    with visit(browser, stack.frontend, locale=locale) as page:
        html = page.locator("html")
        expect(html).to_have_attribute("lang", language)
        for part in ("stSkipToContent", "stHeader"):  # whose words Streamlit has in English alone
            expect(page.get_by_test_id(part)).to_have_attribute("lang", "en")
        other, title = {"en": ("Français", "Lecture"), "fr": ("English", "Handwritten")}[language]
        page.get_by_text(other, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(title)
        expect(html).to_have_attribute("lang", {"en": "fr", "fr": "en"}[language])
