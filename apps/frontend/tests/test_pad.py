"""What the browser sends for the pad: believed only when it is what the pad sends."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from conftest import stroke
from mnist_frontend import pad
from mnist_frontend.drawing import to_image


def message(**fields: object) -> dict[str, Any]:
    """Return what the pad sends, with some fields of one's own."""
    usual = {"turn": 1, "sheet": 1, "kind": "strokes", "strokes": [], "photo": None, "fault": None}
    return usual | fields


def photo() -> str:
    """Return a small picture of a one as the pad sends it."""
    picture = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(picture).line(((100, 30), (100, 170)), fill=0, width=20)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_a_pad_that_sent_nothing_is_empty() -> None:
    """Before the first stroke there is no message."""
    assert pad.checked(None).empty


def test_strokes_become_ink() -> None:
    """The points of a stroke stand where they were drawn."""
    drawn = pad.checked(message(strokes=[stroke((140, 40), (140, 240), width=20)]))
    ink = drawn.ink()
    assert not isinstance(ink, str)
    assert ink[140, 140] == 1
    assert not drawn.empty


def test_a_photograph_becomes_ink() -> None:
    """A picture in base64 is read as a photograph."""
    ink = pad.checked(message(kind="photo", photo=photo())).ink()
    assert not isinstance(ink, str)
    assert to_image(ink) is not None


def test_a_broken_photograph_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read has a name that the page has words for."""
    assert pad.checked(message(kind="photo", photo="AAAA")).ink() == "unreadable"
    monkeypatch.setattr("mnist_frontend.photograph.PIXELS_LIMIT", 10)
    assert pad.checked(message(kind="photo", photo=photo())).ink() == "large"


HOSTILE: dict[str, object] = {
    "a list": [],
    "an unknown field": message(code="alert(1)"),
    "a point outside": message(strokes=[stroke((281, 0))]),
    "not a number": message(strokes=[stroke((float("nan"), 0))]),
    "no point": message(strokes=[stroke()]),
    "too many points": message(strokes=[stroke(*[(1, 1)] * (pad.POINTS_LIMIT + 1))]),
    "too many strokes": message(strokes=[stroke((1, 1))] * (pad.STROKES_LIMIT + 1)),
    "too wide a pen": message(strokes=[stroke((1, 1), width=np.inf)]),
    "a photograph too long": message(kind="photo", photo="A" * (pad.PHOTO_LIMIT + 1)),
    "a photograph among strokes": message(photo=photo()),
    "a missing photograph": message(kind="photo"),
    "an unknown fault": message(fault="<b>"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_the_pad_never_sends_is_refused(name: str) -> None:
    """A browser is not believed merely because it is connected."""
    with pytest.raises(pad.PadMessageInvalidError):
        pad.checked(HOSTILE[name])
