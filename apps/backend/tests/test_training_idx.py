"""Which IDX files are read, and which are refused, on files written here."""

import gzip
import struct
from collections.abc import Callable

import numpy as np
import pytest

from mnist_backend.training import idx
from mnist_backend.training.errors import IdxMalformedError


def write(values: np.ndarray, kind: int = 8, zero: int = 0) -> bytes:
    """Return an IDX file of some bytes."""
    head = struct.pack(f">HBB{values.ndim}I", zero, kind, values.ndim, *values.shape)
    return head + values.astype(np.uint8).tobytes()


def packed(content: bytes) -> bytes:
    """Return the same gzip at any time of the day."""
    return gzip.compress(content, mtime=0)


IMAGES = np.arange(2 * 3 * 4).reshape(2, 3, 4) * 10
LABELS = np.array([7, 0])


@pytest.mark.parametrize("pack", [bytes, packed])
def test_what_was_written_is_read(pack: Callable[[bytes], bytes]) -> None:
    """Plain and packed, every byte stands where it was, the last dimension fastest."""
    images, labels = idx.read_pair(("i", pack(write(IMAGES))), ("l", pack(write(LABELS))))
    assert images.dtype == np.uint8
    assert np.array_equal(images, IMAGES)
    assert labels.tolist() == [7, 0]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "ends after 0 bytes, within its head of 16"),
        (write(IMAGES)[:15], "ends after 15 bytes, within its head of 16"),
        (write(IMAGES)[:-1], "2 x 3 x 4 is 24 bytes, but 23 follow the head"),
        (write(IMAGES) + b"\0", "2 x 3 x 4 is 24 bytes, but 25 follow the head"),
        (write(IMAGES, zero=1), "begins with 00 01 08 03, but IDX begins with 00 00"),
        (write(IMAGES, kind=0x0D), "type 0x0d; only unsigned bytes, 0x08"),
        (write(IMAGES[0]) + bytes(9), "has 2 dimensions, not 3"),
        (struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "0 follow the head"),
        (b"<html>404 Not Found</html>", "begins with 3c 68 74 6d"),
        (packed(write(IMAGES))[:-9], "its gzip cannot be unpacked"),
        (packed(write(IMAGES))[:20], "its gzip cannot be unpacked"),
        (packed(b"")[:10] + b"\xff" * 20, "its gzip cannot be unpacked"),
        (packed(write(IMAGES)) + b"more", "its gzip cannot be unpacked"),
        (packed(write(IMAGES)[:-1]), "but 23 follow the head"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(content: bytes, told: str) -> None:
    """The error names the file, what was found, and what was expected."""
    with pytest.raises(IdxMalformedError, match=f"^some-file: .*{told}"):
        idx.read("some-file", content, 3)


def test_a_damaged_gzip_is_refused() -> None:
    """One changed byte inside is noticed by gzip's own checksum."""
    content = bytearray(gzip.compress(write(np.arange(256).reshape(4, 8, 8)), compresslevel=0))
    content[60] ^= 1
    with pytest.raises(IdxMalformedError, match="cannot be unpacked: CRC"):
        idx.read("some-file", bytes(content), 3)


def test_a_gzip_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the limit is unpacked, however small the file is."""
    monkeypatch.setattr(idx, "LIMIT_BYTES", 1000)
    with pytest.raises(IdxMalformedError, match="unpacks to more than 1000 bytes"):
        idx.read("some-file", packed(write(np.zeros((10, 10, 10)))), 3)


@pytest.mark.parametrize(
    ("images", "labels", "told"),
    [
        (IMAGES, np.array([1, 2, 3]), "images holds 2 pictures, labels 3 digits"),
        (IMAGES, LABELS[:0], "images holds 2 pictures, labels 0 digits"),
        (IMAGES[:0], LABELS[:0], "images: holds no picture"),
        (IMAGES, np.array([7, 10]), "labels: holds the label 10; a digit is 0 to 9"),
        (LABELS, LABELS, "images: ends after 10 bytes|images: has 1 dimensions"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    images: np.ndarray, labels: np.ndarray, told: str
) -> None:
    """As many pictures as digits, at least one, and no digit above nine."""
    with pytest.raises(IdxMalformedError, match=told):
        idx.read_pair(("images", write(images)), ("labels", write(labels)))
