"""The page in every state, run by Streamlit's own test harness against a real local server."""

import base64
import io
import json
import re
import socket
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from conftest import ANSWER, LocalBackend, drawing
from mnist_frontend import app, canvas, client

SCRIPT = Path(app.__file__)
SEVEN = drawing((70, 40), (200, 40), (120, 250))


@pytest.fixture
def page(local_backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Open the page in front of the local backend."""
    monkeypatch.setenv("MNIST_BACKEND_URL", local_backend.url)
    monkeypatch.setenv("MNIST_BACKEND_TIMEOUT_SECONDS", "0.5")
    st.cache_resource.clear()
    return AppTest.from_file(str(SCRIPT), default_timeout=30).run()


def draw(page: AppTest, pixels: canvas.Pixels) -> AppTest:
    """Put a drawing on the pad as the browser would send it."""
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG")
    url = "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
    page.session_state[canvas.KEY] = {
        "drawing": {"raw": {"objects": [{}]}, "data": url},
        "backgroundFit": None,
    }
    return page.run()


def press(page: AppTest, label: str) -> AppTest:
    """Press the button with this label."""
    [button] = [button for button in page.button if button.label == label]
    return button.click().run()


def predicted_digit(page: AppTest) -> str | None:
    """Return the digit shown large, or None if none is shown."""
    shown = [
        found.group(1)
        for html in page.html
        if (found := re.search(r'role="status"[^>]*>(\d)</p>', html.proto.body))
    ]
    return shown[0] if shown else None


def pad_keeps_its_drawing(page: AppTest) -> bool:
    """Tell whether the pad still holds what was drawn on it."""
    return (
        page.session_state[canvas.KEY]["drawing"]["data"] is not None
        and "sheet" not in page.session_state
    )


def test_an_untouched_page_says_that_the_pad_is_empty(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """At first there is a hint, no prediction and no question to the backend."""
    assert [info.value for info in page.info] == ["The pad is empty."]
    assert predicted_digit(page) is None
    assert local_backend.asked == []
    assert not page.exception


def test_predict_on_an_empty_pad_says_that_nothing_is_drawn(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """The backend is not asked about an empty pad."""
    press(page, "Predict")
    assert "Nothing is drawn yet" in page.warning[0].value
    assert local_backend.asked == []


def test_an_empty_sheet_sent_by_the_pad_counts_as_empty(page: AppTest) -> None:
    """After Undo the pad sends white paper, which is no drawing either."""
    draw(page, drawing())
    assert [info.value for info in page.info] == ["The pad is empty."]


def test_a_drawing_waits_for_predict(page: AppTest, local_backend: LocalBackend) -> None:
    """Drawing alone asks nothing: unfinished digits stay out of the statistics."""
    draw(page, SEVEN)
    assert [info.value for info in page.info] == ["Press Predict to read this drawing."]
    assert local_backend.asked == []


def test_predict_shows_digit_certainty_version_and_time(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """The answer is shown large, with how sure it is, by which model and how fast."""
    press(draw(page, SEVEN), "Predict")
    assert predicted_digit(page) == "7"
    assert any("91.0 % sure" in html.proto.body for html in page.html)
    assert page.caption[0].value == "Model 1.2.0+abc, read in 0.4 ms"
    [(_, image)] = local_backend.asked
    assert tuple(image) == canvas.to_image(SEVEN)


def test_predict_shows_the_ten_probabilities_as_picture_and_table(page: AppTest) -> None:
    """The chart has a text alternative and the table has one row per digit."""
    press(draw(page, SEVEN), "Predict")
    assert any('role="img" aria-label="Bar chart. 7 is' in html.proto.body for html in page.html)
    table = page.table[0].value
    assert list(table["Digit"]) == [str(digit) for digit in range(10)]
    assert table["Probability"][7] == "91.0 %"


def test_an_answer_stays_while_the_drawing_stays(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """A rerun of the page neither loses the answer nor asks again."""
    press(draw(page, SEVEN), "Predict").run()
    assert predicted_digit(page) == "7"
    assert len(local_backend.asked) == 1


def test_a_changed_drawing_takes_the_old_answer_away(page: AppTest) -> None:
    """An answer is never shown beside a drawing it does not belong to."""
    press(draw(page, SEVEN), "Predict")
    draw(page, drawing((140, 30), (140, 250)))
    assert predicted_digit(page) is None
    assert [info.value for info in page.info] == ["Press Predict to read this drawing."]


def test_clear_takes_drawing_and_answer_away_at_once(page: AppTest) -> None:
    """What was drawn before Clear no longer counts, even before the pad tells that it is empty."""
    press(press(draw(page, SEVEN), "Predict"), "Clear")
    assert [info.value for info in page.info] == ["The pad is empty."]
    assert predicted_digit(page) is None
    press(page, "Predict")
    assert "Nothing is drawn yet" in page.warning[0].value


def test_clear_gives_the_pad_a_new_sheet_each_time(page: AppTest) -> None:
    """The pad empties itself whenever the number of its sheet changes."""
    press(press(page, "Clear"), "Clear")
    [pad] = page.get("bidi_component")
    assert json.loads(pad.proto.json)["initialDrawing"]["sheet"] == 2


def test_after_clear_the_next_drawing_can_be_read(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """Clear ends one drawing and not the visit."""
    press(press(draw(page, SEVEN), "Predict"), "Clear")
    press(draw(page, drawing((140, 30), (140, 250))), "Predict")
    assert predicted_digit(page) == "7"
    assert len(local_backend.asked) == 2


def test_the_same_digit_can_be_drawn_again_after_clear(page: AppTest) -> None:
    """Once the pad has told that it is empty, even the very same drawing counts again."""
    press(press(draw(page, SEVEN), "Predict"), "Clear")
    press(draw(draw(page, drawing()), SEVEN), "Predict")
    assert predicted_digit(page) == "7"


FAILURES: dict[str, tuple[dict[str, object], str]] = {
    "server error": ({"status": 503, "body": b""}, "The recogniser has a fault"),
    "timeout": ({"silent": True}, "The recogniser is too slow"),
    "malformed answer": ({"body": b"<html>"}, "The recogniser's answer makes no sense"),
    "problem body": (
        {
            "status": 422,
            "kind": client.PROBLEM_TYPE,
            "body": json.dumps({"title": "Invalid image", "detail": "[x](http://y)"}).encode(),
        },
        "The recogniser refused the drawing",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_told_in_plain_words_and_keeps_the_drawing(
    page: AppTest, local_backend: LocalBackend, name: str
) -> None:
    """Each failure has its own title, and the next press of Predict can succeed."""
    behaviour, title = FAILURES[name]
    draw(page, SEVEN)
    for attribute, value in behaviour.items():
        setattr(local_backend, attribute, value)
    press(page, "Predict")
    assert [error.proto.title for error in page.error] == [title]
    assert "Your drawing is kept." in page.error[0].value
    assert predicted_digit(page) is None
    assert pad_keeps_its_drawing(page)
    for attribute, value in vars(LocalBackend()).items():
        if attribute in behaviour:
            setattr(local_backend, attribute, value)
    press(page, "Predict")
    assert predicted_digit(page) == str(ANSWER["digit"])
    assert not page.error


def test_a_problems_words_are_shown_as_text_and_never_as_markup(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """What the backend says is quoted letter by letter."""
    for attribute, value in FAILURES["problem body"][0].items():
        setattr(local_backend, attribute, value)
    press(draw(page, SEVEN), "Predict")
    assert page.text[0].value == "Invalid image. [x](http://y)"


def test_a_backend_that_is_away_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at the address: the page says so and keeps the drawing."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = reserved.getsockname()[1]
        monkeypatch.setenv("MNIST_BACKEND_URL", f"http://127.0.0.1:{port}")
        page = AppTest.from_file(str(SCRIPT), default_timeout=30).run()
        press(draw(page, SEVEN), "Predict")
    assert [error.proto.title for error in page.error] == ["The recogniser is away"]
    assert pad_keeps_its_drawing(page)


def test_every_kind_of_failure_has_its_words() -> None:
    """A new error without a message would show up here, not in front of a visitor."""
    assert set(app.FAILURES) == set(client.PredictionFailedError.__subclasses__())


def test_the_page_says_whom_the_pad_shuts_out(page: AppTest) -> None:
    """The pad's missing keyboard access is stated on the page itself."""
    assert "cannot be used with a keyboard" in page.caption[-1].value
