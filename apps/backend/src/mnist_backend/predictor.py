"""Recognises a digit with the trained network.

Contract: a `Predictor` answers any 784 finite values from 0 to 1, a blank picture too, always with
the same answer, on the calling thread. `OnnxPredictor.load` accepts checked artefacts only.
Does not know: HTTP, metrics, or how the network was trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import onnxruntime

from mnist_backend import artefact
from mnist_backend.artefact import Artefact, Card
from mnist_backend.errors import ArtefactInvalidError
from mnist_backend.preprocess import SIDE, normalise, standardise


@dataclass(frozen=True, slots=True)
class Recognition:
    """A digit and the probability of each of the ten."""

    digit: int
    probabilities: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """The probability of the digit that was chosen."""
        return self.probabilities[self.digit]


class Predictor(Protocol):
    """Whatever can recognise a digit."""

    @property
    def card(self) -> Card:
        """Describe the model in use."""

    def recognise(self, values: Sequence[float]) -> Recognition:
        """Recognise the digit in 784 grey values, row by row."""


class OnnxPredictor:
    """Runs the network in ONNX Runtime, on one thread: requests run side by side, not operators."""

    def __init__(self, model: Artefact) -> None:
        """Build the session and see that it answers."""
        self.card = model.card
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                model.network, options, providers=["CPUExecutionProvider"]
            )
            self.recognise([0.0] * SIDE * SIDE)
        except Exception as error:  # the runtime has a class of its own for each fault
            message = f"the network of {model.card.model_version} does not run: {error}"
            raise ArtefactInvalidError(message) from error

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read, check and start the artefact in a folder."""
        return cls(artefact.read(directory))

    def recognise(self, values: Sequence[float]) -> Recognition:
        """Recognise the digit in 784 grey values, row by row."""
        drawing = np.asarray(values, np.float32).reshape(SIDE, SIDE)
        picture = standardise(normalise(drawing), self.card.mean, self.card.deviation)
        batch = picture[None, None]  # 1 1 28 28
        (rows,) = self._session.run(["probabilities"], {"picture": batch})  # 1 10
        probabilities = tuple(map(float, rows[0]))
        return Recognition(int(rows[0].argmax()), probabilities)
