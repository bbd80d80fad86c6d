"""The page: draw a digit and read what the recogniser makes of it.

Contract: every state keeps the drawing and says what to do next; a picture is read once, when it
changed, and again only when the visitor asks for it. This is the one place that knows what happens
in which order. Does not know HTTP, pixels or markup.
"""

import logging
import secrets
import time
from http import HTTPStatus
from typing import Any

import streamlit as st

from mnist_frontend import client, pad, panels
from mnist_frontend.client import BackendCallError, Prediction, RequestRefusedError, Visitor
from mnist_frontend.drawing import Values, to_image
from mnist_frontend.panels import Past, Reading
from mnist_frontend.settings import Settings
from mnist_frontend.words import LANGUAGES, NAMES, Words, of_pad, preferred

HISTORY_LENGTH = 10

logger = logging.getLogger(__name__)


@st.cache_resource
def backend(settings: Settings) -> client.BackendClient:
    """Open the connection pool once for all sessions."""
    return client.open_client(settings)


def main() -> None:
    """Show the page."""
    since = time.monotonic()
    settings = Settings.from_environment()
    state = st.session_state
    state.setdefault("language", preferred(st.context.locale))
    state.setdefault("visit", secrets.token_hex(16))
    words = LANGUAGES[state.language]
    st.set_page_config(page_title=words["title"], layout="centered")
    st.html(panels.STYLE)
    st.title(words["title"], anchor=False)
    st.radio(
        "Language · Langue", list(NAMES), format_func=NAMES.get, key="language", horizontal=True
    )
    st.write(words["intro"])
    left, right = st.columns([300, 340], gap="large")
    with left:
        st.header(words["your drawing"], anchor=False)
        picture = shown_pad(words)
    with right:
        st.header(words["it reads"], anchor=False)
        reading = judged(settings, picture, words, since) if picture else None
    if reading and isinstance(reading.outcome, Prediction):
        panels.show_probabilities(reading.outcome, state.language)
    if past := state.get("past"):
        panels.show_history([past[sheet] for sheet in sorted(past, reverse=True)], state.language)
    if state.get("api_key"):
        st.button(words["sign out"], on_click=sign_out)


def shown_pad(words: Words) -> pad.Picture | None:
    """Show the pad, or say that what it sent cannot be used."""
    try:
        return pad.show(st.session_state.language, of_pad(words))
    except pad.PadMessageInvalidError as error:
        logger.warning("the pad sent what it never sends: %s", error)
        st.error(words["pad fault advice"], title=words["pad fault"])
        return None


def judged(settings: Settings, picture: pad.Picture, words: Words, since: float) -> Reading | None:
    """Show what is known about this very picture: a reading, a failure, or what to do next."""
    image = seen(picture)
    if picture.fault or isinstance(image, str):
        fault = picture.fault or image
        st.error(f"{words['kept']} {words[f'{fault} advice']}", title=words[str(fault)])
    if isinstance(image, str):
        return None
    if picture.empty:
        st.info(words["empty"])
        return None
    if image is None:
        st.warning(words["blank advice"], title=words["blank"])
        return None
    reading: Reading | None = st.session_state.get("reading")
    if reading is None or (reading.sheet, reading.image) != (picture.sheet, image):
        with st.spinner(words["reading"]):
            reading = read(settings, picture.sheet, image)
        st.session_state.reading = reading
    show(settings, reading, words, picture.turn, since)
    return reading


def seen(picture: pad.Picture) -> Values | pad.Fault | None:
    """Return the picture's image, or why there is none; once for each picture, as it takes time."""
    drawn = picture.model_copy(update={"fault": None, "turn": 0})
    known: tuple[pad.Picture, Any] | None = st.session_state.get("seen")
    if known is None or known[0] != drawn:
        ink = drawn.ink()
        known = (drawn, ink if isinstance(ink, str) else to_image(ink))
        st.session_state.seen = known
    image: Values | pad.Fault | None = known[1]
    return image


