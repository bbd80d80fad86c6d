"""PNG files become grey values, whatever their size, colours and ground."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnist_backend.errors import RequestInvalidError
from mnist_backend.pictures import SIDE_LIMIT, grey_of_base64, grey_of_png


def png(image: Image.Image) -> bytes:
    """Return an image as a PNG file."""
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def stroke(mode: str, ground: object, ink: object, size: tuple[int, int] = (60, 40)) -> bytes:
    """Return a picture of one upright stroke."""
    image = Image.new(mode, size, ground)  # type: ignore[arg-type]  # colours depend on the mode
    ImageDraw.Draw(image).rectangle((28, 5, 32, 34), fill=ink)  # type: ignore[arg-type]  # likewise
    return png(image)


@pytest.mark.parametrize(
    "content",
    [
        stroke("L", 255, 0),
        stroke("L", 0, 255),
        stroke("RGB", (255, 255, 255), (0, 0, 0)),
        stroke("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)),
        stroke("1", 1, 0),
        stroke("LA", (255, 255), (0, 255)),
    ],
    ids=["dark on light", "light on dark", "colour", "transparent", "bits", "grey with alpha"],
)
def test_ink_is_one_and_paper_is_zero(content: bytes) -> None:
    """A stroke is found at its place, as ink, in every kind of PNG."""
    values = grey_of_png(content)
    assert values.shape == (40, 60)
    assert values[20, 30] > 0.9
    assert values[20, 5] < 0.1


def test_a_large_picture_is_reduced() -> None:
    """A photograph comes down to a size that is quickly worked on."""
    values = grey_of_png(png(Image.new("L", (4000, 1000), 255)))
    assert max(values.shape) == SIDE_LIMIT


def test_base64_may_be_a_data_address() -> None:
    """What a browser's canvas gives is taken as it is."""
    text = base64.b64encode(stroke("L", 255, 0)).decode()
    assert np.array_equal(grey_of_base64(f"data:image/png;base64,{text}"), grey_of_base64(text))


@pytest.mark.parametrize(
    "text",
    [
        "%%%",
        base64.b64encode(b"no picture").decode(),
        base64.b64encode(stroke("L", 255, 0)[:60]).decode(),
        "data:image/jpeg;base64,AAAA",
    ],
    ids=["not base64", "not a PNG", "cut off", "another type"],
)
def test_what_is_no_png_is_refused(text: str) -> None:
    """The refusal names the field and says what it must hold."""
    with pytest.raises(RequestInvalidError, match="image must be a") as refusal:
        grey_of_base64(text)
    assert refusal.value.faults[0].field == "image"


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """A small file that claims to hold more pixels than the limit is not decoded."""
    content = bytearray(png(Image.new("L", (1, 1))))
    content[16:24] = (30_000).to_bytes(4) * 2
    with pytest.raises(RequestInvalidError):
        grey_of_png(bytes(content))
    with pytest.raises(RequestInvalidError, match="at most"):
        grey_of_png(png(Image.new("1", (4097, 4097))))


def test_text_that_is_not_ascii_is_refused() -> None:
    """It is no base64, and no fault of the service."""
    with pytest.raises(RequestInvalidError, match="base64"):
        grey_of_base64("\u00e9")
