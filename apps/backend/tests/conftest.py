"""What the tests share: an application with a model that always answers, and drawings."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient

from mnist_backend import registry
from mnist_backend.app import create_app
from mnist_backend.artefact import Artefact, Card
from mnist_backend.lifecycle import Load, Serving
from mnist_backend.predictor import OnnxPredictor, Recognition, Values
from mnist_backend.settings import Settings

from .artefacts import built_artefact, make_card, sure_of, write_artefact

MakeClient = Callable[..., TestClient]


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


@pytest.fixture(scope="session")
def built() -> OnnxPredictor:
    """The model that the image's build has trained."""
    return OnnxPredictor(built_artefact())
