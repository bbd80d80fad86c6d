"""How the network is trained, on a small part of the data."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from sklearn.datasets import load_digits

from mnist_backend import artefact, model, training
from mnist_backend.artefact import Accuracy
from mnist_backend.errors import GateMissedError
from mnist_backend.predictor import OnnxPredictor
from mnist_backend.training import Configuration, Data

SHORT = Configuration(epochs=2, drawings_each=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """Train as the build does."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data() -> Data:
    """A sixth of the digits."""
    whole = training.gather(SHORT)
    return dataclasses.replace(whole, fields=whole.fields[:240], digits=whole.digits[:240])


def accuracy(held_out: float, drawn: float) -> Accuracy:
    """Return what a network may have reached."""
    return Accuracy(
        held_out=held_out,
        held_out_count=360,
        drawings=drawn,
        drawings_count=600,
        drawings_by_digit=[drawn] * 10,
    )


def test_no_held_out_digit_is_trained_on() -> None:
    """The split keeps every digit on one side, and the same share of each kind on both."""
    whole = training.gather(SHORT)
    assert len(whole.digits) + len(whole.held_out.digits) == 1797
    assert len(whole.held_out.digits) == 360
    assert min(np.bincount(whole.held_out.digits)) >= 34
    seen = {picture.tobytes() for picture in training.normalise(whole.fields[:, :, ::2, ::2])}
    assert len(seen) == len(whole.digits)


def test_a_seed_trains_the_same_network_again(data: Data) -> None:
    """Two trainings of one configuration end with equal weights; a line is told each epoch."""
    told: list[str] = []
    once, again = (training.fit(data, SHORT, told.append).state_dict() for _ in range(2))
    assert all(torch.equal(once[name], again[name]) for name in once)
    assert [line[:10] for line in told] == ["epoch  1/2", "epoch  2/2"] * 2
    assert "loss" in told[0]
    other = training.fit(data, dataclasses.replace(SHORT, seed=8), told.append).state_dict()
    assert not torch.equal(once["layers.0.weight"], other["layers.0.weight"])


def test_augmentation_changes_pictures_and_keeps_their_range(data: Data) -> None:
    """Every variation differs, and all are grey values with ink in them."""
    chance = torch.Generator().manual_seed(1)
    varied = training.vary(data.fields[:1].expand(50, -1, -1, -1), chance)
    assert varied.shape == (50, 1, 28, 28)
    assert 0 <= float(varied.min()) <= float(varied.max()) <= 1
    assert len(torch.unique(varied, dim=0)) == 50
    ink = varied.sum((1, 2, 3))
    assert float(ink.min()) > 5
    assert float(ink.max()) > 1.5 * float(ink.min())


def test_restored_digits_have_the_ink_that_the_data_set_counted() -> None:
    """Counting the restored digits again gives the 8x8 values, within a tenth."""
    counts = torch.from_numpy(load_digits().images[:50].astype(np.float32) / 16)[:, None]
    restored = training.restore(counts)
    assert restored.shape == (50, 1, 32, 32)
    assert float((nnf.avg_pool2d(restored, 4) - counts).abs().max()) < 0.1
    grey = ((restored > 0.2) & (restored < 0.8)).float().mean()
    assert float(grey) < 0.25


def test_a_batch_ends_with_a_blank_picture_that_is_any_digit(data: Data) -> None:
    """Blank paper is taught to be no digit in particular."""
    chance = torch.Generator().manual_seed(1)
    pictures, targets = training.batch(data, torch.arange(8), 0.05, chance)
    assert pictures.shape == (9, 1, 28, 28)
    assert torch.allclose(targets.sum(1), torch.ones(9))
    assert torch.allclose(targets[-1], torch.full((10,), 0.1))
    assert len(torch.unique(pictures[-1])) == 1


@pytest.mark.parametrize(
    ("held_out", "drawn", "told"),
    [
        (0.979, 1.0, r"0\.9790 of the held-out digits, 0\.98 needed$"),
        (1.0, 0.949, r"recognises 0\.9490 of the drawings, 0\.95 needed$"),
        (0.5, 0.5, r"0\.5000 of the held-out digits.*; 0\.5000 of the drawings"),
    ],
)
def test_a_missed_gate_is_an_error(held_out: float, drawn: float, told: str) -> None:
    """The error says what was reached and what is needed."""
    with pytest.raises(GateMissedError, match=told):
        training.gate(accuracy(held_out, drawn))


def test_both_gates_include_their_limit() -> None:
    """Just good enough is good enough, and the next smaller number is not."""
    training.gate(accuracy(training.HELD_OUT_GATE, training.DRAWINGS_GATE))
    with pytest.raises(GateMissedError, match=r"^the network recognises 0\.9500 of the drawings"):
        training.gate(accuracy(training.HELD_OUT_GATE, math.nextafter(training.DRAWINGS_GATE, 0)))


def test_what_is_shipped_can_be_served(data: Data, tmp_path: Path) -> None:
    """The artefact of a training is one that the predictor accepts."""
    torch.manual_seed(1)
    network = model.Network().eval()
    judged = training.judge(network, data)
    card = training.ship(network, data, judged, tmp_path / "new", SHORT)
    predictor = OnnxPredictor.load(tmp_path / "new")
    assert predictor.card == card
    assert card.model_version == f"0.1.0+{card.files.network[:12]}"
    assert card.configuration["epochs"] == 2
    assert judged.drawings_count == 120
    assert judged.drawings < 0.5


def test_a_network_that_misses_the_gate_is_not_shipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The exit code is 1, the message tells why, and no artefact is written."""
    monkeypatch.setattr(training, "fit", lambda *_: model.Network().eval())
    with caplog.at_level("INFO"):
        assert training.main(["--output", str(tmp_path)]) == 1
    assert "The model is not good enough: the network recognises 0." in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_passes_is_shipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The exit code is 0 and the last line names the model."""
    monkeypatch.setattr(training, "fit", lambda *_: model.Network().eval())
    monkeypatch.setattr(training, "judge", lambda *_: accuracy(1.0, 1.0))
    with caplog.at_level("INFO"):
        assert training.main(["--output", str(tmp_path)]) == 0
    assert f"model {artefact.read(tmp_path).card.model_version}" in caplog.messages[-1]
