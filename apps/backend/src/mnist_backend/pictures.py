"""Reads a picture file into grey values where ink is 1 and paper is 0.

Contract: PNG only, of any size up to a limit that is checked before a pixel is decoded; what is
transparent is paper; a picture that is mostly light has dark ink. Anything else is refused with the
rule it breaks. Does not know: networks, HTTP, or where the file came from.
"""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mnist_backend.errors import Fault, RequestInvalidError

Grey = NDArray[np.float32]

PIXELS_LIMIT = 2048 * 2048  # four times of 16 MB while it is unpacked
SIDE_LIMIT = 512  # a larger picture is reduced to this, which is plenty for 28 pixels
WHITE = (255, 255, 255, 255)


def grey_of_base64(text: str) -> Grey:
    """Return the values of a PNG given as base64, with or without a `data:` prefix."""
    head, separator, tail = text.partition(",")
    encoded = tail if separator and head.startswith("data:image/png") else text
    try:
        return grey_of_png(base64.b64decode(encoded, validate=True))
    except ValueError as error:  # binascii.Error is one; text that is not ASCII raises another
        raise _refused("must be a PNG in base64") from error


def grey_of_png(content: bytes) -> Grey:
    """Return the values of a PNG, rows by columns."""
    try:
        image = Image.open(io.BytesIO(content), formats=("PNG",))
        if image.width * image.height > PIXELS_LIMIT:
            raise _refused(f"must have at most {PIXELS_LIMIT} pixels")
        image.load()
    except Image.DecompressionBombError as error:
        raise _refused(f"must have at most {PIXELS_LIMIT} pixels") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise _refused("must be a readable PNG") from error
    whole = Image.new("RGBA", image.size, WHITE)
    whole.alpha_composite(image.convert("RGBA"))
    grey = whole.convert("L")
    grey.thumbnail((SIDE_LIMIT, SIDE_LIMIT), Image.Resampling.BOX)
    values: Grey = np.asarray(grey, np.float32) / np.float32(255)
    return np.float32(1) - values if float(np.median(values)) >= 0.5 else values  # noqa: PLR2004  half way


def _refused(rule: str) -> RequestInvalidError:
    return RequestInvalidError(f"image {rule}", (Fault("image", rule),))
