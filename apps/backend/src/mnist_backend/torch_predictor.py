"""Recognises digits in PyTorch itself, for whoever wants no second runtime.

Contract: that of a `Predictor`; it runs the weights, the source of truth, and not the export.
Does not know: ONNX.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from mnist_backend import model
from mnist_backend.artefact import Artefact
from mnist_backend.errors import ArtefactInvalidError
from mnist_backend.predictor import NetworkPredictor

Values = NDArray[np.float32]


class TorchPredictor(NetworkPredictor):
    """Runs the network in PyTorch, on one thread."""

    def __init__(self, artefact: Artefact) -> None:
        """Load the weights."""
        super().__init__(artefact.card)
        torch.set_num_threads(1)
        try:
            self._network = model.read_weights(artefact.weights)
        except Exception as error:  # safetensors and torch have classes of their own
            message = f"the weights of {artefact.card.model_version} cannot be loaded: {error}"
            raise ArtefactInvalidError(message) from error

    def run(self, pictures: Values) -> Values:
        """Return the probabilities, n by 10, for standardised pictures, n by 1 by 28 by 28."""
        with torch.inference_mode():
            scores = self._network(torch.from_numpy(pictures))
            return scores.softmax(1).numpy()  # type: ignore[no-any-return]  # torch does not tell
