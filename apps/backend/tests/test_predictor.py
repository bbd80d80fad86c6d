"""How a digit is recognised with the model that the image's build has trained."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from mnist_backend import artefact, drawings
from mnist_backend.artefact import Artefact
from mnist_backend.errors import ArtefactError, ArtefactInvalidError
from mnist_backend.lifecycle import loaded
from mnist_backend.predictor import OnnxPredictor, check_golden
from mnist_backend.preprocess import normalise
from mnist_backend.registry import Registry
from mnist_backend.torch_predictor import TorchPredictor

from .artefacts import BUILT_MODELS, make_card
from .conftest import MakeClient


def test_the_built_model_recognises_drawings_it_never_saw(built: OnnxPredictor) -> None:
    """Drawings of another seed than the card's are recognised as well as those of the card."""
    pictures, digits = drawings.draw(10, seed=drawings.JUDGING_SEED + 1)
    seen = [built.recognise(picture.ravel()).digit for picture in pictures]
    right = np.array(seen) == np.array(digits)
    assert right.mean() >= 0.96
    assert min(right[np.array(digits) == digit].mean() for digit in range(10)) >= 0.7


def test_the_card_is_right_about_the_drawings(built: OnnxPredictor) -> None:
    """The network that is served scores on the same drawings what the card says."""
    pictures, digits = drawings.draw(5, drawings.JUDGING_SEED)
    seen = [built.recognise(picture.ravel()).digit for picture in pictures]
    right = np.mean(np.array(seen) == np.array(digits))
    assert right == pytest.approx(built.card.drawings.accuracy, abs=1 / len(digits) + 1e-9)


def test_probabilities_add_up_and_the_digit_has_the_largest(built: OnnxPredictor) -> None:
    """The answer agrees with itself."""
    for picture in drawings.draw(1, seed=6)[0]:
        seen = built.recognise(picture.ravel())
        assert math.isclose(sum(seen.probabilities), 1, abs_tol=1e-5)
        assert seen.confidence == max(seen.probabilities)
        assert seen.probabilities.index(seen.confidence) == seen.digit


def test_place_and_darkness_of_a_drawing_do_not_matter(built: OnnxPredictor) -> None:
    """A pale digit in a corner is the same digit."""
    picture = normalise(drawings.draw(1, seed=7)[0][0])
    moved = np.roll(picture, (-4, 3), axis=(0, 1)) * np.float32(0.5)
    expected = built.recognise(picture.ravel()).probabilities
    assert built.recognise(moved.ravel()).probabilities == pytest.approx(expected)


def test_a_blank_picture_is_not_recognised_with_confidence(built: OnnxPredictor) -> None:
    """The network was taught that a blank picture is any digit."""
    assert built.recognise(np.zeros(784, np.float32)).confidence < 0.3


@pytest.mark.parametrize("name", [artefact.NETWORK, artefact.WEIGHTS, artefact.CARD])
def test_a_changed_model_is_refused(tmp_path: Path, name: str) -> None:
    """One changed byte in any file of the store is enough."""
    shutil.copytree(BUILT_MODELS, tmp_path / "models")
    (path,) = (tmp_path / "models").glob(f"sha256/*/{name}")
    path.chmod(0o600)
    before, last, after = path.read_bytes().rpartition(b"0")
    assert last
    path.write_bytes(before + b"1" + after)
    with pytest.raises(ArtefactError):
        Registry(tmp_path / "models", tmp_path).read("champion")


def test_a_network_that_cannot_be_loaded_is_refused() -> None:
    """Right hashes do not make a network of something else."""
    with pytest.raises(ArtefactInvalidError, match="cannot be loaded"):
        OnnxPredictor(Artefact(make_card(), b"network", b"weights"))
    with pytest.raises(ArtefactInvalidError, match="cannot be loaded"):
        TorchPredictor(Artefact(make_card(), b"network", b"weights"))


def test_golden_images_are_answered_as_the_card_says(built: OnnxPredictor) -> None:
    """The built model passes its own golden images, and fails those of another."""
    check_golden(built, built.card)
    goldens = built.card.golden
    assert len(goldens) >= 3
    assert len({int(np.argmax(golden.probabilities)) for golden in goldens}) >= 3
    (first, *_) = goldens
    other = first.model_copy(update={"probabilities": [0.1] * 10})
    with pytest.raises(ArtefactInvalidError, match="golden image 0"):
        check_golden(built, built.card.model_copy(update={"golden": [other]}))


def test_either_runtime_is_served(make_client: MakeClient) -> None:
    """One setting chooses the runtime, and the answer over HTTP is the same."""
    picture = drawings.draw(1, seed=9)[0][0].ravel().tolist()
    answers = []
    for runtime in ("onnx", "torch"):
        client = make_client(loaded, models_dir=BUILT_MODELS, runtime=runtime)
        answers.append(client.post("/api/v1/predict", json={"image": picture}).json())
    one, other = answers
    assert one["digit"] == other["digit"]
    assert one["model_version"] == other["model_version"]
    assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)


def test_several_at_once_are_answered_as_each_alone(built: OnnxPredictor) -> None:
    """A batch changes nothing about an answer, but for rounding."""
    pictures, _ = drawings.draw(1, seed=12)
    values = np.stack([picture.ravel() for picture in pictures])
    for value, together in zip(values, built.recognise_many(values), strict=True):
        alone = built.recognise(value)
        assert alone.probabilities == pytest.approx(together.probabilities, abs=1e-6)
        assert alone.ink == together.ink


def test_the_built_model_is_served(make_client: MakeClient) -> None:
    """From a drawing of a four over HTTP to the digit."""
    client = make_client(loaded, models_dir=BUILT_MODELS)
    pictures, digits = drawings.draw(1, seed=8)
    four = pictures[digits.index(4)]
    answer = client.post("/api/v1/predict", json={"image": four.ravel().tolist()}).json()
    assert answer["digit"] == 4
    assert answer["model_version"] == client.get("/ready").json()["model_version"]


def test_the_runtime_tells_its_vendor_nothing() -> None:
    """The wheel of ONNX Runtime would send reports; the image turns that off for all its stages."""
    assert b"ORT_DISABLE_TELEMETRY=1" in Path("/proc/self/environ").read_bytes().split(b"\0")