def read(settings: Settings, sheet: int, image: Values) -> Reading:
    """Ask the backend; a failure is a value here, for the page must show it after each rerun."""
    since = time.monotonic()
    try:
        prediction = backend(settings).predict(image, visitor())
    except BackendCallError as error:
        return Reading(sheet, image, error, time.monotonic() - since)
    remember(sheet, Past(image, prediction, None))
    return Reading(sheet, image, prediction, time.monotonic() - since)


def visitor() -> Visitor:
    """Return for whom the page asks."""
    return Visitor(st.session_state.visit, st.session_state.get("api_key", ""))


def remember(sheet: int, past: Past) -> None:
    """Keep the last reading of each sheet, and of the last sheets only."""
    history: dict[int, Past] = st.session_state.setdefault("past", {})
    history[sheet] = past
    for old in sorted(history)[:-HISTORY_LENGTH]:
        del history[old]


def show(settings: Settings, reading: Reading, words: Words, turn: int, since: float) -> None:
    """Show a reading with what can be done about it."""
    outcome = reading.outcome
    if isinstance(outcome, Prediction):
        named = role(settings, outcome)
        facts = {"turn": turn, "page-ms": 1000 * (time.monotonic() - since)}
        panels.show_prediction(reading, outcome, named, facts, st.session_state.language)
        show_question(settings, reading, outcome, words)
        return
    panels.show_failure(outcome, words)
    if isinstance(outcome, client.KeyRefusedError):
        with st.form("sign in", clear_on_submit=True):
            st.text_input(words["key"], type="password", key="typed")
            st.caption(words["key help"])
            st.form_submit_button(words["sign in"], on_click=sign_in)
    else:
        st.button(words["retry"], on_click=forget_reading)


def role(settings: Settings, prediction: Prediction) -> str:
    """Return the role of the model that answered, where the backend serves two."""
    known: dict[str, str] = st.session_state.setdefault("roles", {})
    if prediction.model_version not in known:
        known[prediction.model_version] = ""
        try:
            known |= backend(settings).models(visitor()).roles
        except BackendCallError as error:
            logger.warning("the roles of the models are not known: %s", error)
    return known[prediction.model_version]


def show_question(
    settings: Settings, reading: Reading, prediction: Prediction, words: Words
) -> None:
    """Ask for the true digit, or thank for it."""
    answer: int | BackendCallError | None = st.session_state.get("told", {}).get(prediction.id)
    if isinstance(answer, int):
        st.success(words["noted"].format(digit=answer))
        return
    if answer is not None:
        told_before = (
            isinstance(answer, RequestRefusedError) and answer.status == HTTPStatus.CONFLICT
        )
        st.error(words["told before" if told_before else "noted not"])
    st.button(
        words["right"].format(digit=prediction.digit),
        on_click=tell,
        args=(settings, reading, prediction, prediction.digit),
    )
    others = [digit for digit in range(10) if digit != prediction.digit]
    key = f"wrong-{prediction.id}-{st.session_state.get('asked', 0)}"  # each time nothing is chosen
    st.pills(
        words["wrong"], others, key=key, on_change=tell, args=(settings, reading, prediction, key)
    )


def tell(settings: Settings, reading: Reading, prediction: Prediction, said: int | str) -> None:
    """Send the true digit, given or chosen under a key, and keep it in the history."""
    digit = st.session_state.pop(said) if isinstance(said, str) else said
    st.session_state.asked = st.session_state.get("asked", 0) + 1
    told: dict[str, int | BackendCallError] = st.session_state.setdefault("told", {})
    try:
        told[prediction.id] = backend(settings).tell(prediction.id, digit, visitor()).digit
    except BackendCallError as error:
        told[prediction.id] = error
    else:
        remember(reading.sheet, Past(reading.image, prediction, digit))


def forget_reading() -> None:
    """Have the picture read anew."""
    st.session_state.pop("reading", None)


def sign_in() -> None:
    """Keep the key that was typed for this visit, and try it at once."""
    st.session_state.api_key = st.session_state.pop("typed", "").strip()
    forget_reading()


def sign_out() -> None:
    """Forget the visitor's key."""
    st.session_state.pop("api_key", None)
    forget_reading()


if __name__ == "__main__":
    main()
