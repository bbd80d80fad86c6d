"""The pad in the page: strokes, samples and photographs, by pointer, finger and keyboard.

Contract: `show` puts the pad up and returns what is on it; what the browser sends is checked before
it is believed. The pad itself is pad.html, pad.css and pad.js, which are handed over inline.
Does not know what a picture is read as.
"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

import streamlit as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mnist_frontend.drawing import SHEET_SIDE, Ink, Stroke, ink_of
from mnist_frontend.photograph import (
    PhotographTooLargeError,
    PhotographUnreadableError,
    ink_of_base64,
)
from mnist_frontend.samples import SAMPLES

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

KEY = "pad"
HERE = Path(__file__).parent
STROKES_LIMIT = 200
POINTS_LIMIT = 5000  # of one stroke
PHOTO_LIMIT = 4_000_000  # characters of base64; the pad sends far less

Fault = Literal["large", "unreadable"]
Place = Annotated[float, Field(ge=0, le=SHEET_SIDE, allow_inf_nan=False)]


class PadMessageInvalidError(ValueError):
    """The browser sent something that the pad never sends."""


class Drawn(BaseModel):
    """A stroke as the pad sends it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: float = Field(ge=1, le=60)
    points: Annotated[tuple[tuple[Place, Place], ...], Field(min_length=1, max_length=POINTS_LIMIT)]


class Picture(BaseModel):
    """What is on the pad: strokes or a photograph, or neither; and what was refused just now."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turn: int = Field(default=0, ge=0)  # counts what the pad sends
    sheet: int = Field(default=0, ge=0)  # what is drawn between two clearings; never returns
    kind: Literal["strokes", "photo"] = "strokes"
    strokes: Annotated[tuple[Drawn, ...], Field(max_length=STROKES_LIMIT)] = ()
    photo: Annotated[str, Field(max_length=PHOTO_LIMIT)] | None = None
    fault: Fault | None = None

    @model_validator(mode="after")
    def photograph_belongs_to_its_kind(self) -> Self:
        """Refuse a photograph among strokes, and a missing one."""
        if (self.kind == "photo") != (self.photo is not None):
            raise ValueError("kind and photo do not agree")
        return self

    @property
    def empty(self) -> bool:
        """Whether the pad is as it was at first."""
        return self.kind == "strokes" and not self.strokes

    def ink(self) -> Ink | Fault:
        """Return the ink of what is on the pad, or why a photograph cannot be read."""
        if self.photo is None:
            return ink_of([Stroke(drawn.width, drawn.points) for drawn in self.strokes])
        try:
            return ink_of_base64(self.photo)
        except PhotographTooLargeError:
            return "large"
        except PhotographUnreadableError:
            return "unreadable"


@cache
def mounted() -> "ComponentRenderer":
    """Register the pad; only a running page can, so not on import."""
    html, css, js = ((HERE / f"pad.{kind}").read_text("utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("digit_pad", html=html, css=css, js=js)


@cache
def samples() -> list[list[dict[str, object]]]:
    """Return the samples as the pad takes them; made once, for they go along with every showing."""
    return [[asdict(stroke) for stroke in strokes] for strokes in SAMPLES]


def show(language: str, words: Mapping[str, str]) -> Picture:
    """Show the pad in a language, which becomes the document's, and return what is on it.

    Raises:
        PadMessageInvalidError: the browser sent something that the pad never sends.
    """
    result = mounted()(
        key=KEY,
        data={"language": language, "words": dict(words), "samples": samples()},
        default={"picture": None},
        on_picture_change=lambda: None,
    )
    return checked(getattr(result, "picture", None))


def checked(sent: object) -> Picture:
    """Return what the browser sent as a picture; nothing is an empty pad."""
    try:
        return Picture() if sent is None else Picture.model_validate(sent)
    except ValidationError as error:
        raise PadMessageInvalidError(str(error)) from error
