"""The page's words, in each language."""

import re
from collections.abc import Mapping

import pytest

from mnist_frontend import client
from mnist_frontend.words import ENGLISH, LANGUAGES, NAMES, of_pad, percent, preferred


def placeholders(words: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the placeholders of each text."""
    return {name: set(re.findall(r"\{(\w+)\}", text)) for name, text in words.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_placeholders(language: str) -> None:
    """Nothing is left untranslated, and every text can be filled in."""
    assert placeholders(LANGUAGES[language]) == placeholders(ENGLISH)
    assert set(NAMES) == set(LANGUAGES)


def test_translations_are_translations() -> None:
    """Hardly a text is the same in two languages."""
    same = [name for name, text in ENGLISH.items() if text == LANGUAGES["fr"][name]]
    assert same in ([], ["pad.photo"])


@pytest.mark.parametrize("kind", client.BackendCallError.__subclasses__())
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_failure_has_its_words(
    kind: type[client.BackendCallError], language: str
) -> None:
    """A new error without a message would show up here, not in front of a visitor."""
    assert LANGUAGES[language][kind.__name__]
    assert LANGUAGES[language][f"{kind.__name__} advice"]


@pytest.mark.parametrize(
    ("locale", "language"),
    [("fr", "fr"), ("fr-CA", "fr"), ("FR", "fr"), ("en-GB", "en"), ("de", "en"), (None, "en")],
)
def test_the_browsers_locale_chooses_the_language(locale: str | None, language: str) -> None:
    """French in all its countries is French, anything unknown is English."""
    assert preferred(locale) == language


def test_the_pad_gets_its_own_words_only() -> None:
    """What the pad is given carries its short names."""
    words = of_pad(ENGLISH)
    assert words["undo"] == "Undo"
    assert "title" not in words


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "0.0 %"),
        (0.0004, "< 0.1 %"),
        (0.001, "0.1 %"),
        (0.973, "97.3 %"),
        (0.9996, "> 99.9 %"),
        (1.0, "100.0 %"),
    ],
)
def test_percentages_are_never_rounded_to_impossible_or_certain(
    probability: float, text: str
) -> None:
    """Only a true 0 reads 0.0 % and only a true 1 reads 100.0 %."""
    assert percent(probability, "en") == text
    assert percent(probability, "fr") == text.replace(".", ",")
