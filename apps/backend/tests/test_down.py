"""A database that is not there: every prediction is answered, and nothing is hidden."""

import json
import threading
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from . import postgres
from .conftest import MakeClient, serving_of
from .postgres import Cluster, empty, until
from .test_metrics import counted, key

cluster = postgres.cluster
PREDICT = "/api/v1/predict"
BLANK = {"image": [0.0] * 784}
NOWHERE = "postgresql://somebody:s3cr3t@127.0.0.1:1/nothing"
SOON = 1  # second: nothing can be written at the end
UNAVAILABLE = "urn:mnist-backend:problem:database-unavailable"


def ask(client: TestClient, count: int) -> int:
    """Ask for predictions and count those that were answered."""
    return sum(client.post(PREDICT, json=BLANK).status_code == 200 for _ in range(count))


def tallies(client: TestClient) -> tuple[float, float, float]:
    """Return what was written, dropped and is waiting."""
    samples = counted(client)
    names = ("recording_written_total", "recording_dropped_total", "recording_queue_length")
    written, dropped, waiting = (samples[key(name)] for name in names)
    return written, dropped, waiting


def test_a_database_that_is_down_at_the_start_costs_no_answer(make_client: MakeClient) -> None:
    """The application is ready, answers all, and counts what found no room."""
    client = make_client(database_url=NOWHERE, database_queue=30, shutdown_seconds=SOON)
    assert client.get("/ready").status_code == 200
    assert ask(client, 50) == 50
    assert tallies(client) == (0, 20, 30)
    assert counted(client)[key("recording_healthy")] == 0


def test_what_needs_the_database_says_that_it_is_down(make_client: MakeClient) -> None:
    """Asking for a prediction and telling its digit end in 503 with Retry-After, and no address."""
    client = make_client(database_url=NOWHERE, shutdown_seconds=SOON)
    identity = client.post(PREDICT, json=BLANK).json()["id"]
    body = {"prediction_id": identity, "digit": 7}
    for answer in (
        client.get(f"/api/v1/predictions/{identity}"),
        client.post("/api/v1/feedback", json=body),
    ):
        assert (answer.status_code, answer.json()["type"]) == (503, UNAVAILABLE)
        assert answer.headers["retry-after"] == "5"
        assert not any(word in answer.text for word in ("s3cr3t", "somebody", "127.0.0.1"))


def test_a_database_in_the_way_is_waited_for(make_client: MakeClient, tmp_path: Path) -> None:
    """What was answered before the database could be opened is written once it can be."""
    folder = tmp_path / "later"
    folder.write_text("not a folder")
    client = make_client(database_url=f"sqlite:///{folder / 'a.sqlite3'}")
    assert ask(client, 10) == 10
    assert tallies(client) == (0, 0, 10)
    folder.unlink()
    assert until(lambda: tallies(client) == (10, 0, 0))
    assert counted(client)[key("recording_healthy")] == 1


def test_a_server_that_is_stopped_and_started_under_load(
    cluster: Cluster, make_client: MakeClient
) -> None:
    """Every prediction is answered throughout, and what was dropped is what the metric says."""
    with empty(cluster.url) as url:
        client = make_client(database_url=url, database_queue=200, rate_limit="")
        answered, asked, enough = [0], [0], threading.Event()

        def load() -> None:
            while not enough.is_set():
                asked[0] += 10
                answered[0] += ask(client, 10)

        loading = threading.Thread(target=load)
        loading.start()
        assert until(lambda: tallies(client)[0] > 50)
        cluster.stop()
        assert until(lambda: tallies(client)[1] > 20)
        cluster.start()
        before = tallies(client)[0]
        assert until(lambda: tallies(client)[0] > before + 200)
        enough.set()
        loading.join()
        serving = serving_of(client)
        assert serving.recorder.flush(30)
        written, dropped, waiting = tallies(client)
        assert answered == asked
        assert (written + dropped, waiting) == (asked[0], 0)
        assert serving.database.count() == written
        serving.stop()


@pytest.mark.parametrize("stored", [True, False])
def test_the_drawing_is_kept_only_where_that_was_asked_for(
    make_client: MakeClient, stored: bool
) -> None:
    """By default nothing of the drawing itself reaches the database."""
    client = make_client(store_images=stored)
    identity = json.loads(client.post(PREDICT, json=BLANK).content)["id"]
    serving = serving_of(client)
    assert serving.recorder.flush(30)
    found = serving.database.find(identity, "")
    assert found
    assert (found.record.image is not None) == stored
