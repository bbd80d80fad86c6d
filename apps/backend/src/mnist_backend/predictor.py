"""Recognises digits with the trained network, in ONNX Runtime.

Contract: a `Predictor` answers any 784 finite values from 0 to 1, a blank picture too, always with
the same answer, on the calling thread; several at once give the answers that each would give alone.
Does not know: HTTP, metrics, where a model is kept, or how it was trained.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mnist_backend.artefact import Artefact, Card
from mnist_backend.errors import ArtefactInvalidError
from mnist_backend.preprocess import SIDE, normalise, standardise

onnxruntime.disable_telemetry_events()  # its wheel would tell its vendor what runs where

Values = NDArray[np.float32]

GOLDEN_TOLERANCE = 1e-4  # of a probability; another machine rounds otherwise


class Recognition(NamedTuple):
    """A digit, the probability of each of the ten, and the mean grey of the centred picture."""

    digit: int
    probabilities: Sequence[float]
    ink: float

    @property
    def confidence(self) -> float:
        """The probability of the digit that was chosen."""
        return self.probabilities[self.digit]


class Predictor(Protocol):
    """Whatever can recognise a digit."""

    @property
    def card(self) -> Card:
        """Describe the model in use."""

    def recognise(self, values: Values) -> Recognition:
        """Recognise the digit in 784 grey values, row by row."""

    def recognise_many(self, drawings: Values) -> list[Recognition]:
        """Recognise the digits in n times 784 grey values."""


class NetworkPredictor(ABC):
    """Prepares drawings for a network and reads its answer, whatever runs it."""

    def __init__(self, card: Card) -> None:
        """Take the mean and deviation of the card."""
        self.card = card

    @abstractmethod
    def run(self, pictures: Values) -> Values:
        """Return the probabilities, n by 10, for standardised pictures, n by 1 by 28 by 28."""

    def recognise(self, values: Values) -> Recognition:
        """Recognise the digit in 784 grey values, row by row."""
        picture = normalise(values.reshape(SIDE, SIDE))
        ready = standardise(picture, self.card.mean, self.card.deviation)
        probabilities = self.run(ready[None, None])[0]  # 1 1 28 28 -> 10
        return recognition(probabilities, picture)

    def recognise_many(self, drawings: Values) -> list[Recognition]:
        """Recognise the digits in n times 784 grey values."""
        pictures = np.stack([normalise(drawing.reshape(SIDE, SIDE)) for drawing in drawings])
        ready = standardise(pictures, self.card.mean, self.card.deviation)
        rows = self.run(ready[:, None])  # n 1 28 28 -> n 10
        return [recognition(row, picture) for row, picture in zip(rows, pictures, strict=True)]


def recognition(probabilities: Values, picture: Values) -> Recognition:
    """Return what ten probabilities say about a picture."""
    each = probabilities.tolist()
    ink = float(np.add.reduce(picture, None)) / picture.size
    return Recognition(each.index(max(each)), each, ink)


class OnnxPredictor(NetworkPredictor):
    """Runs the network in ONNX Runtime, on one thread: requests run side by side, not operators."""

    def __init__(self, model: Artefact) -> None:
        """Build the session."""
        super().__init__(model.card)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                model.network, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime has a class of its own for each fault
            message = f"the network of {model.card.model_version} cannot be loaded: {error}"
            raise ArtefactInvalidError(message) from error

    def run(self, pictures: Values) -> Values:
        """Return the probabilities, n by 10, for standardised pictures, n by 1 by 28 by 28."""
        (rows,) = self._session.run(["probabilities"], {"picture": pictures})
        return rows  # type: ignore[no-any-return]  # the runtime is not typed


def check_golden(predictor: Predictor, card: Card) -> None:
    """See that a loaded model answers what its card says it answered when it was trained.

    Raises:
        ArtefactInvalidError: it does not run, or answers otherwise.
    """
    for number, golden in enumerate(card.golden):
        try:
            seen = predictor.recognise(np.array(golden.image, np.float32))
        except Exception as error:  # each runtime has classes of its own
            message = f"the network of {card.model_version} does not run: {error}"
            raise ArtefactInvalidError(message) from error
        alike = np.allclose(seen.probabilities, golden.probabilities, atol=GOLDEN_TOLERANCE)
        if not alike or seen.digit != int(np.argmax(golden.probabilities)):
            message = f"the network of {card.model_version} fails its golden image {number}"
            raise ArtefactInvalidError(message)
