"""The steps from data to card, each a pure function of what it is given.

Contract: no step reads or writes a file but `data`, which may fetch; every picture goes through
`preprocess.normalise`, as in serving; nothing held out and no drawing reaches `train`. They measure
and do not judge. Does not know: Kedro, or where results are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from mnist_backend import __version__, artefact, drawings, metrics, model, preprocess
from mnist_backend.artefact import Artefact, Card, Evaluation, Feature, Golden, Reference
from mnist_backend.training import augmentation, evaluation, fitting, model_card, plots, sources
from mnist_backend.training.evaluation import Answers
from mnist_backend.training.fitting import Fields, Pictures
from mnist_backend.training.parameters import Parameters, configured
from mnist_backend.training.sources import Scans

GOLDEN = 3  # of so many digits
GOLDEN_DECIMALS = 3
CODE = (artefact, drawings, metrics, model, preprocess)  # and this package


@dataclass(frozen=True, slots=True)
class Measured:
    """What the card tells of the network's answers."""

    held_out: Evaluation
    drawings: Evaluation
    reference: dict[Feature, Reference]


@dataclass(frozen=True, slots=True)
class Exported:
    """The network in both of its forms."""

    network: bytes  # ONNX
    weights: bytes  # safetensors


def configure(values: Mapping[str, object]) -> Parameters:
    """Return Kedro's parameters, checked."""
    return configured(values)


def data(how: Parameters) -> Scans:
    """Load the source."""
    return sources.load(how)


def draw(how: Parameters) -> Pictures:
    """Draw what nobody trains on."""
    drawn, shown = drawings.draw(how.drawings_each, drawings.JUDGING_SEED)
    values = np.stack([preprocess.normalise(drawing) for drawing in drawn])
    return Pictures(values, np.array(shown))


def split(scans: Scans, how: Parameters) -> tuple[Scans, Pictures]:
    """Return the scans to train on, and the pictures that are held out."""
    numbers = np.arange(len(scans.digits))
    if scans.set_aside:
        seen, unseen = numbers[: -scans.set_aside], numbers[-scans.set_aside :]
    else:
        seen, unseen = train_test_split(
            numbers,
            test_size=how.held_out_ratio,
            random_state=how.seed,
            stratify=scans.digits,
        )
    fields = augmentation.enlarge(scans.images[unseen])
    held_out = Pictures(fitting.normalise(augmentation.plain(fields)), scans.digits[unseen])
    return replace(scans, images=scans.images[seen], digits=scans.digits[seen]), held_out


def augment(seen: Scans) -> Fields:
    """Give every digit room to move, and find what is common to all of them."""
    values = augmentation.enlarge(seen.images)
    common = fitting.normalise(augmentation.plain(values))
    digits = torch.from_numpy(seen.digits)
    return Fields(values, digits, float(common.mean()), float(common.std()))


def train(fields: Fields, how: Parameters) -> model.Network:
    """Fit a network."""
    return fitting.fit(fields, how)


def evaluate(
    network: model.Network, fields: Fields, held_out: Pictures, drawn: Pictures
) -> tuple[Measured, dict[str, Answers]]:
    """Measure the network on both sets that it never saw."""
    answers = {
        name: Answers(
            asked.values, asked.digits, fitting.probabilities(network, asked.values, fields)
        )
        for name, asked in (("held_out", held_out), ("drawings", drawn))
    }
    measured = Measured(
        evaluation.evaluate(answers["held_out"]),
        evaluation.evaluate(answers["drawings"]),
        evaluation.reference(answers["held_out"]),
    )
    return measured, answers


def export(network: model.Network) -> Exported:
    """Write the network in both of its forms."""
    return Exported(model.onnx(network), model.weights(network))


def card(
    how: Parameters,
    scans: Scans,
    fields: Fields,
    measured: Measured,
    exported: Exported,
    golden: list[Golden],
) -> Artefact:
    """Describe the network."""
    hashes = artefact.Files(
        network=artefact.sha256(exported.network), weights=artefact.sha256(exported.weights)
    )
    described = Card(
        model_version=f"{__version__}+{hashes.network[:12]}",
        source=how.source,
        data=scans.told,
        configuration=how.numbers(),
        mean=fields.mean,
        deviation=fields.deviation,
        held_out=measured.held_out,
        drawings=measured.drawings,
        reference=measured.reference,
        data_sha256=artefact.sha256(scans.images.tobytes(), scans.digits.tobytes()),
        code_sha256=artefact.sha256(*(path.read_bytes() for path in code())),
        libraries={"torch": torch.__version__} | {n: version(n) for n in ("numpy", "scikit-learn")},
        golden=golden,
        files=hashes,
    )
    return Artefact(described, exported.network, exported.weights)


def golden(network: model.Network, fields: Fields, held_out: Pictures) -> list[Golden]:
    """Return one held-out picture of some digits and what the network makes of it."""
    found = []
    for digit in range(GOLDEN):
        values = held_out.values[np.flatnonzero(held_out.digits == digit)[0]]
        image = values.round(GOLDEN_DECIMALS)
        (answer,) = fitting.probabilities(network, preprocess.normalise(image)[None], fields)
        found.append(Golden(image=image.reshape(-1).tolist(), probabilities=answer.tolist()))
    return found


def report(described: Artefact, answers: dict[str, Answers]) -> dict[str, bytes]:
    """Tell people of the network, in words and in a picture."""
    return {
        "model-card.md": model_card.written(described.card).encode(),
        "model-card.png": plots.drawn(described.card, answers),
    }


def ship(described: Artefact) -> Artefact:
    """Hand the model over to the store."""
    return described


def code() -> list[Path]:
    """Return the files that decide what a network becomes."""
    own = sorted(Path(__file__).parent.glob("*.py"))
    return [*(Path(str(module.__file__)) for module in CODE), *own]
