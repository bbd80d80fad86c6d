"""The journeys of those who mean well: predict, ask again, tell the truth, promote."""

import secrets
import time
from collections.abc import Callable

import httpx
import psycopg
import pytest
from document import Document
from metrics import Metrics
from pictures import LINES, greys, png, rows

API = "/api/v1"
ARRIVAL_SECONDS = 30.0  # far more than the service takes to write
FORGIVEN_SECONDS = 90.0  # failures are counted by the minute
UNKNOWN = "0" * 32
MEMBERS = {"type", "title", "status", "detail", "instance"}


def predicted(client: httpx.Client, image: object) -> dict:
    """Return the answer to a drawing."""
    answer = client.post(f"{API}/predict", json={"image": image})
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(client: httpx.Client, identity: str, digit: int) -> httpx.Response:
    """Tell the true digit of a prediction."""
    return client.post(f"{API}/feedback", json={"prediction_id": identity, "digit": digit})


def unknown(nobody: httpx.Client) -> httpx.Response:
    """Ask without a key; other tests fail to say who they are, too, so it may be refused first."""
    deadline = time.monotonic() + FORGIVEN_SECONDS
    while True:
        answer = nobody.get(f"{API}/models")
        if answer.status_code != 429 or time.monotonic() > deadline:
            return answer
        time.sleep(1)


