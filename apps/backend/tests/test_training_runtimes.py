"""Both runtimes answer alike, on all that the training judged its model on."""

import numpy as np

from mnist_backend.artefact import Card
from mnist_backend.predictor import OnnxPredictor, Values
from mnist_backend.torch_predictor import TorchPredictor
from mnist_backend.training import nodes
from mnist_backend.training.parameters import Parameters

from .artefacts import built_artefact


def judged_pictures(card: Card) -> Values:
    """Return all that the model was judged on: every held-out digit and every drawing."""
    folders = {"cache": "none", "output": "none", "reports": "none"}
    how = Parameters(source=card.source, mirrors=(), **folders, **card.configuration)
    _, held_out = nodes.split(nodes.data(how), how)
    both = np.concatenate([held_out.values, nodes.draw(how).values])
    return both.reshape(len(both), -1)


def test_both_runtimes_answer_alike() -> None:
    """Over all held-out digits and drawings both runtimes see the same, within 1e-5."""
    built = built_artefact()
    onnx, torch, card = OnnxPredictor(built), TorchPredictor(built), built.card
    values = judged_pictures(card)
    assert len(values) == card.held_out.count + card.drawings.count
    pairs = list(zip(onnx.recognise_many(values), torch.recognise_many(values), strict=True))
    assert all(one.digit == other.digit for one, other in pairs)
    gaps = [np.abs(np.subtract(a.probabilities, b.probabilities)).max() for a, b in pairs]
    assert max(gaps) < 1e-5
