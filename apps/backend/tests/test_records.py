"""Predictions that are kept, what people say about them, and the models that made them."""

import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from mnist_backend import artefact, keys, registry
from mnist_backend.registry import Registry

from . import postgres
from .artefacts import write_artefact
from .conftest import MakeClient, serving_of
from .test_metrics import counted, key

database_url = postgres.database_url
PREDICT, FEEDBACK, MODELS = "/api/v1/predict", "/api/v1/feedback", "/api/v1/models"
BLANK = {"image": [0.0] * 784}
NEW = "0.2.0+test"


def predicted(client: TestClient, **headers: str) -> str:
    """Have a drawing recognised and return the prediction's id."""
    identity: str = client.post(PREDICT, json=BLANK, headers=headers).json()["id"]
    return identity


def told(client: TestClient, identity: str, digit: int) -> Response:
    """Tell the true digit of a prediction."""
    return client.post(FEEDBACK, json={"prediction_id": identity, "digit": digit})


def outcomes(*clients: TestClient) -> dict[str, float]:
    """Return how often feedback was counted as right and as wrong."""
    labels = {"model_version": "0.1.0+test"}
    name = "feedback_total"
    found = [counted(client) for client in clients]
    return {
        outcome: sum(samples.get(key(name, outcome=outcome, **labels), 0) for samples in found)
        for outcome in ("right", "wrong")
    }


def test_a_prediction_can_be_asked_for(make_client: MakeClient, database_url: str) -> None:
    """Right after it was made it is found, as it was answered."""
    client = make_client(database_url=database_url)
    answer = client.post(PREDICT, json=BLANK).json()
    found = client.get(f"/api/v1/predictions/{answer['id']}")
    assert found.status_code == 200
    body = found.json()
    assert body["created"].endswith("Z")
    assert {name: body[name] for name in ("id", "digit", "probabilities", "model_version")} == {
        name: answer[name] for name in ("id", "digit", "probabilities", "model_version")
    }
    assert (body["variant"], body["feedback"]) == ("champion", None)


def test_a_batch_is_kept_drawing_by_drawing(client: TestClient) -> None:
    """Each drawing of a batch has an id that can be asked for, and the header names the model."""
    body = {"images": [BLANK["image"], [[0.0] * 28] * 28]}
    answer = client.post(f"{PREDICT}/batch", json=body)
    assert answer.headers["x-model-version"] == "0.1.0+test"
    identities = [each["id"] for each in answer.json()["predictions"]]
    codes = [client.get(f"/api/v1/predictions/{each}").status_code for each in identities]
    assert codes == [200, 200]


def test_feedback_is_kept_and_counted(make_client: MakeClient, database_url: str) -> None:
    """What was told stands beside the prediction, and right and wrong are counted apart."""
    client = make_client(database_url=database_url)
    right, wrong = predicted(client), predicted(client)
    assert told(client, right, 7).json() == {
        "prediction_id": right,
        "predicted": 7,
        "digit": 7,
        "right": True,
    }
    assert told(client, wrong, 1).json()["right"] is False
    assert client.get(f"/api/v1/predictions/{wrong}").json()["feedback"] == 1
    assert outcomes(client) == {"right": 1, "wrong": 1}


def test_feedback_is_counted_once(client: TestClient) -> None:
    """The same again is welcome and not counted, another digit is a conflict."""
    identity = predicted(client)
    assert [told(client, identity, 7).status_code for _ in range(3)] == [200] * 3
    conflict = told(client, identity, 3)
    assert conflict.status_code == 409
    assert conflict.json()["type"] == "urn:mnist-backend:problem:feedback-conflict"
    assert outcomes(client) == {"right": 1, "wrong": 0}


def test_two_replicas_count_one_feedback_once(make_client: MakeClient, database_url: str) -> None:
    """Told to both at the same moment, many times, each is counted by one of them."""
    replicas = [make_client(database_url=database_url) for _ in range(2)]
    for _ in range(10):
        identity = predicted(replicas[0])
        assert replicas[0].get(f"/api/v1/predictions/{identity}").status_code == 200
        threads = [threading.Thread(target=told, args=(c, identity, 7)) for c in replicas]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert outcomes(*replicas) == {"right": 10, "wrong": 0}


