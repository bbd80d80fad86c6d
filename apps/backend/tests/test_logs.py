"""What is logged, in which form, and what never is."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnist_backend import keys, logs

from . import issuers
from .artefacts import BUILT_MODELS
from .conftest import MakeClient
from .processes import serving

issuer = issuers.issuer
PREDICT = "/api/v1/predict"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
CANARY = 0.123456789  # in a drawing
BODY = {"image": [CANARY] * 784}


@pytest.fixture
def configure() -> Iterator[Callable[[], None]]:
    """Set logging up as the server does, when a test says so; it is taken back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield lambda: logs.configure("debug")
    root.handlers[:] = before
    root.setLevel(level)


def lines(text: str) -> list[dict[str, Any]]:
    """Return every line, each a JSON object."""
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_is_an_object(
    capsys: pytest.CaptureFixture[str], configure: Callable[[], None]
) -> None:
    """A record of any logger has time, level, logger and event, and what was given with it."""
    configure()
    logging.getLogger("somebody").warning("%d of %s", 3, "them", extra={"request_id": "r"})
    try:
        message = "broken\nin two lines"
        raise ValueError(message)
    except ValueError:
        logging.getLogger("somebody").exception("it failed")
    first, second = lines(capsys.readouterr().out)
    assert first["event"] == "3 of them"
    assert (first["level"], first["logger"], first["request_id"]) == ("warning", "somebody", "r")
    assert first["time"].endswith("Z")
    assert "ValueError: broken\nin two lines" in second["exception"]


@pytest.mark.parametrize(
    ("parent", "trace"),
    [
        (PARENT, TRACE),
        ("", ""),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", ""),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", ""),
        ("junk", ""),
    ],
)
def test_a_request_is_logged_with_its_ids(
    make_client: MakeClient,
    capsys: pytest.CaptureFixture[str],
    configure: Callable[[], None],
    parent: str,
    trace: str,
) -> None:
    """Request id and trace id stand in the line, and junk for a trace does not."""
    configure()
    client = make_client(access_log="all")
    capsys.readouterr()
    answer = client.post(PREDICT, json=BODY, headers={"traceparent": parent})
    (told,) = [line for line in lines(capsys.readouterr().out) if line["event"] == "request"]
    assert told["request_id"] == answer.headers["x-request-id"]
    assert told["trace_id"] == trace
    assert (told["method"], told["route"], told["status"]) == ("POST", PREDICT, 200)
    assert told["seconds"] >= 0


@pytest.mark.parametrize(
    ("policy", "statuses"), [("off", []), ("failures", [401, 503]), ("all", [200, 404, 401, 503])]
)
def test_the_policy_decides_what_is_logged(
    make_client: MakeClient,
    capsys: pytest.CaptureFixture[str],
    configure: Callable[[], None],
    tmp_path: Path,
    policy: str,
    statuses: list[int],
) -> None:
    """Nothing, what failed, or every request."""
    configure()
    file = tmp_path / "keys.json"
    keys.make(file, "laptop", ["predict"], 1)
    client = make_client(access_log=policy)
    closed = make_client(access_log=policy, auth="on", keys_file=file)
    empty = make_client(access_log=policy, models_dir=Path("/nothing"))
    capsys.readouterr()
    client.get("/health")
    client.get("/nowhere")
    closed.post(PREDICT, json=BODY)
    empty.get("/ready")
    told = [line for line in lines(capsys.readouterr().out) if line["event"] == "request"]
    assert [line["status"] for line in told] == statuses


def test_no_secret_is_logged(tmp_path: Path, issuer: issuers.Issuer) -> None:
    """Of a real server's log, all lines are JSON, and none holds a key, a token or a body."""
    file = tmp_path / "keys.json"
    key, token = keys.make(file, "laptop", ["predict", "feedback"], 1), issuer.token()
    wrong = f"mnist_{'0' * 12}_{'S' * 43}"
    settings = {
        "models_dir": BUILT_MODELS,
        "auth": "on",
        "keys_file": file,
        "oidc_issuer": issuer.url,
        "log_level": "debug",
        "access_log": "all",
        "database_url": f"sqlite:///{tmp_path / 'canary-name.sqlite3'}",
    }
    with serving(tmp_path, **settings) as process, process.client() as client:
        for credential in ({"x-api-key": key}, {"authorization": f"Bearer {token}"}):
            assert client.post(PREDICT, json=BODY, headers=credential).status_code == 200
        for credential in ({"x-api-key": wrong}, {"authorization": f"Bearer {token}x"}):
            assert client.post(PREDICT, json=BODY, headers=credential).status_code == 401
        client.post(
            f"{PREDICT}?api_key={key}", json={"image": [CANARY]}, headers={"x-api-key": key}
        )
        issuer.answers.clear()
        process.process.terminate()
        assert process.ended() == 0
        text = process.log.read_text()
    told = lines(text)
    assert sum(line["event"] == "request" for line in told) >= 5
    for secret in (key, key.split("_", 2)[2], token, token.split(".")[2], wrong, str(CANARY)):
        assert secret not in text
