"""From the start to the end of an application: which models serve, and why."""

import logging
from pathlib import Path

import pytest

from mnist_backend import artefact, lifecycle, registry
from mnist_backend.artefact import Artefact
from mnist_backend.lifecycle import Serving
from mnist_backend.predictor import Recognition, Values
from mnist_backend.registry import ALIASES, Registry
from mnist_backend.settings import Settings

from .artefacts import write_artefact
from .conftest import CertainPredictor, MakeClient, always, serving_of
from .postgres import until

NEW = "0.2.0+test"
PREDICT = "/api/v1/predict"
BLANK = {"image": [0.0] * 784}


class Forgetful(CertainPredictor):
    """Sees a seven in its golden pictures too."""

    def recognise(self, values: Values) -> Recognition:
        """See a seven."""
        return super().recognise(values * 0)


class Crashing(CertainPredictor):
    """Loads, and cannot be run."""

    def recognise(self, values: Values) -> Recognition:
        """Fail."""
        raise RuntimeError(len(values))


def serving(models: Path, state: Path, load: lifecycle.Load = always) -> Serving:
    """Return what an application shares, with its models loaded."""
    made = Serving(Settings(models_dir=models, state_dir=state), load)
    made.refresh()
    return made


@pytest.fixture
def newer(models: Path, tmp_path: Path) -> Path:
    """The folder of a second model in the store."""
    return registry.store(write_artefact(tmp_path / "newer", NEW), models)


@pytest.mark.parametrize("name", [artefact.NETWORK, artefact.WEIGHTS, artefact.CARD])
def test_a_model_with_a_wrong_hash_is_not_ready(
    make_client: MakeClient, models: Path, name: str
) -> None:
    """One changed byte in any of its files, and `ready` says which hash is wrong."""
    (path,) = models.glob(f"sha256/*/{name}")
    path.write_bytes(path.read_bytes().replace(b"n", b"m", 1).replace(b"w", b"v", 1))
    answer = make_client().get("/ready")
    assert answer.status_code == 503
    assert path.name in answer.json()["detail"] or "SHA-256" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "told"), [(Forgetful, "fails its golden image 0"), (Crashing, "does not run")]
)
def test_a_model_that_answers_wrong_is_not_ready(
    make_client: MakeClient, kind: type[CertainPredictor], told: str
) -> None:
    """Right hashes do not help a network that misses its golden images."""
    client = make_client(lambda model, _: kind(model.card))
    answer = client.get("/ready")
    assert (answer.status_code, told in answer.json()["detail"]) == (503, True)
    assert client.post(PREDICT, json=BLANK).status_code == 503


@pytest.mark.parametrize("content", ["{", "[]", '{"champion": "9.9.9"}', "{}"])
def test_aliases_that_are_broken_are_told(
    make_client: MakeClient, models: Path, content: str
) -> None:
    """The application starts, is not ready, says why, and is ready when they are put right."""
    whole = (models / ALIASES).read_text()
    (models / ALIASES).write_text(content)
    client = make_client()
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert any(word in answer.json()["detail"] for word in ("aliases", "9.9.9", "champion"))
    (models / ALIASES).write_text(whole)
    serving_of(client).refresh()
    assert client.get("/ready").status_code == 200


def test_a_folder_that_cannot_be_read_is_told(make_client: MakeClient, models: Path) -> None:
    """A file system that refuses is a reason like any other."""
    (models / ALIASES).unlink()
    (models / ALIASES).mkdir()
    answer = make_client().get("/ready")
    assert (answer.status_code, "directory" in answer.json()["detail"]) == (503, True)


