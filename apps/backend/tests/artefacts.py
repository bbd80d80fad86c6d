"""Artefacts for tests: a card that fits any two files, and a folder that holds all three.

Contract: needs nothing of the serving, for the tests of the training run without it.
"""

import os
from pathlib import Path

from mnist_backend import artefact, registry
from mnist_backend.artefact import Artefact, Card, Evaluation, Files, Golden, Reference
from mnist_backend.metrics import CONFIDENCE_EDGES, INK_EDGES

BUILT_MODELS = Path(os.environ.get("MNIST_TEST_MODELS", "/models"))  # what the build has trained


def sure_of(digit: int) -> tuple[float, ...]:
    """Return probabilities that leave little doubt."""
    return tuple(0.91 if other == digit else 0.01 for other in range(10))


EVALUATION = Evaluation(
    count=10,
    accuracy=1.0,
    interval=[0.7225, 1.0],
    by_digit=[1.0] * 10,
    calibration_error=0.01,
    confusion=[[int(row == column) for column in range(10)] for row in range(10)],
)


def dot(digit: int) -> list[float]:
    """Return the golden picture of a digit: one dot, at the digit's place."""
    return [float(place == digit) for place in range(784)]


def even(bins: list[str]) -> Reference:
    """Return a reference in which every bin holds as much."""
    return Reference(bins=bins, ratios=[1 / len(bins)] * len(bins))


def make_card(network: bytes = b"network", weights: bytes = b"weights") -> Card:
    """Return a card that fits the two files."""
    return Card(
        model_version="0.1.0+test",
        source="digits",
        data="none",
        configuration={},
        mean=0.1,
        deviation=0.3,
        held_out=EVALUATION,
        drawings=EVALUATION,
        reference={
            "digit": even([str(digit) for digit in range(10)]),
            "confidence": even([str(edge) for edge in CONFIDENCE_EDGES]),
            "ink": even([str(edge) for edge in INK_EDGES]),
        },
        data_sha256="0" * 64,
        code_sha256="0" * 64,
        libraries={},
        golden=[Golden(image=dot(d), probabilities=list(sure_of(d))) for d in (1, 2, 3)],
        files=Files(network=artefact.sha256(network), weights=artefact.sha256(weights)),
    )


def write_artefact(folder: Path, version: str = "0.1.0+test", **changes: object) -> Path:
    """Write a complete artefact whose network is no network, and whose card may be changed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / artefact.NETWORK).write_bytes(b"network")
    (folder / artefact.WEIGHTS).write_bytes(b"weights")
    artefact.write(folder, make_card().model_copy(update={"model_version": version, **changes}))
    return folder


def built_artefact() -> Artefact:
    """Read the model that the image's build has trained."""
    return registry.Registry(BUILT_MODELS, BUILT_MODELS).read("champion")
