"""The bar chart: its numbers, its bars and its text alternative."""

import re

import pytest

from mnist_frontend.chart import bar_chart as drawn
from mnist_frontend.words import LANGUAGES

PROBABILITIES = (0.0, 0.0004, 0.05, 0.9, 0.01, 0.01, 0.01, 0.01, 0.0096, 0.0)


def bar_chart(probabilities: tuple[float, ...], digit: int, language: str = "en") -> str:
    """Draw the chart in the words of a language."""
    return drawn(probabilities, digit, LANGUAGES[language], language)


def test_each_bar_is_as_long_as_its_probability() -> None:
    """Ten bars stand in the order of the digits, their widths are the probabilities."""
    widths = re.findall(r"width:([\d.]+)%", bar_chart(PROBABILITIES, 3))
    assert [float(width) for width in widths] == pytest.approx(
        [100 * probability for probability in PROBABILITIES], abs=0.05
    )


def test_only_the_predicted_digit_stands_out() -> None:
    """Exactly one row is bold and in the accent colour: the predicted one."""
    rows = bar_chart(PROBABILITIES, 3).split("display:grid")[1:]
    assert [index for index, row in enumerate(rows) if "#3b82f6" in row] == [3]
    assert [index for index, row in enumerate(rows) if "font-weight:700" in row] == [3]


def test_the_text_alternative_names_the_digit_and_all_ten_probabilities() -> None:
    """Who cannot see the bars hears the same facts."""
    chart = bar_chart(PROBABILITIES, 3)
    assert chart.startswith('<div role="img" aria-label="Bar chart. 3 is the most probable digit.')
    assert "0: 0.0 %, 1: &lt; 0.1 %, 2: 5.0 %, 3: 90.0 %" in chart


def test_the_text_alternative_speaks_the_pages_language() -> None:
    """In French it is in French, with decimal commas."""
    chart = bar_chart(PROBABILITIES, 3, "fr")
    assert "3 est le chiffre le plus probable" in chart
    assert "3: 90,0 %" in chart
