"""The steps of a training, on a small part of the data and without Kedro."""

import dataclasses
import gzip
import logging
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from sklearn.datasets import load_digits

from mnist_backend import artefact, drawings, model
from mnist_backend.predictor import OnnxPredictor, check_golden
from mnist_backend.preprocess import normalise
from mnist_backend.training import augmentation, fitting, nodes, sources
from mnist_backend.training.fitting import Fields
from mnist_backend.training.mirrors import Pinned
from mnist_backend.training.parameters import Parameters, configured

from .test_training_parameters import defaults


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """Train as the build does."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def how() -> Parameters:
    """Two epochs, and few drawings."""
    return configured(defaults() | {"epochs": 2, "drawings_each": 1})


@pytest.fixture(scope="module")
def fields(how: Parameters) -> Fields:
    """A sixth of the digits."""
    seen, _ = nodes.split(nodes.data(how), how)
    few = dataclasses.replace(seen, images=seen.images[:240], digits=seen.digits[:240])
    return nodes.augment(few)


def test_no_held_out_digit_is_trained_on(how: Parameters) -> None:
    """The split keeps every digit on one side, and the same share of each kind on both."""
    whole = nodes.data(how)
    seen, held_out = nodes.split(whole, how)
    assert (len(seen.digits), len(held_out.digits)) == (1437, 360)
    assert min(np.bincount(held_out.digits)) >= 34
    known = {image.tobytes() for image in seen.images}
    others = {image.tobytes() for image in whole.images} - known
    assert (len(known), len(others)) == (1437, 360)


def test_the_authors_own_split_is_kept(how: Parameters) -> None:
    """Where a source sets digits aside, those are held out, in their order."""
    whole = dataclasses.replace(nodes.data(how), set_aside=100)
    seen, held_out = nodes.split(whole, how)
    assert len(seen.digits) == 1697
    assert held_out.digits.tolist() == whole.digits[-100:].tolist()


def test_both_sources_go_through_one_loader(
    how: Parameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MNIST's four files become scans like the embedded digits, its test set at the end."""
    sizes = {"train": 3, "t10k": 2}
    pins = []
    for pin in sources.MNIST:
        count = sizes[pin.name.split("-")[0]]
        shape = (count, 28, 28) if "images" in pin.name else (count,)
        head = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
        body = np.full(shape, 255) if "images" in pin.name else np.arange(count) + count
        content = gzip.compress(head + body.astype(np.uint8).tobytes())
        (tmp_path / pin.name).write_bytes(content)
        pins.append(Pinned(pin.name, artefact.sha256(content)))
    monkeypatch.setattr(sources, "MNIST", tuple(pins))
    asked = how.model_copy(update={"source": "mnist", "cache": str(tmp_path), "mirrors": ()})
    found = nodes.data(asked)
    assert found.digits.tolist() == [3, 4, 5, 2, 3]
    assert found.images.shape == (5, 28, 28)
    assert found.images.dtype == np.float32
    assert found.set_aside == 2
    assert found.images.max() == 1
    seen, held_out = nodes.split(found, asked)
    assert (len(seen.digits), held_out.digits.tolist()) == (3, [2, 3])
    assert nodes.augment(dataclasses.replace(found)).values.shape == (5, 1, 56, 56)


def test_the_pins_are_those_of_mnist() -> None:
    """Four files, each with a SHA-256 of its own."""
    assert len({pin.name for pin in sources.MNIST}) == len({p.sha256 for p in sources.MNIST}) == 4
    assert all(len(bytes.fromhex(pin.sha256)) == 32 for pin in sources.MNIST)


def test_a_picture_of_mnist_stays_as_it_is() -> None:
    """A picture that is whole keeps its place and its ink in the field, and comes back."""
    picture = normalise(drawings.draw(1, 3)[0][20])
    field = augmentation.enlarge(picture[None])
    assert (field.shape, field.dtype) == ((1, 1, 56, 56), torch.uint8)
    assert float(np.abs(augmentation.plain(field)[0, 0].numpy() - picture).mean()) < 0.02


