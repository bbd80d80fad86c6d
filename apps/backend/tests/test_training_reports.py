"""What people are told of a model, in words and in a picture."""

import io

import numpy as np
import pytest
from PIL import Image

from mnist_backend.artefact import Card
from mnist_backend.model import DIGITS
from mnist_backend.training import evaluation, model_card, plots
from mnist_backend.training.evaluation import Answers

from .artefacts import make_card


def answered(wrong: int) -> Answers:
    """Return answers of which the first so many, all of fours, say nine."""
    digits = np.concatenate((np.full(40, 4), np.repeat(np.arange(DIGITS), 10)))
    probabilities = np.full((len(digits), DIGITS), 0.01)
    seen = digits.copy()
    seen[:wrong] = 9
    probabilities[np.arange(len(digits)), seen] = 0.91 - np.arange(len(digits)) / 1000
    pictures = np.linspace(0, 1, len(digits) * 784, dtype=np.float32).reshape(-1, 28, 28)
    return Answers(pictures, digits, probabilities)


def carded(answers: dict[str, Answers]) -> Card:
    """Return a card that tells of these answers."""
    told = {name: evaluation.evaluate(asked) for name, asked in answers.items()}
    return make_card().model_copy(update=told)


@pytest.mark.parametrize("wrong", [0, 30])
def test_the_picture_is_a_picture(wrong: int) -> None:
    """Without a mistake, and with more than there is room for, it is drawn the same each time."""
    answers = {"held_out": answered(0), "drawings": answered(wrong)}
    once, again = (plots.drawn(carded(answers), answers) for _ in range(2))
    assert once == again
    picture = Image.open(io.BytesIO(once))
    assert picture.size == (1430, 924)
    assert len(np.unique(np.asarray(picture.convert("L")))) > 50


def test_the_worst_mistakes_are_those_it_was_surest_of() -> None:
    """They stand in that order, from both sets, as many as there is room for."""
    found = plots.worst({"held_out": answered(1), "drawings": answered(30)})
    assert len(found) == plots.COLUMNS * plots.ROWS
    sure = [mistake.confidence for mistake in found]
    assert sure == sorted(sure, reverse=True)
    assert {(m.true, m.seen) for m in found} == {(4, 9)}
    assert [m.kind for m in found].count("held-out") == 1


def test_the_words_are_those_of_the_card() -> None:
    """Accuracy, interval, calibration, digits and hashes stand in the text as in the card."""
    card = carded({"held_out": answered(0), "drawings": answered(2)})
    text = model_card.written(card)
    assert "| held-out digits | 140 | 100.00 % | 97.33 to 100.00 % |" in text
    assert "| drawings | 140 | 98.57 % | 94.94 to 99.61 % |" in text
    assert "| drawings, % | 100.0 | 100.0 | 100.0 | 100.0 | 96.0 |" in text
    assert "Where it errs most: 4 read as 9 (2 times)." in text
    assert "![Confusion, calibration and the worst mistakes](model-card.png)" in text
    for told in (card.model_version, card.data_sha256, card.files.weights, card.data):
        assert told in text


def test_a_model_without_mistakes_is_told_as_such() -> None:
    """Nothing is invented where no drawing was misread."""
    text = model_card.written(carded({"held_out": answered(0), "drawings": answered(0)}))
    assert "Where it errs most: nowhere, in these drawings." in text
