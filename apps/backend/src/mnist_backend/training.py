"""Trains the network on scikit-learn's handwritten digits and writes the artefact.

    python -m mnist_backend.training --output DIR

Contract: seeded; every picture goes through `preprocess.normalise`, as in serving; the artefact is
written only if the network reaches both gates, on digits it never saw and on drawings, which it
never sees; otherwise the exit code is 1 and the message says what was missed.
Does not know: the server, or how the artefact is run.
"""

import argparse
import logging
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Generator, Tensor

from mnist_backend import __version__, artefact, drawings, model, preprocess
from mnist_backend.artefact import Accuracy, Card, Files
from mnist_backend.errors import BackendError, GateMissedError

log = logging.getLogger(__name__)

DATA = (
    "Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, 1998, doi:10.24432/C50P49), "
    "as embedded in scikit-learn. Writers of the held-out digits also wrote digits trained on."
)
HELD_OUT_GATE = 0.98
DRAWINGS_GATE = 0.95
BITMAP_SIDE = 32  # of the scans that the data set was counted from
RESTORE_ROUNDS = 12
FIELD_SIDE = 56  # augmentation works at twice the picture's resolution
FIELD_BOX = 40
DRAWINGS_SEED = 2024  # the drawings stay the same when the seed of the training changes
CODE = (artefact, drawings, model, preprocess)  # and this module


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that decides how a training goes."""

    seed: int = 7
    epochs: int = 24
    batch: int = 64
    peak_rate: float = 4e-3
    weight_decay: float = 1e-3
    smoothing: float = 0.05
    held_out_ratio: float = 0.2
    drawings_each: int = 5


@dataclass(frozen=True, slots=True)
class Pictures:
    """Normalised pictures and what they show."""

    values: NDArray[np.float32]  # n 28 28
    digits: NDArray[np.int64]  # n


@dataclass(frozen=True, slots=True)
class Data:
    """What is trained on, and the two sets that are not."""

    fields: Tensor  # n 1 56 56, before augmentation
    digits: Tensor  # n
    mean: float
    deviation: float
    held_out: Pictures
    drawn: Pictures
    sha256: str


def gather(configuration: Configuration) -> Data:
    """Load, split and normalise the digits, and draw the drawings."""
    source = load_digits()
    images, digits = source.images.astype(np.float32) / 16, source.target.astype(np.int64)
    seen, unseen = train_test_split(
        np.arange(len(digits)),
        test_size=configuration.held_out_ratio,
        random_state=configuration.seed,
        stratify=digits,
    )
    fields = enlarge(torch.from_numpy(images))
    plain = normalise(nnf.avg_pool2d(fields, 2))
    drawn, shown = drawings.draw(configuration.drawings_each, DRAWINGS_SEED)
    return Data(
        fields=fields[seen],
        digits=torch.from_numpy(digits[seen]),
        mean=float(plain[seen].mean()),
        deviation=float(plain[seen].std()),
        held_out=Pictures(plain[unseen], digits[unseen]),
        drawn=Pictures(normalise(torch.from_numpy(np.stack(drawn))[:, None]), np.array(shown)),
        sha256=artefact.sha256(images.tobytes(), digits.tobytes()),
    )


def enlarge(images: Tensor) -> Tensor:
    """Return 8x8 digits in the middle of fields with room to move."""
    box = (FIELD_BOX, FIELD_BOX)
    large = nnf.interpolate(restore(images[:, None]), size=box, mode="bilinear")
    margin = (FIELD_SIDE - FIELD_BOX) // 2
    return nnf.pad(large.clamp(0, 1), (margin,) * 4)  # n 8 8 -> n 1 56 56


def restore(counts: Tensor) -> Tensor:
    """Return sharp 32x32 digits whose ink, counted in 4x4 blocks, is what the data set tells."""
    size = (BITMAP_SIDE, BITMAP_SIDE)
    guess = nnf.interpolate(counts, size=size, mode="bicubic")
    for _ in range(RESTORE_ROUNDS):
        lack = counts - nnf.avg_pool2d(sharpen(guess), BITMAP_SIDE // counts.shape[-1])
        guess = guess + nnf.interpolate(lack, size=size, mode="bicubic")
    return sharpen(guess)  # n 1 8 8 -> n 1 32 32


def sharpen(grey: Tensor) -> Tensor:
    """Return grey as ink or paper, with a soft edge."""
    return torch.sigmoid(8 * (grey - 0.5))


def normalise(pictures: Tensor) -> NDArray[np.float32]:
    """Return the pictures as serving would see them."""
    return np.stack([preprocess.normalise(picture[0].numpy()) for picture in pictures])


def vary(fields: Tensor, chance: Generator) -> Tensor:
    """Return each digit as another hand and another pen might have written it."""

    def between(low: float, high: float) -> Tensor:
        return torch.rand(len(fields), generator=chance) * (high - low) + low

    angle = between(-math.pi / 12, math.pi / 12)
    wide, high, lean = between(0.8, 1.2), between(0.8, 1.2), between(-0.25, 0.25)
    size = between(0.6, 1.0)
    matrix = torch.zeros(len(fields), 2, 3)
    matrix[:, 0, 0] = angle.cos() / (wide * size)
    matrix[:, 0, 1] = (lean - angle.sin()) / (wide * size)
    matrix[:, 1, 0] = angle.sin() / (high * size)
    matrix[:, 1, 1] = angle.cos() / (high * size)
    matrix[:, :, 2] = torch.stack((between(-0.1, 0.1), between(-0.1, 0.1)), dim=1)
    grid = nnf.affine_grid(matrix, list(fields.shape), align_corners=False)
    moved = nnf.grid_sample(fields, grid, align_corners=False)  # n 1 56 56
    soft = nnf.avg_pool2d(moved, 5, 1, 2)
    edge, steep = (part[:, None, None, None] for part in (between(0.4, 0.75), between(6, 40)))
    paper = torch.sigmoid(-steep * edge)  # a low edge makes a broad stroke, a high one a thin one
    inked = (torch.sigmoid(steep * (soft - edge)) - paper) / (1 - paper)
    return nnf.avg_pool2d(inked.clamp(0, 1), 2)  # n 1 28 28


def fit(data: Data, configuration: Configuration, tell: Callable[[str], None]) -> model.Network:
    """Train a network, telling a line an epoch."""
    torch.manual_seed(configuration.seed)
    chance = torch.Generator().manual_seed(configuration.seed)
    network = model.Network()
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=configuration.weight_decay)
    batches = math.ceil(len(data.digits) / configuration.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, configuration.peak_rate, total_steps=configuration.epochs * batches
    )
    for epoch in range(1, configuration.epochs + 1):
        start, total = time.perf_counter(), 0.0
        network.train()
        for chosen in torch.randperm(len(data.digits), generator=chance).chunk(batches):
            pictures, targets = batch(data, chosen, configuration.smoothing, chance)
            loss = nnf.cross_entropy(network(pictures), targets)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not tell its type
            optimiser.step()
            schedule.step()
            total += loss.item()
        right = np.mean(recognise(network, data, data.held_out) == data.held_out.digits)
        seconds = time.perf_counter() - start
        tell(
            f"epoch {epoch:2}/{configuration.epochs}  loss {total / batches:.3f}"
            f"  held-out {right:.4f}  {seconds:.1f} s"
        )
    return network.eval()


def batch(data: Data, chosen: Tensor, smoothing: float, chance: Generator) -> tuple[Tensor, Tensor]:
    """Return varied pictures and what to answer: for a blank one, that any digit is as likely."""
    varied = normalise(vary(data.fields[chosen], chance))
    blank = np.zeros((1, *varied.shape[1:]), np.float32)
    pictures = standardised(np.concatenate((varied, blank)), data)
    sure = nnf.one_hot(data.digits[chosen], model.DIGITS).float()
    targets = sure * (1 - smoothing) + smoothing / model.DIGITS
    return pictures, nnf.pad(targets, (0, 0, 0, 1), value=1 / model.DIGITS)


def standardised(pictures: NDArray[np.float32], data: Data) -> Tensor:
    """Return pictures as the network takes them."""
    return torch.from_numpy(preprocess.standardise(pictures, data.mean, data.deviation))[:, None]


def recognise(network: model.Network, data: Data, pictures: Pictures) -> NDArray[np.int64]:
    """Return the digits the network sees."""
    network.eval()
    with torch.inference_mode():
        seen: NDArray[np.int64] = network(standardised(pictures.values, data)).argmax(1).numpy()
    return seen


def judge(network: model.Network, data: Data) -> Accuracy:
    """Measure the network on both sets that it never saw."""
    right = recognise(network, data, data.drawn) == data.drawn.digits
    by_digit = [float(right[data.drawn.digits == digit].mean()) for digit in range(model.DIGITS)]
    held_out = recognise(network, data, data.held_out) == data.held_out.digits
    return Accuracy(
        held_out=float(held_out.mean()),
        held_out_count=len(held_out),
        drawings=float(right.mean()),
        drawings_count=len(right),
        drawings_by_digit=by_digit,
    )


def gate(accuracy: Accuracy) -> None:
    """Raise if the network is not good enough to be shipped."""
    wanted = (
        ("held-out digits", accuracy.held_out, HELD_OUT_GATE),
        ("drawings", accuracy.drawings, DRAWINGS_GATE),
    )
    missed = [
        f"{found:.4f} of the {what}, {least} needed"
        for what, found, least in wanted
        if found < least
    ]
    if missed:
        raise GateMissedError("the network recognises " + "; ".join(missed))


def ship(
    network: model.Network, data: Data, accuracy: Accuracy, where: Path, how: Configuration
) -> Card:
    """Write the artefact and return its card."""
    where.mkdir(parents=True, exist_ok=True)
    model.save_weights(network, where / artefact.WEIGHTS)
    model.export(network, where / artefact.NETWORK)
    hashes = Files(
        network=artefact.sha256((where / artefact.NETWORK).read_bytes()),
        weights=artefact.sha256((where / artefact.WEIGHTS).read_bytes()),
    )
    sources = (Path(str(module.__file__)) for module in (*CODE, sys.modules[__name__]))
    card = Card(
        model_version=f"{__version__}+{hashes.network[:12]}",
        data=DATA,
        configuration=asdict(how),
        mean=data.mean,
        deviation=data.deviation,
        accuracy=accuracy,
        data_sha256=data.sha256,
        code_sha256=artefact.sha256(*(source.read_bytes() for source in sources)),
        libraries={"torch": torch.__version__} | {n: version(n) for n in ("numpy", "scikit-learn")},
        files=hashes,
    )
    artefact.write(where, card)
    return card


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, judge and ship; return the exit code."""
    parser = argparse.ArgumentParser(prog="mnist_backend.training", description="Train the model.")
    parser.add_argument("--output", type=Path, required=True, help="folder of the artefact")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    configuration = Configuration()
    # So small a network gains nothing from two threads, and loses much where one waits.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    try:
        data = gather(configuration)
        network = fit(data, configuration, log.info)
        accuracy = judge(network, data)
        log.info(
            "held-out %.4f of %d, drawings %.4f of %d (worst digit %.3f), %.0f s of processor time",
            *(accuracy.held_out, accuracy.held_out_count, accuracy.drawings),
            *(accuracy.drawings_count, min(accuracy.drawings_by_digit)),
            time.process_time(),
        )
        gate(accuracy)
        card = ship(network, data, accuracy, options.output, configuration)
    except BackendError as error:
        log.error("%s: %s", error.title, error.detail)
        return 1
    log.info("wrote %s, model %s", options.output, card.model_version)
    return 0


if __name__ == "__main__":
    sys.exit(main())
