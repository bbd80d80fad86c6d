"""Reads IDX, the format of MNIST's files: a magic number, lengths, and unsigned bytes.

    00 00 08 NN    type 08 (unsigned byte) and NN dimensions
    00 00 00 0A    the length of each dimension, most significant byte first
    ...            the bytes, the last dimension fastest

Contract: what is returned is the whole file and nothing but the file; anything missing, left over
or of another kind is an `IdxMalformedError` that names the file, what was found and what was
expected. Plain and gzip are told apart by their first bytes. Does not know what the bytes show.
"""

import gzip
import io
import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from mnist_backend.training.errors import IdxMalformedError

Bytes = NDArray[np.uint8]

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08
LIMIT_BYTES = 128 * 1024 * 1024  # unpacked; MNIST's largest file has 47 MB
DIGITS = 10


def read(name: str, content: bytes, dimensions: int) -> Bytes:
    """Return the array in an IDX file of so many dimensions."""
    plain = _unpacked(name, content)
    head = 4 + 4 * dimensions
    if len(plain) < head:
        message = f"{name}: ends after {len(plain)} bytes, within its head of {head}"
        raise IdxMalformedError(message)
    zero, kind, found = struct.unpack(">HBB", plain[:4])
    if zero != 0:
        message = f"{name}: begins with {plain[:4].hex(' ')}, but IDX begins with 00 00"
        raise IdxMalformedError(message)
    if kind != UNSIGNED_BYTE:
        message = f"{name}: holds values of type 0x{kind:02x}; only unsigned bytes, 0x08, are read"
        raise IdxMalformedError(message)
    if found != dimensions:
        message = f"{name}: has {found} dimensions, not {dimensions}"
        raise IdxMalformedError(message)
    shape = struct.unpack(f">{dimensions}I", plain[4:head])
    if len(plain) - head != math.prod(shape):
        message = (
            f"{name}: {' x '.join(map(str, shape))} is {math.prod(shape)} bytes, "
            f"but {len(plain) - head} follow the head"
        )
        raise IdxMalformedError(message)
    return np.frombuffer(plain, np.uint8, offset=head).reshape(shape)


def read_pair(images: tuple[str, bytes], labels: tuple[str, bytes]) -> tuple[Bytes, Bytes]:
    """Return the pictures and digits of two files, each given by name and content."""
    pictures, digits = read(*images, dimensions=3), read(*labels, dimensions=1)
    if not len(pictures):
        message = f"{images[0]}: holds no picture"
        raise IdxMalformedError(message)
    if len(pictures) != len(digits):
        message = f"{images[0]} holds {len(pictures)} pictures, {labels[0]} {len(digits)} digits"
        raise IdxMalformedError(message)
    if digits.max() >= DIGITS:
        message = f"{labels[0]}: holds the label {digits.max()}; a digit is 0 to 9"
        raise IdxMalformedError(message)
    return pictures, digits


def _unpacked(name: str, content: bytes) -> bytes:
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            plain = stream.read(LIMIT_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        message = f"{name}: its gzip cannot be unpacked: {error}"
        raise IdxMalformedError(message) from error
    if len(plain) > LIMIT_BYTES:
        message = f"{name}: unpacks to more than {LIMIT_BYTES} bytes"
        raise IdxMalformedError(message)
    return plain