@pytest.mark.usefixtures("newer")
def test_a_promotion_by_another_process_is_noticed(
    make_client: MakeClient, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch looks again and again, and what it finds answers from then on."""
    monkeypatch.setattr(lifecycle, "WATCH_SECONDS", 0.01)
    client = make_client()
    Registry(models, tmp_path / "state").promote(NEW, "champion", "somebody")
    assert until(lambda: client.get("/ready").json()["model_version"] == NEW)


def test_the_watch_outlives_what_nobody_expected(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A look that fails is logged, and the application goes on."""
    monkeypatch.setattr(lifecycle, "WATCH_SECONDS", 0.01)
    client = make_client()

    def failing() -> None:
        message = "odd"
        raise RuntimeError(message)

    monkeypatch.setattr(serving_of(client), "refresh", failing)
    assert until(lambda: caplog.text.count("odd") > 1)
    assert client.post(PREDICT, json=BLANK).status_code == 200


def test_a_bad_champion_never_takes_the_place_of_a_good_one(
    models: Path, tmp_path: Path, newer: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Promoted elsewhere and broken, it is told once, and the old one goes on serving."""
    running = serving(models, tmp_path / "state")
    registry.Registry(models, tmp_path / "state").promote(NEW, "champion", "somebody")
    (newer / artefact.NETWORK).write_bytes(b"others")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            running.refresh()
    assert running.version == "0.1.0+test"
    assert len(caplog.messages) == 1
    assert "models_in_step 0.0" in running.metrics.render().decode()
    (newer / artefact.NETWORK).write_bytes(b"network")
    running.refresh()
    assert running.version == NEW
    assert "models_in_step 1.0" in running.metrics.render().decode()


def test_a_bad_challenger_does_not_stop_the_champion(
    models: Path, tmp_path: Path, newer: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The champion serves alone, and the log says why."""
    registry.Registry(models, tmp_path / "state").promote(NEW, "challenger", "somebody")
    (newer / artefact.NETWORK).write_bytes(b"others")
    running = serving(models, tmp_path / "state")
    assert running.version == "0.1.0+test"
    assert "the challenger: " in caplog.text
    assert 'alias="challenger"' not in running.metrics.render().decode()
    (newer / artefact.NETWORK).write_bytes(b"network")
    running.refresh()
    assert 'alias="challenger"' in running.metrics.render().decode()


@pytest.mark.usefixtures("newer")
def test_a_model_is_loaded_once(models: Path, tmp_path: Path) -> None:
    """Looking again loads nothing, and a challenger that becomes champion is not loaded anew."""
    loads: list[str] = []

    def counting(model: Artefact, _: str) -> CertainPredictor:
        loads.append(model.card.model_version)
        return CertainPredictor(model.card)

    running = serving(models, tmp_path / "state", counting)
    running.promote(NEW, "challenger", "somebody")
    running.promote(NEW, "champion", "somebody")
    running.refresh()
    assert loads == ["0.1.0+test", NEW]
    assert running.version == NEW


def test_the_reference_of_a_model_is_a_metric(make_client: MakeClient) -> None:
    """What the held-out pictures looked like is told beside what is seen now, bin by bin."""
    page = serving_of(make_client()).metrics.render().decode()
    lines = [line for line in page.splitlines() if line.startswith("model_reference_ratio{")]
    features = {"digit": 10, "confidence": 6, "ink": 11}
    for feature, count in features.items():
        found = [line for line in lines if f'feature="{feature}"' in line]
        assert len(found) == count
        total = sum(float(line.rsplit(" ", 1)[1]) for line in found)
        assert total == pytest.approx(1)
    edges = {line.split('bin="')[1].split('"')[0] for line in lines if 'feature="ink"' in line}
    counted = [line for line in page.splitlines() if line.startswith("prediction_ink_ratio_bucket")]
    told = {line.split('le="')[1].split('"')[0] for line in counted} - {"+Inf"}
    assert edges == told


def test_an_end_without_a_start_is_quiet(models: Path, tmp_path: Path) -> None:
    """Whatever was made can be ended."""
    made = serving(models, tmp_path / "state")
    made.stop()
    assert made.recorder.depth == 0
