"""The page in every state, run by Streamlit's own test harness against a real local server."""

import json
import socket
from typing import Any

import pytest
from acts import ONE, POINTS, SEVEN, draw, html, predicted_digit, press, put
from streamlit.testing.v1 import AppTest

from conftest import ANSWER, PATIENT_SECONDS, SCRIPT, LocalBackend
from mnist_frontend import client
from mnist_frontend.drawing import Stroke, ink_of, to_image
from mnist_frontend.settings import TIMEOUT_VARIABLE
from mnist_frontend.words import ENGLISH

PREDICT = client.PREDICT_PATH


def test_an_untouched_page_says_what_to_do(page: AppTest, local_backend: LocalBackend) -> None:
    """At first there is a hint, no prediction and no question to the backend."""
    assert [info.value for info in page.info] == [ENGLISH["empty"]]
    assert predicted_digit(page) is None
    assert local_backend.asked == []
    assert not page.exception


def test_a_drawing_is_read_at_once(page: AppTest, local_backend: LocalBackend) -> None:
    """The answer is shown large, with how sure it is, by which model and how fast."""
    draw(page)
    assert predicted_digit(page) == "7"
    assert "91.0 % sure" in html(page)
    assert page.caption[0].value == "Model 1.2.0+abc, read in 0.4 ms"
    [sent] = local_backend.bodies(PREDICT)
    assert tuple(sent["image"]) == to_image(ink_of([Stroke(22, POINTS)]))


def test_the_picture_that_the_model_sees_is_shown(page: AppTest) -> None:
    """Beside the digit stands the image with a text alternative."""
    draw(page)
    assert f'alt="{ENGLISH["seen alt"]}"' in html(page)
    assert "data:image/png;base64," in html(page)


def test_the_ten_probabilities_are_shown_as_picture_and_table(page: AppTest) -> None:
    """The chart has a text alternative and the table has one row per digit."""
    draw(page)
    assert 'role="img" aria-label="Bar chart. 7 is' in html(page)
    table = page.table[0].value
    assert list(table["Digit"]) == [str(digit) for digit in range(10)]
    assert table["Probability"][7] == "91.0 %"


def test_an_unsure_model_names_the_second_digit(page: AppTest, local_backend: LocalBackend) -> None:
    """Half sure is said in plain words, and what else it could be."""
    unsure = [0.0] * 7 + [0.55, 0.0, 0.45]
    local_backend.answers[PREDICT] = ANSWER | {"probabilities": unsure}
    draw(page)
    assert "Not sure: 55.0 % for 7, but it could also be 9 (45.0 %)." in html(page)


