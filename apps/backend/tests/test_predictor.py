"""How a digit is recognised with the model that the image's build has trained."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_backend import artefact, drawings, model
from mnist_backend.artefact import Artefact
from mnist_backend.errors import ArtefactInvalidError, ArtefactTamperedError
from mnist_backend.predictor import OnnxPredictor
from mnist_backend.preprocess import normalise, standardise
from mnist_backend.training import DRAWINGS_GATE, DRAWINGS_SEED, HELD_OUT_GATE

from .conftest import BUILT_MODEL, MakeClient, make_card


def test_the_built_model_recognises_drawings_it_never_saw(built: OnnxPredictor) -> None:
    """Drawings of another seed than the card's are recognised as well as the gate asks."""
    pictures, digits = drawings.draw(10, seed=DRAWINGS_SEED + 1)
    seen = [built.recognise(picture.ravel().tolist()).digit for picture in pictures]
    right = np.array(seen) == np.array(digits)
    assert right.mean() >= DRAWINGS_GATE
    assert min(right[np.array(digits) == digit].mean() for digit in range(10)) >= 0.7


def test_the_card_tells_that_both_gates_were_passed(built: OnnxPredictor) -> None:
    """What is served was judged before it was written."""
    accuracy = built.card.accuracy
    assert HELD_OUT_GATE <= accuracy.held_out <= 1
    assert DRAWINGS_GATE <= accuracy.drawings <= 1
    assert (accuracy.held_out_count, accuracy.drawings_count) == (360, 600)


def test_the_card_is_right_about_the_drawings(built: OnnxPredictor) -> None:
    """The network that is served scores on the same drawings what the card says."""
    pictures, digits = drawings.draw(5, DRAWINGS_SEED)
    seen = [built.recognise(picture.ravel().tolist()).digit for picture in pictures]
    right = np.mean(np.array(seen) == np.array(digits))
    assert right == pytest.approx(built.card.accuracy.drawings, abs=1 / len(digits) + 1e-9)


def test_both_files_are_the_same_network(built: OnnxPredictor) -> None:
    """ONNX Runtime gives the probabilities that torch gives with the safetensors weights."""
    network = model.load_weights(BUILT_MODEL / artefact.WEIGHTS)
    card = built.card
    for picture in drawings.draw(1, seed=5)[0]:
        standard = standardise(normalise(picture), card.mean, card.deviation)
        with torch.inference_mode():
            expected = network(torch.from_numpy(standard)[None, None]).softmax(1)[0]
        served = built.recognise(picture.ravel().tolist()).probabilities
        assert served == pytest.approx(expected.tolist(), abs=1e-5)


def test_probabilities_add_up_and_the_digit_has_the_largest(built: OnnxPredictor) -> None:
    """The answer agrees with itself."""
    for picture in drawings.draw(1, seed=6)[0]:
        seen = built.recognise(picture.ravel().tolist())
        assert math.isclose(sum(seen.probabilities), 1, abs_tol=1e-5)
        assert seen.confidence == max(seen.probabilities)
        assert seen.probabilities.index(seen.confidence) == seen.digit


def test_place_and_darkness_of_a_drawing_do_not_matter(built: OnnxPredictor) -> None:
    """A pale digit in a corner is the same digit."""
    picture = normalise(drawings.draw(1, seed=7)[0][0])
    moved = np.roll(picture, (-4, 3), axis=(0, 1)) * np.float32(0.5)
    expected = built.recognise(picture.ravel().tolist()).probabilities
    assert built.recognise(moved.ravel().tolist()).probabilities == pytest.approx(expected)


def test_a_blank_picture_is_not_recognised_with_confidence(built: OnnxPredictor) -> None:
    """The network was taught that a blank picture is any digit."""
    assert built.recognise([0.0] * 784).confidence < 0.3


def test_a_changed_network_is_refused(tmp_path: Path) -> None:
    """One changed byte in the network is enough."""
    shutil.copytree(BUILT_MODEL, tmp_path, dirs_exist_ok=True)
    content = bytearray((tmp_path / artefact.NETWORK).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / artefact.NETWORK).write_bytes(content)
    with pytest.raises(ArtefactTamperedError):
        OnnxPredictor.load(tmp_path)


def test_a_network_that_does_not_run_is_refused() -> None:
    """Right hashes do not make a network of something else."""
    with pytest.raises(ArtefactInvalidError, match="does not run"):
        OnnxPredictor(Artefact(make_card(), b"network"))


def test_the_built_model_is_served(make_client: MakeClient) -> None:
    """From a drawing of a four over HTTP to the digit."""
    client = make_client(lambda _: OnnxPredictor.load(BUILT_MODEL))
    pictures, digits = drawings.draw(1, seed=8)
    four = pictures[digits.index(4)]
    answer = client.post("/api/v1/predict", json={"image": four.ravel().tolist()}).json()
    assert answer["digit"] == 4
    assert answer["model_version"] == client.get("/ready").json()["model_version"]
