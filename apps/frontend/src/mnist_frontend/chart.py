"""The ten probabilities as a bar chart in plain HTML.

Contract: pure; text takes the page's own colour, so the chart is readable in every theme, and the
whole chart is one picture with one text alternative. Does not know Streamlit or the model.
"""

from collections.abc import Sequence
from html import escape

from mnist_frontend.words import Words, percent

ACCENT = "#3b82f6"  # 3.7:1 on white, 5.1:1 on the dark page: above the 3:1 of WCAG 1.4.11 on both
NEUTRAL = "#7c8798"  # 3.6:1 and 5.2:1
ROW = "display:grid;grid-template-columns:1.5rem 1fr 4.5rem;align-items:center;gap:0.5rem"


def bar_chart(probabilities: Sequence[float], digit: int, words: Words, language: str) -> str:
    """Draw one bar per digit, the predicted one in the accent colour and bold."""
    told = [percent(value, language) for value in probabilities]
    rows = "".join(
        _row(row, value, told[row], row == digit) for row, value in enumerate(probabilities)
    )
    listed = ", ".join(f"{row}: {text}" for row, text in enumerate(told))
    alternative = words["chart"].format(digit=digit, list=listed)
    return f'<div role="img" aria-label="{escape(alternative)}">{rows}</div>'


def _row(digit: int, probability: float, told: str, predicted: bool) -> str:
    colour, weight = (ACCENT, 700) if predicted else (NEUTRAL, 400)
    bar = (
        f"width:{probability:.1%};min-width:2px;height:1.125rem;border-radius:2px;"
        f"background:{colour};forced-color-adjust:none"
    )
    return (
        f'<div style="{ROW};height:2.05rem;font-weight:{weight}"><span>{digit}</span>'
        f'<span><span style="display:block;{bar}"></span></span>'
        f'<span style="text-align:right">{escape(told)}</span></div>'
    )
