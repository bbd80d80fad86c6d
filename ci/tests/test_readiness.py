"""Waiting for a stack."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mnist_pipeline import readiness


class Flaky(BaseHTTPRequestHandler):
    """Answers 503 twice and 200 from then on; at /never always 503."""

    asked = 0

    def do_GET(self) -> None:
        """Answer."""
        Flaky.asked += 1
        good = self.path != "/never" and Flaky.asked > 2
        self.send_response(200 if good else 503)
        self.end_headers()
        self.wfile.write(b"loading\nthe model")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on a free port."""
    monkeypatch.setattr(readiness, "POLL_SECONDS", 0.01)
    Flaky.asked = 0
    server = HTTPServer(("127.0.0.1", 0), Flaky)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_waiting_ends_when_all_answer(address: str, tmp_path: Path) -> None:
    """An address that answers 503 at first is asked again."""
    assert readiness.unready({"backend": address}, 5, tmp_path) == {}
    assert Flaky.asked == 3


def test_the_last_answer_is_told_when_time_is_up(address: str, tmp_path: Path) -> None:
    """Status and body of the last answer are in the message."""
    late = readiness.unready({"backend": f"{address}/never"}, 0.05, tmp_path)
    assert late == {"backend": "answered last: 503 loading\nthe model"}


def test_nobody_there_is_told(tmp_path: Path) -> None:
    """A refused connection is an answer too."""
    late = readiness.unready({"backend": "http://127.0.0.1:9/"}, 0, tmp_path)
    assert "refused" in late["backend"]


def test_a_service_that_ended_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code it left is told long before time is up."""
    monkeypatch.setattr(readiness, "ENDED_GRACE_SECONDS", 0)
    (tmp_path / "backend.exit").write_text("3\n")
    late = readiness.unready({"backend": "http://127.0.0.1:9/"}, 3600, tmp_path)
    assert late == {"backend": "which ended with exit code 3"}


def test_the_end_of_the_log_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder is open to all, the log comes first and the verdict in the last line."""
    monkeypatch.setattr(readiness, "LOGS", tmp_path)
    (tmp_path / "backend.log").write_text("\n".join(f"line {n}" for n in range(100)))
    code = readiness.main(["0", "backend=http://127.0.0.1:9/", "--", "true"])
    printed = capsys.readouterr().out.splitlines()
    assert (code, printed[1]) == (124, "line 60")
    assert tmp_path.stat().st_mode & 0o1777 == 0o1777
    assert printed[-1].startswith("NOT READY within 0 s: backend, answered last: ")