def test_a_seed_trains_the_same_network_again(
    fields: Fields, how: Parameters, caplog: pytest.LogCaptureFixture
) -> None:
    """Two trainings end with the same bytes of weights, another seed with others."""
    with caplog.at_level(logging.INFO):
        once, again = (model.weights(nodes.train(fields, how)) for _ in range(2))
    assert artefact.sha256(once) == artefact.sha256(again)
    assert [line[:15] for line in caplog.messages] == ["epoch  1/2  los", "epoch  2/2  los"] * 2
    other = nodes.train(fields, how.model_copy(update={"seed": 8}))
    assert model.weights(other) != once


def test_training_teaches(fields: Fields, how: Parameters) -> None:
    """A few epochs on a sixth of the digits recognise most of those held out."""
    _, held_out = nodes.split(nodes.data(how), how)
    network = nodes.train(fields, how.model_copy(update={"epochs": 8}))
    measured, _ = nodes.evaluate(network, fields, held_out, nodes.draw(how))
    assert measured.held_out.accuracy > 0.8
    assert measured.drawings.accuracy > 0.5
    assert (measured.held_out.count, measured.drawings.count) == (360, 120)


def test_augmentation_changes_pictures_and_keeps_their_range(fields: Fields) -> None:
    """Every variation differs, and all are grey values with ink in them."""
    chance = torch.Generator().manual_seed(1)
    one = fields.values[:1].float().expand(50, -1, -1, -1) / 255
    varied = augmentation.vary(one, chance)
    assert varied.shape == (50, 1, 28, 28)
    assert 0 <= float(varied.min()) <= float(varied.max()) <= 1
    assert len(torch.unique(varied, dim=0)) == 50
    ink = varied.sum((1, 2, 3))
    assert float(ink.min()) > 5
    assert float(ink.max()) > 1.5 * float(ink.min())


def test_restored_digits_have_the_ink_that_the_data_set_counted() -> None:
    """Counting the restored digits again gives the 8x8 values, within a tenth."""
    counts = torch.from_numpy(load_digits().images[:50].astype(np.float32) / 16)[:, None]
    restored = augmentation.restore(counts)
    assert restored.shape == (50, 1, 32, 32)
    assert float((nnf.avg_pool2d(restored, 4) - counts).abs().max()) < 0.1
    grey = ((restored > 0.2) & (restored < 0.8)).float().mean()
    assert float(grey) < 0.25


def test_a_batch_ends_with_a_blank_picture_that_is_any_digit(fields: Fields) -> None:
    """Blank paper is taught to be no digit in particular."""
    chance = torch.Generator().manual_seed(1)
    pictures, targets = fitting.batch(fields, torch.arange(8), 0.05, chance)
    assert pictures.shape == (9, 1, 28, 28)
    assert torch.allclose(targets.sum(1), torch.ones(9))
    assert torch.allclose(targets[-1], torch.full((10,), 0.1))
    assert len(torch.unique(pictures[-1])) == 1


def test_what_is_exported_can_be_served(fields: Fields, how: Parameters) -> None:
    """The artefact of a training answers its own golden pictures, of three digits, in serving."""
    torch.manual_seed(1)
    network = model.Network().eval()
    scans = nodes.data(how)
    _, held_out = nodes.split(scans, how)
    measured, answers = nodes.evaluate(network, fields, held_out, nodes.draw(how))
    exported = nodes.export(network)
    golden = nodes.golden(network, fields, held_out)
    found = nodes.card(how, scans, fields, measured, exported, golden)
    assert nodes.ship(found) is found
    predictor = OnnxPredictor(found)
    check_golden(predictor, found.card)
    assert found.card.model_version == f"0.1.0+{found.card.files.network[:12]}"
    assert (found.card.configuration["epochs"], found.card.source) == (2, "digits")
    assert len(found.card.golden) == 3
    asked = np.array([answer.image for answer in golden], np.float32)
    for digit, image in enumerate(asked):
        (place,) = np.flatnonzero((held_out.values.reshape(-1, 784).round(3) == image).all(1))
        assert held_out.digits[place] == digit
    assert sum(found.card.reference["ink"].ratios) == pytest.approx(1)
    assert answers["drawings"].probabilities.shape == (120, 10)


def test_the_hash_of_the_code_follows_every_file_of_it() -> None:
    """Whatever decides what a network becomes is among the files, each once."""
    names = [f"{path.parent.name}/{path.name}" for path in nodes.code()]
    assert {"mnist_backend/drawings.py", "training/fitting.py", "training/nodes.py"} <= set(names)
    assert len(names) == len(set(names))
