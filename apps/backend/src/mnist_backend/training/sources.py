"""The data sets to train on, behind one loader.

Contract: `load` answers with grey scans from 0 (paper) to 1 (ink) and what they show, whichever
source is asked for; the same source gives the same scans. Does not know what becomes of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from mnist_backend.training import idx, mirrors
from mnist_backend.training.mirrors import Pinned
from mnist_backend.training.parameters import Parameters

DIGITS_TOLD = (
    "Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, 1998, doi:10.24432/C50P49), "
    "as embedded in scikit-learn. Writers of the held-out digits also wrote digits trained on."
)
MNIST_TOLD = (
    "MNIST (LeCun, Cortes and Burges, 1998): 60,000 digits to train on; 10,000 held out, by its "
    "authors' own split."
)
MNIST = (
    Pinned(
        "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    Pinned(
        "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    Pinned(
        "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    Pinned(
        "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)


@dataclass(frozen=True, slots=True)
class Scans:
    """Scanned digits, as their source has them."""

    images: NDArray[np.float32]  # n side side
    digits: NDArray[np.int64]  # n
    set_aside: int  # so many at the end are held out by the authors; 0: the split is ours
    told: str


def load(parameters: Parameters) -> Scans:
    """Return the scans of the source that is asked for."""
    return SOURCES[parameters.source](parameters)


def embedded(_: Parameters) -> Scans:
    """Return the digits that come with scikit-learn, 8 by 8."""
    source = load_digits()
    images, digits = source.images.astype(np.float32) / 16, source.target.astype(np.int64)
    return Scans(images, digits, 0, DIGITS_TOLD)


def fetched(parameters: Parameters) -> Scans:
    """Return MNIST, 28 by 28, from the cache or a mirror."""
    cache = Path(parameters.cache)
    files = [(pin.name, mirrors.fetch(pin, parameters.mirrors, cache)) for pin in MNIST]
    seen, seen_digits = idx.read_pair(files[0], files[1])
    unseen, unseen_digits = idx.read_pair(files[2], files[3])
    return Scans(
        np.concatenate((seen, unseen)).astype(np.float32) / np.float32(255),
        np.concatenate((seen_digits, unseen_digits)).astype(np.int64),
        len(unseen),
        MNIST_TOLD,
    )


SOURCES: Mapping[str, Callable[[Parameters], Scans]] = {"digits": embedded, "mnist": fetched}
