"""The model artefact: a folder with weights, the network to run, and a card that tells of both.

Contract: `write` makes a folder that `read` accepts; `read` returns the network's bytes only if
they, and the weights beside them, have the SHA-256 that the card tells, else a typed error. What is
returned is what was hashed: no file is opened twice. Nothing here is ever unpickled.
Does not know: how the network was trained or how it is run.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mnist_backend.errors import ArtefactInvalidError, ArtefactMissingError, ArtefactTamperedError

CARD = "card.json"
NETWORK = "model.onnx"
WEIGHTS = "model.safetensors"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Ratio = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
TEN = Field(min_length=10, max_length=10)
Feature = Literal["digit", "confidence", "ink"]
ROUNDING = 1e-6


class Part(BaseModel):
    """What all parts of a card have in common."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Evaluation(Part):
    """How well the network did on pictures that it was not trained on."""

    count: Annotated[int, Field(ge=1)]
    accuracy: Ratio
    interval: Annotated[list[Ratio], Field(min_length=2, max_length=2)]  # Wilson, at 95 %
    by_digit: Annotated[list[Ratio], TEN]
    calibration_error: Ratio  # ECE: 15 bins of equal width
    confusion: Annotated[list[Annotated[list[Count], TEN]], TEN]  # a row a true digit


class Reference(Part):
    """How a value was spread over its bins when the network was judged."""

    bins: Annotated[list[str], Field(min_length=1)]  # upper edges, or digits
    ratios: Annotated[list[Ratio], Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(self.bins) != len(self.ratios) or abs(sum(self.ratios) - 1) > ROUNDING:
            message = "every bin has a ratio, and all of them add up to 1"
            raise ValueError(message)
        return self


class Golden(Part):
    """A drawing and what the network makes of it, to be asked for before it serves."""

    image: Annotated[list[Ratio], Field(min_length=784, max_length=784)]
    probabilities: Annotated[list[Ratio], TEN]


class Files(Part):
    """The SHA-256 of the files beside the card."""

    network: Sha256
    weights: Sha256


class Card(Part):
    """All there is to know about a model before running it."""

    format: Literal[2] = 2
    model_version: Annotated[str, Field(min_length=1, max_length=64)]
    source: Literal["digits", "mnist"]
    data: str
    configuration: dict[str, int | float]
    mean: Finite
    deviation: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    held_out: Evaluation
    drawings: Evaluation
    reference: Annotated[dict[Feature, Reference], Field(min_length=3)]
    data_sha256: Sha256
    code_sha256: Sha256
    libraries: dict[str, str]
    golden: Annotated[list[Golden], Field(min_length=1)]
    files: Files


@dataclass(frozen=True, slots=True)
class Artefact:
    """A checked model: its card, the ONNX network, and the weights as safetensors."""

    card: Card
    network: bytes
    weights: bytes


def sha256(*chunks: bytes) -> str:
    """Return the SHA-256 of the chunks, one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def write(directory: Path, card: Card) -> None:
    """Write the card; the two files it describes are there already."""
    (directory / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_card(directory: Path) -> Card:
    """Return the card of the artefact in a folder."""
    try:
        return Card.model_validate_json(_bytes(directory / CARD))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        message = f"{directory / CARD}: {where}: {first['msg']}"
        raise ArtefactInvalidError(message) from error


def read(directory: Path) -> Artefact:
    """Return the artefact in the folder, once every hash is checked."""
    card = read_card(directory)
    weights = _checked(directory / WEIGHTS, card.files.weights)
    return Artefact(card, _checked(directory / NETWORK, card.files.network), weights)


def _checked(path: Path, expected: str) -> bytes:
    content = _bytes(path)
    found = sha256(content)
    if found != expected:
        message = f"{path}: its SHA-256 is {found}, but the card says {expected}"
        raise ArtefactTamperedError(message)
    return content


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise ArtefactMissingError(message) from error
