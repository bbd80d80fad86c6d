"""Makes one small scan into many hands: larger, sharper, moved, slanted, unsteady, broader.

Contract: `enlarge` puts a digit into the middle of a field with room to move; `vary` returns each
field as another hand and another pen might have written it, by chance alone; `plain` as it is.
Does not know: where digits come from, or the network that learns them.
"""

import math

import numpy as np
import torch
import torch.nn.functional as nnf
from numpy.typing import NDArray
from torch import Generator, Tensor

BITMAP_SIDE = 32  # of the scans that the data set was counted from
RESTORE_ROUNDS = 12
FIELD_SIDE = 56  # augmentation works at twice the picture's resolution
FIELD_BOX = 40
KNOTS, WOBBLE = 5, 0.05  # points of a grid that a hand misses, by so much of half a field
CHUNK = 4096  # digits worked on at once


def enlarge(images: NDArray[np.float32]) -> Tensor:
    """Return 8x8 or 28x28 digits as grey values, 0 to 255, in fields with room to move."""
    parts = torch.split(torch.from_numpy(images)[:, None], CHUNK)
    return torch.cat([(_enlarged(part) * 255).round().byte() for part in parts])  # n 1 56 56


def _enlarged(images: Tensor) -> Tensor:
    if images.shape[-1] * 2 == FIELD_SIDE:  # a picture that is whole, with its own margin
        whole: Tensor = nnf.interpolate(images, size=(FIELD_SIDE, FIELD_SIDE), mode="bilinear")
        return whole
    box = (FIELD_BOX, FIELD_BOX)
    large = nnf.interpolate(restore(images), size=box, mode="bilinear")
    margin = (FIELD_SIDE - FIELD_BOX) // 2
    return nnf.pad(large.clamp(0, 1), (margin,) * 4)


def plain(fields: Tensor) -> Tensor:
    """Return the pictures in fields as they are, without variation."""
    return torch.cat([nnf.avg_pool2d(f.float() / 255, 2) for f in torch.split(fields, CHUNK)])


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
    shift = torch.randn(len(fields), 2, KNOTS, KNOTS, generator=chance) * WOBBLE
    grid = grid + nnf.interpolate(shift, size=fields.shape[-2:], mode="bicubic").permute(0, 2, 3, 1)
    moved = nnf.grid_sample(fields, grid, align_corners=False)  # n 1 56 56
    soft = nnf.avg_pool2d(moved, 5, 1, 2)
    edge, steep = (part[:, None, None, None] for part in (between(0.55, 0.85), between(6, 40)))
    paper = torch.sigmoid(-steep * edge)  # a low edge makes a broad stroke, a high one a thin one
    inked = (torch.sigmoid(steep * (soft - edge)) - paper) / (1 - paper)
    return nnf.avg_pool2d(inked.clamp(0, 1), 2)  # n 1 28 28
