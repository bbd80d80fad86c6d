"""What the tests share: an application with a model that always answers, and drawings."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient

from mnist_backend import artefact, registry
from mnist_backend.app import create_app
from mnist_backend.artefact import Artefact, Card, Evaluation, Files, Golden, Reference
from mnist_backend.lifecycle import Load, Serving
from mnist_backend.metrics import CONFIDENCE_EDGES, INK_EDGES
from mnist_backend.predictor import OnnxPredictor, Recognition, Values
from mnist_backend.settings import Settings

BUILT_MODELS = Path(os.environ.get("MNIST_TEST_MODELS", "/models"))  # what the build has trained

MakeClient = Callable[..., TestClient]


def sure_of(digit: int) -> tuple[float, ...]:
    """Return probabilities that leave little doubt."""
    return tuple(0.91 if other == digit else 0.01 for other in range(10))


CERTAIN = sure_of(7)
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


class CertainPredictor:
    """Sees a seven in everything but the golden pictures of its card."""

    def __init__(self, card: Card | None = None) -> None:
        """Take a card."""
        self.card = card or make_card()

    def recognise(self, values: Values) -> Recognition:
        """See a seven in any 784 values, or the digit of a golden picture."""
        assert values.shape == (784,)
        place = int(values.argmax())
        golden = place in {1, 2, 3} and values.sum() == 1
        digit = place if golden else 7
        return Recognition(digit, sure_of(digit), 0.1)

    def recognise_many(self, drawings: Values) -> list[Recognition]:
        """See as many sevens."""
        return [self.recognise(drawing) for drawing in drawings]


def always(model: Artefact, _: str = "") -> CertainPredictor:
    """Load the predictor that always answers."""
    return CertainPredictor(model.card)


def serving_of(client: TestClient) -> Serving:
    """Return what an application shares."""
    return cast("Serving", client.app.state.serving)  # type: ignore[attr-defined]  # any ASGI application to the client


def write_artefact(folder: Path, version: str = "0.1.0+test", **changes: object) -> Path:
    """Write a complete artefact whose network is no network, and whose card may be changed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / artefact.NETWORK).write_bytes(b"network")
    (folder / artefact.WEIGHTS).write_bytes(b"weights")
    artefact.write(folder, make_card().model_copy(update={"model_version": version, **changes}))
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A store with one model, the champion."""
    registry.store(write_artefact(tmp_path / "new"), tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def make_client(tmp_path: Path, models: Path) -> Iterator[MakeClient]:
    """Start an application with any way to load its model, and any settings."""
    started: list[TestClient] = []

    def make(
        load: Load = always, peer: tuple[str, int] = ("203.0.113.9", 50000), **settings: object
    ) -> TestClient:
        wanted: dict[str, Any] = {"models_dir": models, "state_dir": tmp_path / "state", **settings}
        app = create_app(Settings(**wanted), load)
        client = TestClient(app, raise_server_exceptions=False, client=peer)
        started.append(client.__enter__())
        return client

    yield make
    for client in started:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    """An application whose model always sees a seven."""
    return make_client()


def built_artefact() -> Artefact:
    """Read the model that the image's build has trained."""
    return registry.Registry(BUILT_MODELS, BUILT_MODELS).read("champion")


@pytest.fixture(scope="session")
def built() -> OnnxPredictor:
    """The model that the image's build has trained."""
    return OnnxPredictor(built_artefact())
