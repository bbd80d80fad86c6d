"""What the tests share: an application with a model that always answers, and drawings."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from mnist_backend import artefact
from mnist_backend.app import Load, create_app
from mnist_backend.artefact import Accuracy, Card, Files
from mnist_backend.predictor import OnnxPredictor, Recognition
from mnist_backend.settings import Settings

BUILT_MODEL = Path("/model")  # what the image's build has trained

MakeClient = Callable[..., TestClient]


def make_card(network: bytes = b"network", weights: bytes = b"weights") -> Card:
    """Return a card that fits the two files."""
    return Card(
        model_version="0.1.0+test",
        data="none",
        configuration={},
        mean=0.1,
        deviation=0.3,
        accuracy=Accuracy(
            held_out=1.0,
            held_out_count=1,
            drawings=1.0,
            drawings_count=10,
            drawings_by_digit=[1.0] * 10,
        ),
        data_sha256="0" * 64,
        code_sha256="0" * 64,
        libraries={},
        files=Files(network=artefact.sha256(network), weights=artefact.sha256(weights)),
    )


class CertainPredictor:
    """Sees a seven in everything."""

    card = make_card()

    def recognise(self, values: Sequence[float]) -> Recognition:
        """See a seven in any 784 values."""
        assert len(values) == 784
        return Recognition(7, tuple(0.91 if digit == 7 else 0.01 for digit in range(10)))


def always(_: Path) -> CertainPredictor:
    """Load the predictor that always answers."""
    return CertainPredictor()


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[MakeClient]:
    """Start an application with any way to load its model."""
    started: list[TestClient] = []

    def make(load: Load = always) -> TestClient:
        app = create_app(Settings(model_dir=tmp_path), load)
        client = TestClient(app, raise_server_exceptions=False)
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
    return OnnxPredictor.load(BUILT_MODEL)
