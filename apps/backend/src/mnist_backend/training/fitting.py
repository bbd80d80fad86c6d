"""Fits the network to digits that are another in every epoch.

Contract: seeded: on one machine and one thread the same fields and parameters end in the same
weights, bit by bit. Progress is a bar an epoch on a terminal and a line an epoch everywhere.
Does not know: held-out pictures, drawings, or what is good enough.
"""

import logging
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray
from torch import Generator, Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from mnist_backend import model, preprocess
from mnist_backend.training import augmentation
from mnist_backend.training.parameters import Parameters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Normalised pictures and what they show."""

    values: NDArray[np.float32]  # n 28 28
    digits: NDArray[np.int64]  # n


@dataclass(frozen=True, slots=True)
class Fields:
    """What is trained on, each digit with room to move, and how its pictures are standardised."""

    values: Tensor  # n 1 56 56, 0 to 255
    digits: Tensor  # n
    mean: float
    deviation: float


def fit(fields: Fields, how: Parameters) -> model.Network:
    """Train a network."""
    torch.manual_seed(how.seed)
    chance = torch.Generator().manual_seed(how.seed)
    network = model.Network()
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=how.weight_decay)
    batches = math.ceil(len(fields.digits) / how.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, how.peak_rate, total_steps=how.epochs * batches
    )
    for epoch in range(1, how.epochs + 1):
        start, total = time.perf_counter(), 0.0
        order = torch.randperm(len(fields.digits), generator=chance).chunk(batches)
        told = f"epoch {epoch:2}/{how.epochs}"
        for chosen in tqdm(order, told, leave=False, disable=None, unit="batch"):
            pictures, targets = batch(fields, chosen, how.smoothing, chance)
            loss = nnf.cross_entropy(network(pictures), targets)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not tell its type
            optimiser.step()
            schedule.step()
            total += loss.item()
        seconds = time.perf_counter() - start
        log.info("%s  loss %.3f  %.1f s", told, total / len(order), seconds)
    return network.eval()


def batch(
    fields: Fields, chosen: Tensor, smoothing: float, chance: Generator
) -> tuple[Tensor, Tensor]:
    """Return varied pictures and what to answer: for a blank one, that any digit is as likely."""
    varied = normalise(augmentation.vary(fields.values[chosen].float() / 255, chance))
    blank = np.zeros((1, *varied.shape[1:]), np.float32)
    pictures = standardised(np.concatenate((varied, blank)), fields)
    sure = nnf.one_hot(fields.digits[chosen], model.DIGITS).float()
    targets = sure * (1 - smoothing) + smoothing / model.DIGITS
    return pictures, nnf.pad(targets, (0, 0, 0, 1), value=1 / model.DIGITS)


def normalise(pictures: Tensor) -> NDArray[np.float32]:
    """Return the pictures as serving would see them."""
    return np.stack([preprocess.normalise(picture[0].numpy()) for picture in pictures])


def standardised(pictures: NDArray[np.float32], fields: Fields) -> Tensor:
    """Return pictures as the network takes them."""
    ready = preprocess.standardise(pictures, fields.mean, fields.deviation)
    return torch.from_numpy(ready)[:, None]


def probabilities(
    network: model.Network, pictures: NDArray[np.float32], fields: Fields
) -> NDArray[np.float64]:
    """Return what the network makes of normalised pictures, n 28 28 -> n 10."""
    ready = standardised(pictures, fields)
    with torch.inference_mode():
        parts = [network(part).softmax(1) for part in torch.split(ready, 1000)]
    found: NDArray[np.float64] = torch.cat(parts).numpy().astype(np.float64)
    return found
