"""What the other servers run: the same preparation and the same network file, on one thread.

Contract: `recognise` answers as the backend does, from the artefact in the working directory.
Does not know: HTTP.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mnist_backend.preprocess import SIDE, normalise, standardise

Values = NDArray[np.float32]


class Recogniser:
    """One network in ONNX Runtime."""

    def __init__(self, folder: Path) -> None:
        """Load the artefact of a folder."""
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        self.mean, self.deviation = card["mean"], card["deviation"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        path = str(folder / "model.onnx")
        self._session = onnxruntime.InferenceSession(path, options, providers=providers)

    def prepare(self, values: Values) -> Values:
        """Return 784 values as the network takes them."""
        picture = normalise(values.reshape(SIDE, SIDE))
        return standardise(picture, self.mean, self.deviation)

    def forward(self, ready: Values) -> Values:
        """Return the ten probabilities for a prepared picture."""
        (rows,) = self._session.run(["probabilities"], {"picture": ready[None, None]})
        probabilities: Values = rows[0]
        return probabilities

    def recognise(self, image: Sequence[float] | NDArray[np.float64]) -> dict[str, object]:
        """Return the answer to 784 numbers."""
        probabilities = self.forward(self.prepare(np.array(image, np.float32)))
        return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}
