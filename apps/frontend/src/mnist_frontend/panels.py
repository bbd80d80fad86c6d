"""What the page shows of a reading: the digit, why, what the model saw, and what came before.

Contract: shows what it is given in the words it is given, and asks nobody; text that others wrote
is shown as text and never as markup. Does not know the pad, the backend, or what happens next.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

import streamlit as st

from mnist_frontend.chart import bar_chart
from mnist_frontend.client import (
    BackendBusyError,
    BackendCallError,
    Prediction,
    RequestRefusedError,
)
from mnist_frontend.drawing import Values, png_of
from mnist_frontend.words import LANGUAGES, Words, percent

STYLE = """<style>
[data-testid="stButtonGroup"] :has(> button) { flex-wrap: wrap; }  /* at 320 pixels, too */
[data-testid="stMainBlockContainer"] { padding-top: 3.75rem; }  /* for laptops */
@media (max-width: 640px) {  /* pad and answer on one screen of a telephone */
  [data-testid="stMainBlockContainer"] h1 {
    font-size: 1.5rem; line-height: 1.35; padding: 0.25rem 0;
  }
  [data-testid="stMainBlockContainer"] h2 { padding: 0; }
  [data-testid="stRadio"] { align-items: center; column-gap: 1rem; display: flex; flex-wrap: wrap; }
}
</style>"""
SURE_FROM = 0.6  # of probability; below it the second digit is named, too
PREDICTED = (
    "display:flex;flex-wrap:wrap;align-items:center;gap:0 2rem;font-size:clamp(4.5rem,20vw,9rem);"
    "line-height:1;font-weight:700;margin:0"
)
SURE = "font-size:1.25rem;margin:0 0 1rem"
SEEN = "display:block;width:112px;image-rendering:pixelated;border:1px solid"
CELL = "padding:0.25rem 1rem 0.25rem 0;text-align:left;vertical-align:middle"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was asked about one image of one sheet, and what came back after how long."""

    sheet: int
    image: Values
    outcome: Prediction | BackendCallError
    seconds: float


@dataclass(frozen=True, slots=True)
class Past:
    """A drawing of this visit, what it was read as, and what the visitor said it is."""

    image: Values
    prediction: Prediction
    told: int | None


def show_prediction(
    reading: Reading,
    prediction: Prediction,
    role: str,
    facts: Mapping[str, float],
    language: str,
) -> None:
    """Show the digit large, how sure the model is, and the picture as the model saw it.

    The facts stand in the element's data, beside the milliseconds of the model and of HTTP.
    """
    words = LANGUAGES[language]
    times = {"model-ms": prediction.time_ms, "http-ms": reading.seconds * 1000}
    timing = " ".join(f'data-{name}="{value:.10g}"' for name, value in {**times, **facts}.items())
    st.html(
        f'<p role="status" aria-label="{escape(words["predicted"])}" style="{PREDICTED}" {timing}>'
        f"{prediction.digit}</p>"
        f'<p style="{SURE}">{escape(certainty(prediction, language))}</p>'
        f'<p style="margin:0">{escape(words["seen"])}</p>'
        f"{picture(reading.image, words['seen alt'])}"
    )
    name = "model of role" if role else "model"
    time = f"{prediction.time_ms:.1f}"
    st.caption(
        words[name].format(
            version=prediction.model_version,
            role=role,
            time=time.replace(".", ",") if language == "fr" else time,
        )
    )


def certainty(prediction: Prediction, language: str) -> str:
    """Say in plain words how sure the model is, and what else it could be."""
    words, probabilities = LANGUAGES[language], prediction.probabilities
    best = percent(probabilities[prediction.digit], language)
    if probabilities[prediction.digit] >= SURE_FROM:
        return words["sure"].format(percent=best)
    others = (digit for digit in range(10) if digit != prediction.digit)
    second = max(others, key=probabilities.__getitem__)
    return words["unsure"].format(
        percent=best,
        digit=prediction.digit,
        second=second,
        second_percent=percent(probabilities[second], language),
    )


def picture(image: Values, alternative: str) -> str:
    """Return an image of the recogniser's as an element of HTML."""
    url = f"data:image/png;base64,{base64.b64encode(png_of(image)).decode()}"
    return f'<img src="{url}" alt="{escape(alternative)}" style="{SEEN}">'


def show_failure(error: BackendCallError, words: Words) -> None:
    """Say in plain words what went wrong, that nothing is lost, and what the backend said."""
    name = type(error).__name__
    wait = error.wait_seconds if isinstance(error, BackendBusyError) else 0
    advice = words[f"{name} advice"].format(seconds=wait)
    st.error(f"{words['kept']} {advice}", title=words[name])
    if isinstance(error, RequestRefusedError):
        st.text(str(error))


def show_probabilities(prediction: Prediction, language: str) -> None:
    """Show the ten probabilities twice: as a picture and as a table."""
    words = LANGUAGES[language]
    st.header(words["probabilities"], anchor=False)
    chart, table = st.columns([340, 300], gap="large")
    chart.html(bar_chart(prediction.probabilities, prediction.digit, words, language))
    table.table(
        [
            {words["digit"]: str(digit), words["probability"]: percent(probability, language)}
            for digit, probability in enumerate(prediction.probabilities)
        ],
        hide_index=True,
    )


def show_history(past: Iterable[Past], language: str) -> None:
    """Show the drawings of this visit as a table."""
    words = LANGUAGES[language]
    names = ("drawing", "read as", "probability", "you said")
    head = "".join(f'<th scope="col" style="{CELL}">{escape(words[name])}</th>' for name in names)
    rows = "".join(_row(each, words, language) for each in past)
    st.header(words["history"], anchor=False)
    st.html(
        f'<table><caption style="text-align:left">{escape(words["history caption"])}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(past: Past, words: Words, language: str) -> str:
    digit = past.prediction.digit
    alternative = words["drawing alt"].format(number=digit)
    small = picture(past.image, alternative).replace("width:112px", "width:42px")
    told = "-" if past.told is None else str(past.told)
    sure = percent(past.prediction.probabilities[digit], language)
    cells = (small, str(digit), escape(sure), told)
    return "<tr>" + "".join(f'<td style="{CELL}">{cell}</td>' for cell in cells) + "</tr>"