def row(database: psycopg.Connection, identity: str, columns: str, table: str, key: str) -> tuple:
    """Return a row as soon as it is there; the service writes behind its answers."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    query = f"SELECT {columns} FROM {table} WHERE {key} = %s"  # noqa: S608  names of this file
    while time.monotonic() < deadline:
        found = database.execute(query, (identity,)).fetchone()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"{table} holds no row of {identity}")


def test_every_operation_of_the_document_is_asked_here(document: Document) -> None:
    """An operation that is added gets its journey, too."""
    assert {*document.operations} == {
        ("GET", "/health"),
        ("GET", "/ready"),
        ("GET", f"{API}/models"),
        ("GET", f"{API}/predictions/{{id}}"),
        ("POST", f"{API}/feedback"),
        ("POST", f"{API}/models/{{version}}/promote"),
        ("POST", f"{API}/predict"),
        ("POST", f"{API}/predict/batch"),
    }


@pytest.mark.parametrize("digit", LINES)
def test_the_three_forms_of_a_drawing_give_its_digit(first: httpx.Client, digit: int) -> None:
    """784 numbers, 28 rows of them, and a picture are one drawing."""
    answers = [predicted(first, image) for image in (greys(digit), rows(digit), png(digit))]
    assert [answer["digit"] for answer in answers] == [digit] * 3
    assert answers[0]["probabilities"] == pytest.approx(answers[1]["probabilities"], abs=1e-6)
    assert len({answer["id"] for answer in answers}) == 3


def test_a_batch_answers_as_its_drawings_do_alone(first: httpx.Client) -> None:
    """Digit and probabilities are the same, in the same order, whatever the form."""
    drawings = [form(digit) for digit in LINES for form in (greys, rows, png)]
    answer = first.post(f"{API}/predict/batch", json={"images": drawings})
    assert answer.status_code == 200, answer.text
    together, alone = answer.json()["predictions"], [predicted(first, d) for d in drawings]
    assert [one["digit"] for one in together] == [one["digit"] for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)
        assert one["model_version"] == other["model_version"]


def test_a_prediction_can_be_asked_for_by_its_owner_alone(
    first: httpx.Client, second: httpx.Client
) -> None:
    """To anybody else it does not exist."""
    made = predicted(first, greys(7))
    stored = first.get(f"{API}/predictions/{made['id']}")
    assert stored.status_code == 200, stored.text
    assert stored.json()["digit"] == made["digit"]
    assert stored.json()["probabilities"] == pytest.approx(made["probabilities"])
    assert (stored.json()["variant"], stored.json()["feedback"]) == ("champion", None)
    assert second.get(f"{API}/predictions/{made['id']}").status_code == 404
    assert told(second, made["id"], 7).status_code == 404
    assert first.get(f"{API}/predictions/{UNKNOWN}").status_code == 404


def test_feedback_is_taken_once_and_kept(first: httpx.Client) -> None:
    """The same digit may be told again, another one contradicts."""
    right, wrong = predicted(first, greys(1)), predicted(first, greys(1))
    said = told(first, right["id"], 1)
    assert (said.status_code, said.json()["right"]) == (200, True)
    assert told(first, right["id"], 1).json() == said.json()
    assert told(first, right["id"], 2).status_code == 409
    said = told(first, wrong["id"], 7)
    assert (said.json()["right"], said.json()["predicted"], said.json()["digit"]) == (False, 1, 7)
    assert first.get(f"{API}/predictions/{wrong['id']}").json()["feedback"] == 7


def test_models_are_listed_with_their_cards(first: httpx.Client) -> None:
    """One of them is the champion, and it is the one that answers."""
    models = first.get(f"{API}/models").json()["models"]
    (champion,) = [m["card"]["model_version"] for m in models if "champion" in m["aliases"]]
    assert champion == predicted(first, greys(0))["model_version"]
    assert champion == first.get("/ready").json()["model_version"]


def test_only_an_administrator_promotes(first: httpx.Client, admin: httpx.Client) -> None:
    """A model can have an alias once; what does not exist cannot have one."""
    models = first.get(f"{API}/models").json()["models"]
    (champion,) = [m for m in models if "champion" in m["aliases"]]
    path = f"{API}/models/{champion['card']['model_version']}/promote"
    assert first.post(path, json={"alias": "challenger"}).status_code == 403
    assert admin.post(path, json={"alias": "champion"}).status_code == 409
    wanted = 409 if "challenger" in champion["aliases"] else 200
    assert admin.post(path, json={"alias": "challenger"}).status_code == wanted
    assert admin.post(path, json={"alias": "king"}).status_code == 422
    assert (
        admin.post(f"{API}/models/nothing/promote", json={"alias": "champion"}).status_code == 404
    )
    after = first.get(f"{API}/models").json()["models"]
    assert {"champion", "challenger"} in [{*model["aliases"]} for model in after]


def test_every_answer_names_its_request_and_its_model(
    first: httpx.Client, nobody: httpx.Client
) -> None:
    """An id that a caller gives comes back; where none is given one is made."""
    version = first.get("/ready").json()["model_version"]
    asked = {"X-Request-Id": f"contract-{secrets.token_hex(8)}"}
    for client, path in ((first, f"{API}/models"), (nobody, f"{API}/models"), (nobody, "/health")):
        answer = client.get(path, headers=asked)
        assert answer.headers["X-Request-Id"] == asked["X-Request-Id"]
        assert answer.headers["X-Model-Version"] == version
        assert len(client.get(path).headers["X-Request-Id"]) >= 8


@pytest.mark.usefixtures("keys")
def test_what_goes_wrong_is_told_in_a_problem_body(
    first: httpx.Client, nobody: httpx.Client
) -> None:
    """Status, media type and members are those of RFC 9457, whoever refuses."""
    predict = f"{API}/predict"
    refused = {
        400: first.post(predict, content="{", headers={"content-type": "application/json"}),
        401: unknown(nobody),
        403: first.post(f"{API}/models/x/promote", json={"alias": "champion"}),
        404: first.get(f"{API}/predictions/{UNKNOWN}"),
        413: first.post(predict, json={"image": [0.123456789012345678] * 20_000}),
        415: first.post(predict, content="1", headers={"content-type": "text/plain"}),
        422: first.post(predict, json={"image": [2.0] * 784}),
    }
    with httpx.Client(base_url=first.base_url, trust_env=False) as stranger:
        refused[405] = stranger.delete(predict)
        unrouted = stranger.get("/nowhere")
    for status, answer in [*refused.items(), (404, unrouted)]:
        problem = answer.json()
        assert (answer.status_code, problem["status"]) == (status, status)
        assert answer.headers["content-type"].partition(";")[0] == "application/problem+json"
        assert {*problem} >= MEMBERS
        assert problem["instance"] == answer.request.url.path
    assert refused[401].headers["WWW-Authenticate"].startswith("Bearer")
    assert refused[405].headers["Allow"] == "POST"


def test_what_happens_is_counted(first: httpx.Client, metrics: Callable[[], Metrics]) -> None:
    """Predictions by digit and model, feedback by outcome, and which model serves."""
    before = metrics()
    made = predicted(first, greys(7))
    version = made["model_version"]
    told(first, made["id"], 7)
    told(first, predicted(first, greys(7))["id"], 1)
    after = metrics()

    def more(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    assert more("predictions_total", digit="7", model_version=version) == 2
    assert more("prediction_confidence_ratio_count", model_version=version) == 2
    assert more("prediction_ink_ratio_count", model_version=version) == 2
    assert more("feedback_total", outcome="right", model_version=version) == 1
    assert more("feedback_total", outcome="wrong", model_version=version) == 1
    assert more("http_requests_total", route=f"{API}/predict", status="200") == 2
    assert after.value("model_info", version=version, alias="champion") == 1


def test_what_happens_is_in_the_database(
    first: httpx.Client, database: psycopg.Connection, keys: dict[str, str]
) -> None:
    """A prediction's row names its owner and variant, and feedback is beside it."""
    made = predicted(first, greys(1))
    columns = "owner, variant, digit, model_version, shadow, image"
    found = row(database, made["id"], columns, "predictions", "id")
    owner = keys["first"].split("_")[1]
    assert found == (owner, "champion", 1, made["model_version"], False, None)
    told(first, made["id"], 1)
    assert row(database, made["id"], "digit", "feedback", "prediction_id") == (1,)
