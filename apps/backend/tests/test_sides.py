"""Champion and challenger side by side, over HTTP: who meets which, and what is kept of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from mnist_backend import keys, registry
from mnist_backend.artefact import Artefact
from mnist_backend.database import shadow_of
from mnist_backend.experiment import assigned
from mnist_backend.predictor import Recognition, Values
from mnist_backend.registry import Registry

from .artefacts import sure_of, write_artefact
from .conftest import CertainPredictor, MakeClient, serving_of
from .test_metrics import counted, key

PREDICT, FEEDBACK = "/api/v1/predict", "/api/v1/feedback"
BLANK = {"image": [0.0] * 784}
OLD, NEW = "0.1.0+test", "0.2.0+test"
SALT = "a salt of this test"
SESSIONS = [f"session-{number}" for number in range(40)]

Sides = Callable[..., TestClient]


class Other(CertainPredictor):
    """Sees a three where the champion sees a seven."""

    def recognise(self, values: Values) -> Recognition:
        """See a three."""
        seen = super().recognise(values)
        return seen if seen.digit != 7 else Recognition(3, sure_of(3), 0.1)


def either(model: Artefact, _: str = "") -> CertainPredictor:
    """Load the champion, or the challenger that sees otherwise."""
    kind = Other if model.card.model_version == NEW else CertainPredictor
    return kind(model.card)


@pytest.fixture
def sides(make_client: MakeClient, models: Path, tmp_path: Path) -> Sides:
    """An application with a challenger beside its champion."""
    registry.store(write_artefact(tmp_path / "newer", NEW), models)
    Registry(models, tmp_path / "state").promote(NEW, "challenger", "somebody")

    def make(**settings: object) -> TestClient:
        return make_client(either, **{"experiment_salt": SALT, **settings})

    return make


def versions(client: TestClient, *sessions: str) -> list[str]:
    """Return which model answers each session."""
    found = []
    for session in sessions:
        answer = client.post(PREDICT, json=BLANK, headers={"x-session-id": session})
        assert answer.headers["x-model-version"] == answer.json()["model_version"]
        found.append(answer.json()["model_version"])
    return found


def test_a_session_meets_one_model_on_every_replica(sides: Sides) -> None:
    """The salted hash of a session decides, so that any replica decides alike."""
    one, other = sides(challenger_share=0.5), sides(challenger_share=0.5)
    found = versions(one, *SESSIONS)
    assert found == versions(other, *SESSIONS) == versions(one, *SESSIONS)
    hashed = [assigned(SALT.encode(), session, 0.5) for session in SESSIONS]
    assert found == [NEW if variant == "challenger" else OLD for variant in hashed]
    assert set(found) == {OLD, NEW}


def test_a_batch_meets_the_model_of_its_session(sides: Sides) -> None:
    """Both ways of asking are answered by one model."""
    client = sides(challenger_share=0.5)
    for session in SESSIONS[:10]:
        headers = {"x-session-id": session}
        body = {"images": [BLANK["image"]] * 2}
        batch = client.post(f"{PREDICT}/batch", json=body, headers=headers)
        (version,) = versions(client, session)
        assert {each["model_version"] for each in batch.json()["predictions"]} == {version}
        assert batch.headers["x-model-version"] == version


def test_without_a_session_the_key_decides(sides: Sides, tmp_path: Path) -> None:
    """All requests of a key meet one model, and keys meet different ones."""
    file = tmp_path / "keys.json"
    made = [keys.make(file, f"key-{number}", ["predict"], 1) for number in range(12)]
    client = sides(challenger_share=0.5, auth="on", keys_file=file)
    found = []
    for each in made:
        answers = [client.post(PREDICT, json=BLANK, headers={"x-api-key": each}) for _ in range(3)]
        (version,) = {answer.json()["model_version"] for answer in answers}
        found.append(version)
    wanted = [assigned(SALT.encode(), each.split("_")[1], 0.5) for each in made]
    assert found == [NEW if variant == "challenger" else OLD for variant in wanted]


def test_an_exposure_is_counted_and_kept(sides: Sides) -> None:
    """Each session counts once, under its variant, and so does each stored prediction."""
    client = sides(challenger_share=0.5)
    found = versions(client, *SESSIONS, *SESSIONS)
    samples = counted(client)
    for variant, version in (("champion", OLD), ("challenger", NEW)):
        exposures = samples[key("experiment_exposures_total", variant=variant)]
        assert exposures == found[: len(SESSIONS)].count(version)
    for session in SESSIONS[:10]:
        answer = client.post(PREDICT, json=BLANK, headers={"x-session-id": session}).json()
        stored = client.get(f"/api/v1/predictions/{answer['id']}").json()
        wanted = "challenger" if answer["model_version"] == NEW else "champion"
        assert stored["variant"] == wanted


def test_the_sample_ratio_is_checked(sides: Sides) -> None:
    """A right split has a likely p-value; a split that somebody bent has not."""
    client = sides(challenger_share=0.5)
    versions(client, *SESSIONS)
    name = key("experiment_sample_ratio_p_value")
    assert counted(client)[name] > 0.001
    assert counted(client)[key("experiment_challenger_share_ratio")] == 0.5
    serving_of(client).experiment.exposures["champion"] += 100
    assert counted(client)[name] < 0.001


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_shadow_answers_nobody(sides: Sides, share: float) -> None:
    """The challenger sees every drawing, is written down and compared, and never answers."""
    client = sides(challenger_share=share, challenger_shadow=True)
    assert set(versions(client, *SESSIONS)) == {OLD}
    body = {"images": [BLANK["image"]] * 3}
    assert client.post(f"{PREDICT}/batch", json=body).headers["x-model-version"] == OLD
    samples = counted(client)
    seen = len(SESSIONS) + 3
    assert samples[key("shadow_predictions_total", agrees="false")] == seen
    assert samples[key("predictions_total", digit="7", model_version=OLD)] == seen
    assert key("predictions_total", digit="3", model_version=NEW) not in samples or (
        samples[key("predictions_total", digit="3", model_version=NEW)] == 0
    )
    serving = serving_of(client)
    assert serving.recorder.flush(30)
    assert serving.database.count() == 2 * seen
    assert key("experiment_exposures_total", variant="challenger") not in samples


@pytest.mark.parametrize(("digit", "champion", "challenger"), [(7, 1, 0), (3, 0, 1), (5, 0, 0)])
def test_feedback_judges_the_shadow_too(
    sides: Sides, digit: int, champion: int, challenger: int
) -> None:
    """A true digit counts once for the model that answered and once for the one in its shadow."""
    client = sides(challenger_shadow=True)
    body = {"images": [BLANK["image"]] * 2}
    answers = client.post(f"{PREDICT}/batch", json=body).json()["predictions"]
    for told in (answers[1], answers[1]):
        feedback = {"prediction_id": told["id"], "digit": digit}
        assert client.post(FEEDBACK, json=feedback).json()["right"] == bool(champion)
    samples = counted(client)
    for name, version, right in (
        ("feedback_total", OLD, champion),
        ("shadow_feedback_total", NEW, challenger),
    ):
        found = [
            samples.get(key(name, outcome=outcome, model_version=version), 0)
            for outcome in ("right", "wrong")
        ]
        assert found == [right, 1 - right]


def test_a_shadow_is_nobodys_prediction(sides: Sides) -> None:
    """What the challenger saw can neither be asked for nor be told about by its id."""
    client = sides(challenger_shadow=True)
    hidden = shadow_of(client.post(PREDICT, json=BLANK).json()["id"])
    serving = serving_of(client)
    assert serving.recorder.flush(30)
    kept = serving.database.find(hidden, None)
    assert kept
    assert kept.record.shadow
    assert client.get(f"/api/v1/predictions/{hidden}").status_code == 404
    assert client.post(FEEDBACK, json={"prediction_id": hidden, "digit": 3}).status_code == 404


def test_feedback_without_a_shadow_counts_once(sides: Sides) -> None:
    """Where the challenger saw nothing there is nothing to judge it by."""
    identity = sides().post(PREDICT, json=BLANK).json()["id"]
    client = sides(challenger_shadow=True)
    feedback = {"prediction_id": identity, "digit": 7}
    assert client.post(FEEDBACK, json=feedback).json()["right"]
    samples = counted(client)
    assert samples[key("feedback_total", outcome="right", model_version=OLD)] == 1
    assert not [name for name, _ in samples if name == "shadow_feedback_total"]


def test_a_share_of_nothing_is_no_experiment(sides: Sides) -> None:
    """A challenger without a share and without a shadow is loaded and meets nobody."""
    client = sides()
    assert set(versions(client, *SESSIONS)) == {OLD}
    samples = counted(client)
    assert key("experiment_exposures_total", variant="champion") not in samples
    assert samples[key("experiment_sample_ratio_p_value")] == 1