def test_an_answer_stays_while_the_drawing_stays(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """A rerun of the page neither loses the answer nor asks again."""
    draw(page).run()
    assert predicted_digit(page) == "7"
    assert len(local_backend.bodies(PREDICT)) == 1


def test_another_stroke_is_another_reading(page: AppTest, local_backend: LocalBackend) -> None:
    """An answer is never shown beside a drawing it does not belong to."""
    draw(page)
    local_backend.answers[PREDICT] = ANSWER | {
        "digit": 1,
        "probabilities": [0.0, 1.0] + [0.0] * 8,
    }
    draw(page, SEVEN + ONE)
    assert predicted_digit(page) == "1"
    assert len(local_backend.bodies(PREDICT)) == 2


def test_a_cleared_pad_has_no_answer(page: AppTest) -> None:
    """Clear takes the answer away; what was read stays in the history."""
    draw(draw(page), [], sheet=2)
    assert [info.value for info in page.info] == [ENGLISH["empty"]]
    assert predicted_digit(page) is None
    assert "<caption" in html(page)


def test_a_blank_picture_is_called_blank(page: AppTest, local_backend: LocalBackend) -> None:
    """A photograph of white paper is not sent, and the visitor is told why."""
    from test_photograph import encoded, paper  # noqa: PLC0415  only this test needs pictures

    put(page, kind="photo", photo=encoded(paper(), "PNG"))
    assert [warning.proto.title for warning in page.warning] == [ENGLISH["blank"]]
    assert local_backend.asked == []


def test_a_photograph_is_read(page: AppTest, local_backend: LocalBackend) -> None:
    """An uploaded picture goes the same way as a drawing."""
    from test_photograph import encoded, paper, written  # noqa: PLC0415

    put(page, kind="photo", photo=encoded(written(paper()), "JPEG"))
    assert predicted_digit(page) == "7"
    assert len(local_backend.bodies(PREDICT)) == 1


@pytest.mark.parametrize("fault", ["large", "unreadable"])
def test_a_refused_file_is_told_and_the_drawing_kept(page: AppTest, fault: str) -> None:
    """What was on the pad before is still read."""
    put(draw(page), strokes=SEVEN, fault=fault)
    assert [error.proto.title for error in page.error] == [ENGLISH[fault]]
    assert ENGLISH["kept"] in page.error[0].value
    assert predicted_digit(page) == "7"


def test_a_file_that_only_claims_to_be_a_picture_is_refused(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """The server reads it anew and says so."""
    put(page, kind="photo", photo="AAAA")
    assert [error.proto.title for error in page.error] == [ENGLISH["unreadable"]]
    assert local_backend.asked == []


def test_a_message_that_the_pad_never_sends_is_refused(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """A forged message is an error for a person to read and no crash."""
    put(page, kind="<script>")
    assert [error.proto.title for error in page.error] == [ENGLISH["pad fault"]]
    assert local_backend.asked == []
    assert not page.exception


FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "server error": ({"status": 500, "body": b""}, "BackendFaultyError"),
    "timeout": ({"silent": True}, "BackendTimedOutError"),
    "malformed answer": ({"body": b"<html>"}, "AnswerInvalidError"),
    "too many": ({"status": 429, "body": b""}, "BackendBusyError"),
    "problem body": (
        {
            "status": 422,
            "kind": client.PROBLEM_TYPE,
            "body": json.dumps({"title": "Invalid image", "detail": "[x](http://y)"}).encode(),
        },
        "RequestRefusedError",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_told_in_plain_words_and_can_be_tried_again(
    page: AppTest, local_backend: LocalBackend, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each failure has its own title, keeps the drawing, and Try again can succeed."""
    behaviour, kind = FAILURES[name]
    for attribute, value in behaviour.items():
        setattr(local_backend, attribute, value)
    if local_backend.silent:
        monkeypatch.setenv(TIMEOUT_VARIABLE, "0.5")
    draw(page)
    assert [error.proto.title for error in page.error] == [ENGLISH[kind]]
    assert ENGLISH["kept"] in page.error[0].value
    assert predicted_digit(page) is None
    local_backend.mend()
    monkeypatch.setenv(TIMEOUT_VARIABLE, PATIENT_SECONDS)
    press(page, ENGLISH["retry"])
    assert predicted_digit(page) == str(ANSWER["digit"])
    assert not page.error


def test_a_busy_backend_says_how_long_to_wait(page: AppTest, local_backend: LocalBackend) -> None:
    """The seconds of Retry-After stand in the message."""
    local_backend.status, local_backend.headers["retry-after"] = 429, "7"
    draw(page)
    assert "Wait 7 s" in page.error[0].value


def test_a_problems_words_are_shown_as_text_and_never_as_markup(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """What the backend says is quoted letter by letter."""
    for attribute, value in FAILURES["problem body"][0].items():
        setattr(local_backend, attribute, value)
    draw(page)
    assert page.text[0].value == "Invalid image. [x](http://y)"


def test_a_backend_that_is_away_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at the address: the page says so and keeps the drawing."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = reserved.getsockname()[1]
        monkeypatch.setenv("MNIST_BACKEND_URL", f"http://127.0.0.1:{port}")
        page = draw(AppTest.from_file(str(SCRIPT), default_timeout=30).run())
    assert [error.proto.title for error in page.error] == [ENGLISH["BackendUnreachableError"]]


def test_a_visitor_signs_in_with_a_key_and_out_again(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """The typed key goes to the backend, leaves the field, and can be forgotten."""
    local_backend.status, local_backend.body = 401, b""
    draw(page)
    assert [error.proto.title for error in page.error] == [ENGLISH["KeyRefusedError"]]
    page.text_input[0].set_value(" mnist_typed ")
    local_backend.mend()
    press(page, ENGLISH["sign in"])
    assert predicted_digit(page) == "7"
    assert local_backend.keys[-1] == "mnist_typed"
    assert "typed" not in page.session_state
    press(page, ENGLISH["sign out"])
    assert local_backend.keys[-1] is None
