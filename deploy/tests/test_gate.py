"""The gate asks golden images and sends its requests when they are due."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mnist_deploy import gate

GOLDEN = Path(__file__).resolve().parents[1] / "golden.json"


class Service(ThreadingHTTPServer):
    """Answers every request with one digit, or fails some."""

    request_queue_size = 64

    def __init__(self, *, fail_every: int = 0, slow_seconds: float = 0.0) -> None:
        """Listen on any port."""
        self.fail_every, self.slow_seconds, self.seen = fail_every, slow_seconds, 0
        self.keys: set[str] = set()
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Service

    def do_POST(self) -> None:
        """Answer as the service shall."""
        service = self.server
        with service.lock:
            service.seen += 1
            failed = service.fail_every and service.seen % service.fail_every == 0
        service.keys.add(self.headers.get("X-API-Key", ""))
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(service.slow_seconds)
        content = json.dumps({"digit": 3}).encode()
        self.send_response(500 if failed else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def served() -> Iterator[list[Service]]:
    """Services that run until the test ends."""
    services: list[Service] = []
    yield services
    for service in services:
        service.shutdown()
        service.server_close()


def start(served: list[Service], service: Service) -> str:
    """Run a service; returns its address."""
    served.append(service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{service.server_port}"


def test_golden_images_are_two_of_each_digit() -> None:
    """They are small pictures of every digit, in two hands."""
    images = gate.golden(GOLDEN)
    assert sorted(str(image["digit"]) for image in images) == sorted("0123456789" * 2)
    for image in images:
        assert base64.b64decode(str(image["png"])).startswith(b"\x89PNG")


def test_wrong_answers_are_told_one_by_one(served: list[Service]) -> None:
    """A service that sees threes only is wrong about all the others."""
    url = start(served, Service())
    wrong = gate.wrong_answers(url, gate.golden(GOLDEN))
    assert len(wrong) == 18
    assert wrong[0] == "number 0 is a 0 and was answered with 3"


def test_a_service_that_is_away_is_a_wrong_answer() -> None:
    """Nobody at the address means that nothing is right."""
    wrong = gate.wrong_answers("http://127.0.0.1:9", gate.golden(GOLDEN)[:1])
    assert "Error" in wrong[0]


def test_failures_are_counted(served: list[Service]) -> None:
    """Each tenth request fails, and the others have a time."""
    url = start(served, Service(fail_every=10))
    asked = gate.load(url, ["{}"], 100, 500.0)
    assert asked.failures == {"status 500": 10}
    assert len(asked.seconds) == 90


def test_waiting_in_line_counts(served: list[Service]) -> None:
    """Requests that a slow service keeps waiting are timed from when they were due."""
    url = start(served, Service(slow_seconds=0.05))
    asked = gate.load(url, ["{}"], 100, 2000.0)
    assert max(asked.seconds) > 0.1  # four rounds of 24 connections, each of 50 ms


def test_a_service_that_is_far_too_slow_is_not_waited_for(
    served: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent until then tells enough; the rest is not sent."""
    monkeypatch.setattr(gate, "LATE_SECONDS", 0.1)
    url = start(served, Service(slow_seconds=0.2))
    asked = gate.load(url, ["{}"], 200, 2000.0)
    assert 0 < len(asked.seconds) < 200
    assert not asked.failures


def test_the_gate_says_who_it_is(served: list[Service], tmp_path: Path) -> None:
    """Its key is a file, and is sent without the newline."""
    key = tmp_path / "key"
    key.write_text("mnist_0123_secret\n")
    service = Service()
    url = start(served, service)
    with closing(gate.Line(url, gate.headers(key))) as line:
        assert line.ask("{}")[0] == 200
    assert service.keys == {"mnist_0123_secret"}
    assert gate.headers(tmp_path / "none") == {}
