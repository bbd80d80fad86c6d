"""What a visitor tells the page, and what the page keeps of a visit."""

import json

import pytest
from acts import ONE, SEVEN, choose, draw, html, press
from streamlit.testing.v1 import AppTest

from conftest import PREDICTION_ID, SCRIPT, LocalBackend
from mnist_frontend import app, client
from mnist_frontend.words import ENGLISH, FRENCH

FEEDBACK, MODELS = client.FEEDBACK_PATH, client.MODELS_PATH


def test_the_visitor_says_that_the_digit_is_right(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """One press tells the backend, thanks, and stands in the history."""
    local_backend.answers[FEEDBACK] = {**local_backend.answers[FEEDBACK], "digit": 7, "right": True}
    press(draw(page), "Yes, it is a 7")
    assert local_backend.bodies(FEEDBACK) == [{"prediction_id": PREDICTION_ID, "digit": 7}]
    assert [success.value for success in page.success] == ["Thank you. Noted as a 7."]
    assert ">7</td></tr>" in html(page)


def test_the_visitor_says_which_digit_it_is(page: AppTest, local_backend: LocalBackend) -> None:
    """A wrong digit is corrected by choosing the right one."""
    choose(draw(page), 1)
    assert local_backend.bodies(FEEDBACK) == [{"prediction_id": PREDICTION_ID, "digit": 1}]
    assert [success.value for success in page.success] == ["Thank you. Noted as a 1."]
    assert ">1</td></tr>" in html(page)


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [(500, "application/json", b""), (404, client.PROBLEM_TYPE, b'{"title": "Not found"}')],
)
def test_a_correction_that_was_not_noted_is_told_and_can_be_repeated(
    page: AppTest, local_backend: LocalBackend, status: int, kind: str, body: bytes
) -> None:
    """Nothing is thanked for that did not arrive."""
    draw(page)
    local_backend.status, local_backend.kind, local_backend.body = status, kind, body
    choose(page, 1)
    assert [error.value for error in page.error] == [ENGLISH["noted not"]]
    assert not page.success
    local_backend.mend()
    choose(page, 1)
    assert [success.value for success in page.success] == ["Thank you. Noted as a 1."]


def test_a_second_and_different_correction_is_refused_in_plain_words(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """The first word stands, as the backend says by 409."""
    draw(page)
    local_backend.status, local_backend.kind = 409, client.PROBLEM_TYPE
    local_backend.body = json.dumps({"title": "Told before"}).encode()
    choose(page, 1)
    assert [error.value for error in page.error] == [ENGLISH["told before"]]


def test_the_history_holds_one_line_a_sheet_newest_first(page: AppTest) -> None:
    """The readings of an unfinished drawing do not fill it, and it does not grow for ever."""
    draw(page, ONE, sheet=1)
    for sheet in range(2, app.HISTORY_LENGTH + 3):
        draw(draw(page, ONE, sheet=sheet), SEVEN, sheet=sheet)
    assert html(page).count("<tr><td") == app.HISTORY_LENGTH


def test_where_two_models_answer_the_page_says_which(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """The role stands beside the version, and is asked for once."""
    local_backend.answers[MODELS] = {
        "models": [
            {"aliases": ["champion"], "card": {"model_version": "1.1.0"}},
            {"aliases": ["challenger"], "card": {"model_version": "1.2.0+abc"}},
        ]
    }
    draw(draw(page), ONE)
    assert page.caption[0].value == "Model 1.2.0+abc (challenger), read in 0.4 ms"
    assert len(local_backend.bodies(MODELS)) == 1


def test_a_model_whose_role_is_not_known_is_named_without_one(
    page: AppTest, local_backend: LocalBackend
) -> None:
    """A list of models that cannot be had costs the role and no reading."""
    del local_backend.answers[MODELS]["models"]
    draw(page)
    assert page.caption[0].value == "Model 1.2.0+abc, read in 0.4 ms"


def test_a_visit_stays_with_one_model(page: AppTest, local_backend: LocalBackend) -> None:
    """All requests of a visit carry the same name, and another visit another one."""
    draw(draw(page), ONE)
    [session] = local_backend.sessions
    assert session
    draw(AppTest.from_file(str(SCRIPT), default_timeout=30).run())
    assert len(local_backend.sessions) == 2


def test_the_page_speaks_french_when_asked_to(page: AppTest) -> None:
    """Every word changes, numbers included, and the drawing is not read anew."""
    draw(page)
    page.radio[0].set_value("fr").run()
    assert page.title[0].value == FRENCH["title"]
    assert "sûr à 91,0 %" in html(page)
    [component] = page.get("bidi_component")
    assert json.loads(component.proto.json)["language"] == "fr"
    assert not page.exception
