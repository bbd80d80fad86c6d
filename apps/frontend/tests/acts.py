"""What a visitor does on the page, through Streamlit's own test harness, and what is then shown."""

import re
from typing import Any

from streamlit.testing.v1 import AppTest

from conftest import stroke
from mnist_frontend import pad

POINTS = ((70.0, 40.0), (200.0, 40.0), (120.0, 250.0))
SEVEN = [stroke(*POINTS)]
ONE = [stroke((140, 30), (140, 250))]


def put(page: AppTest, **fields: object) -> AppTest:
    """Put something on the pad as the browser would send it."""
    usual = {"turn": 1, "sheet": 1, "kind": "strokes", "strokes": [], "photo": None, "fault": None}
    page.session_state[pad.KEY] = {"picture": usual | fields}
    return page.run()


def draw(page: AppTest, strokes: list[dict[str, Any]] = SEVEN, sheet: int = 1) -> AppTest:
    """Draw on the pad."""
    return put(page, strokes=strokes, sheet=sheet)


def press(page: AppTest, label: str) -> AppTest:
    """Press the button with this label."""
    [button] = [button for button in page.button if button.label == label]
    return button.click().run()


def choose(page: AppTest, digit: int) -> AppTest:
    """Say which digit it is."""
    [pills] = page.get("button_group")
    return pills.set_value(digit).run()  # type: ignore[union-attr,no-any-return]


def html(page: AppTest) -> str:
    """Return all the markup of the page's own."""
    return "\n".join(html.proto.body for html in page.html)


def predicted_digit(page: AppTest) -> str | None:
    """Return the digit shown large, or None if none is shown."""
    found = re.search(r'role="status"[^>]*>(\d)</p>', html(page))
    return found.group(1) if found else None
