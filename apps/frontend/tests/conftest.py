"""What the page's tests share: drawings as the pad sends them, a backend that misbehaves."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnist_frontend import app
from mnist_frontend.settings import TIMEOUT_VARIABLE

PATIENT_SECONDS = "20"  # for a backend that answers, however busy the machine is
SCRIPT = Path(app.__file__)
PREDICTION_ID = "0123456789abcdef0123456789abcdef"
ANSWER = {
    "id": PREDICTION_ID,
    "digit": 7,
    "probabilities": [0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.91, 0.01, 0.01],
    "model_version": "1.2.0+abc",
    "time_ms": 0.4,
}
FEEDBACK = {"prediction_id": PREDICTION_ID, "predicted": 7, "digit": 1, "right": False}
MODELS = {"models": [{"aliases": ["champion"], "card": {"model_version": "1.2.0+abc"}}]}


def stroke(*points: tuple[float, float], width: float = 22) -> dict[str, Any]:
    """Return a stroke as the pad sends it."""
    return {"width": width, "points": [list(point) for point in points]}


@dataclass
class LocalBackend:
    """What a real HTTP server shall answer by path, and what it was asked."""

    url: str = ""
    status: int = 200
    kind: str = "application/json"
    body: bytes | None = None  # instead of the answer of the path
    answers: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "/api/v1/predict": ANSWER,
            "/api/v1/feedback": FEEDBACK,
            "/api/v1/models": MODELS,
        }
    )
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    sessions: set[str | None] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """Return what was sent to a path."""
        return [body for asked, body in self.asked if asked == path]

    def content(self, path: str) -> bytes:
        """Return what is answered."""
        return json.dumps(self.answers[path]).encode() if self.body is None else self.body

    def mend(self) -> None:
        """Behave well again."""
        self.status, self.kind, self.body, self.silent = 200, "application/json", None, False


@pytest.fixture
def local_backend() -> Iterator[LocalBackend]:
    """Serve one LocalBackend on a free port for the length of a test."""
    state = LocalBackend()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({})

        def do_POST(self) -> None:
            self.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def answer(self, body: dict[str, Any]) -> None:
            state.asked.append((self.path, body))
            state.keys.append(self.headers["x-api-key"])
            state.sessions.add(self.headers["x-session-id"])
            if state.silent:
                state.released.wait(10)
                return
            content = state.content(self.path)
            self.send_response(state.status)
            self.send_header("content-type", state.kind)
            self.send_header("content-length", str(len(content)))
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield state
    state.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def page(local_backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Open the page in front of the local backend."""
    monkeypatch.setenv("MNIST_BACKEND_URL", local_backend.url)
    monkeypatch.setenv(TIMEOUT_VARIABLE, PATIENT_SECONDS)
    st.cache_resource.clear()
    return AppTest.from_file(str(SCRIPT), default_timeout=30).run()
