"""The page: draw a digit, press Predict, read what the recogniser makes of it.

Contract: every state (empty, drawn, predicted, changed, backend away) keeps the drawing; this is
the one place where errors become words for a person. Does not know HTTP or how pixels become
numbers.
"""

from html import escape

import streamlit as st

from mnist_frontend import canvas, client
from mnist_frontend.chart import bar_chart, percent
from mnist_frontend.settings import Settings

Image = tuple[float, ...]
Outcome = client.Prediction | client.PredictionFailedError

KEPT = "Your drawing is kept."
FAILURES: dict[type[client.PredictionFailedError], tuple[str, str]] = {
    client.BackendUnreachableError: (
        "The recogniser is away",
        f"It cannot be reached right now; it may be starting. {KEPT} Press Predict to try again.",
    ),
    client.BackendTimedOutError: (
        "The recogniser is too slow",
        f"It did not answer in time. {KEPT} Press Predict to try again.",
    ),
    client.BackendFaultyError: (
        "The recogniser has a fault",
        f"It answered with an error of its own. {KEPT} Press Predict to try again in a moment.",
    ),
    client.ImageRejectedError: (
        "The recogniser refused the drawing",
        f"{KEPT} This is what it said:",
    ),
    client.AnswerInvalidError: (
        "The recogniser's answer makes no sense",
        f"The answer is not what was agreed, so it is not shown. {KEPT}",
    ),
}


@st.cache_resource
def backend(settings: Settings) -> client.BackendClient:
    """Open the connection pool once for all sessions."""
    return client.open_client(settings)


def main() -> None:
    """Show the page."""
    st.set_page_config(page_title="Handwritten digit recogniser", layout="centered")
    settings = Settings.from_environment()
    st.title("Handwritten digit recogniser", anchor=False)
    st.write("Draw one digit, 0 to 9, large and in the middle. Then press Predict.")
    left, right = st.columns([300, 340], gap="large")
    with left:
        image = show_pad()
        predict = show_buttons(image)
    with right:
        outcome = judge(settings, image, predict)
    if isinstance(outcome, client.Prediction):
        show_probabilities(outcome)
    show_limits()


def show_pad() -> Image | None:
    """Show the drawing pad under its heading and return what is drawn on it."""
    st.header("Your drawing", anchor=False)
    pixels = canvas.draw(st.session_state.get("sheet", 0))
    image = None if pixels is None else canvas.to_image(pixels)
    if image is not None and image == st.session_state.get("cleared"):
        return None
    st.session_state.pop("cleared", None)
    return image


def show_buttons(image: Image | None) -> bool:
    """Show Predict and Clear, and tell whether Predict was pressed."""
    predict = st.button("Predict", type="primary", width=canvas.PAD_SIDE)
    st.button("Clear", width=canvas.PAD_SIDE, on_click=take_new_sheet, args=(image,))
    return predict


def take_new_sheet(cleared: Image | None) -> None:
    """Empty the pad; until it tells that it is empty, what it last told no longer counts."""
    st.session_state["sheet"] = st.session_state.get("sheet", 0) + 1
    st.session_state["cleared"] = cleared
    st.session_state.pop("answer", None)


def judge(settings: Settings, image: Image | None, predict: bool) -> Outcome | None:
    """Show what is known about this very drawing: an answer, a failure, or what to do next."""
    st.header("What it reads", anchor=False)
    if image is None:
        if predict:
            st.warning("Nothing is drawn yet. Draw a digit on the pad, then press Predict.")
        else:
            st.info("The pad is empty.")
        return None
    if predict:
        st.session_state["answer"] = (image, ask(settings, image))
    answer: tuple[Image, Outcome] | None = st.session_state.get("answer")
    if answer is None or answer[0] != image:
        st.info("Press Predict to read this drawing.")
        return None
    show_outcome(answer[1])
    return answer[1]


def ask(settings: Settings, image: Image) -> Outcome:
    """Ask the backend; a failure is a value here, for the page must show it after each rerun."""
    try:
        with st.spinner("Reading the drawing"):
            return backend(settings).predict(image)
    except client.PredictionFailedError as error:
        return error


def show_outcome(outcome: Outcome) -> None:
    """Show the digit large, or say in plain words why there is none."""
    if isinstance(outcome, client.PredictionFailedError):
        title, advice = FAILURES[type(outcome)]
        st.error(advice, title=title)
        if isinstance(outcome, client.ImageRejectedError):
            st.text(str(outcome))
        return
    sure = percent(outcome.probabilities[outcome.digit])
    st.html(
        '<p role="status" aria-label="Predicted digit"'
        ' style="font-size:9rem;line-height:1;font-weight:700;margin:0.5rem 0 0">'
        f"{outcome.digit}</p>"
        f'<p style="font-size:1.25rem;margin:0">{escape(sure)} sure</p>'
    )
    st.caption(f"Model {outcome.model_version}, read in {outcome.time_ms:.1f} ms")


def show_probabilities(prediction: client.Prediction) -> None:
    """Show the ten probabilities twice: as a picture and as a table."""
    st.header("Probability of each digit", anchor=False)
    picture, table = st.columns([340, 300], gap="large")
    picture.html(bar_chart(prediction.probabilities, prediction.digit))
    table.table(
        [
            {"Digit": str(digit), "Probability": percent(probability)}
            for digit, probability in enumerate(prediction.probabilities)
        ],
        hide_index=True,
    )


def show_limits() -> None:
    """Say plainly whom the page still shuts out."""
    st.caption(
        "Accessibility: the drawing pad needs a mouse, a pen or a finger. It cannot be used with "
        "a keyboard, and a screen reader does not announce it. Everything else on this page can "
        "be reached with the keyboard and is written as text."
    )


if __name__ == "__main__":
    main()