@pytest.mark.parametrize("identity", ["0" * 32, "f" * 32])
def test_an_unknown_prediction_is_told(client: TestClient, identity: str) -> None:
    """Neither found nor taken feedback for."""
    for answer in (client.get(f"/api/v1/predictions/{identity}"), told(client, identity, 1)):
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:mnist-backend:problem:prediction-unknown"


@pytest.mark.parametrize("identity", ["x", "F" * 32, "0" * 33, "%00" * 32, "0" * 31 + "%0A"])
def test_an_id_that_is_none_is_refused(client: TestClient, identity: str) -> None:
    """The problem names the parameter and the rule."""
    answer = client.get(f"/api/v1/predictions/{identity}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "path.id"


@pytest.mark.parametrize(
    "body", [{}, {"prediction_id": "0" * 32, "digit": 10}, {"digit": True}, {"more": 1}, []]
)
def test_feedback_that_is_none_is_refused(client: TestClient, body: object) -> None:
    """A digit is one of ten, and nothing else is taken."""
    assert client.post(FEEDBACK, json=body).status_code == 422


def test_models_are_listed_with_cards_and_aliases(
    make_client: MakeClient, models: Path, tmp_path: Path
) -> None:
    """Every model of the store, whether it serves or not."""
    registry.store(write_artefact(tmp_path / "newer", NEW), models)
    listed = make_client().get(MODELS).json()["models"]
    assert [(m["card"]["model_version"], m["aliases"]) for m in listed] == [
        ("0.1.0+test", ["champion"]),
        (NEW, []),
    ]
    assert listed[0]["card"]["held_out"]["accuracy"] == 1.0


def test_a_promoted_model_answers_at_once(
    make_client: MakeClient, models: Path, tmp_path: Path
) -> None:
    """The answer after a promotion is the new model's, and the act is written down."""
    registry.store(write_artefact(tmp_path / "newer", NEW), models)
    file = tmp_path / "keys.json"
    admin = {"x-api-key": keys.make(file, "operator", ["predict", "admin"], 1)}
    client = make_client(auth="on", keys_file=file)
    answer = client.post(f"{MODELS}/{NEW}/promote", json={"alias": "champion"}, headers=admin)
    assert answer.json() == {"alias": "champion", "model_version": NEW, "before": "0.1.0+test"}
    assert client.post(PREDICT, json=BLANK, headers=admin).json()["model_version"] == NEW
    assert client.get("/ready").headers["x-model-version"] == NEW
    (line,) = Registry(models, tmp_path / "state").history()
    assert line["by"] == admin["x-api-key"].split("_")[1]
    again = client.post(f"{MODELS}/{NEW}/promote", json={"alias": "champion"}, headers=admin)
    assert (again.status_code, "already" in again.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("version", "body", "status"),
    [
        ("9.9.9", {"alias": "champion"}, 404),
        ("..%2F..%2Fetc", {"alias": "champion"}, 404),
        ("x" * 65, {"alias": "champion"}, 422),
        (NEW, {"alias": "king"}, 422),
        (NEW, {}, 422),
    ],
)
def test_a_promotion_of_nothing_is_refused(
    client: TestClient, version: str, body: dict[str, Any], status: int
) -> None:
    """An unknown model or alias changes nothing."""
    answer = client.post(f"{MODELS}/{version}/promote", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/ready").json()["model_version"] == "0.1.0+test"


def test_a_bad_model_is_not_promoted(make_client: MakeClient, models: Path, tmp_path: Path) -> None:
    """One whose files are not what its card says is refused, and the old one goes on."""
    folder = registry.store(write_artefact(tmp_path / "newer", NEW), models)
    (folder / artefact.WEIGHTS).write_bytes(b"others")
    client = make_client()
    answer = client.post(f"{MODELS}/{NEW}/promote", json={"alias": "champion"})
    assert answer.status_code == 409
    assert "cannot be served" in answer.json()["detail"]
    assert client.post(PREDICT, json=BLANK).json()["model_version"] == "0.1.0+test"
    assert serving_of(client).registry.aliases() == {"champion": "0.1.0+test"}


def test_a_broken_store_is_said_to_be(make_client: MakeClient, models: Path) -> None:
    """A card that went bad makes the list unavailable, with the reason, and nothing else."""
    client = make_client()
    (card,) = models.glob("sha256/*/card.json")
    card.write_text("{")
    answer = client.get(MODELS)
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:mnist-backend:problem:model-card-invalid"
    assert client.post(PREDICT, json=BLANK).status_code == 200
