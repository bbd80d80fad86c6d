"""What the page's tests share: drawings as the pad returns them, a backend that misbehaves."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mnist_frontend.client import PREDICT_PATH

Pixels = NDArray[np.uint8]
ANSWER = {
    "digit": 7,
    "probabilities": [0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.91, 0.01, 0.01],
    "model_version": "1.2.0+abc",
    "time_ms": 0.4,
}


def drawing(*points: tuple[int, int], width: int = 22) -> Pixels:
    """Draw one black stroke on the white pad."""
    picture = Image.new("RGBA", (280, 280), (255, 255, 255, 255))
    ImageDraw.Draw(picture).line(points, fill=(0, 0, 0, 255), width=width)
    return np.asarray(picture)


@dataclass
class LocalBackend:
    """What a real HTTP server shall answer, and what it was asked."""

    url: str = ""
    status: int = 200
    kind: str = "application/json"
    body: bytes = field(default_factory=lambda: json.dumps(ANSWER).encode())
    encoding: str = "identity"
    silent: bool = False
    asked: list[tuple[str, list[float]]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def local_backend() -> Iterator[LocalBackend]:
    """Serve one LocalBackend on a free port for the length of a test."""
    state = LocalBackend()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            state.asked.append((self.path, json.loads(self.rfile.read(length))["image"]))
            state.keys.append(self.headers["x-api-key"])
            if state.silent:
                state.released.wait(10)
                return
            self.send_response(state.status)
            self.send_header("content-type", state.kind)
            self.send_header("content-encoding", state.encoding)
            self.send_header("content-length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_: object) -> None:
            """Keep the test output free of access logs."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    state.released.set()
    server.shutdown()
    server.server_close()
    thread.join()
    assert all(path == PREDICT_PATH for path, _ in state.asked)
