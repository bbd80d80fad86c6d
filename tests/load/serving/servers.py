"""What is measured: each server's command, settings and address, and a running one of them.

Contract: every server gets one processor, one worker, one thread, the same network file as its
working directory's, and no access log; the backend's has a key, a limit, metrics and a database.
Does not know: how much load, or what it says about them.
"""

import http.client
import json
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from load.serving.processes import Started

HOST = "127.0.0.1"
START_SECONDS = 90.0
POLL_SECONDS = 0.02
ASK_SECONDS = 10.0
PROBABILITY_TOLERANCE = 1e-5
OURS, TORCH, LITSERVE, BENTOML, BARE, NOOP = "onnx", "torch", "litserve", "bentoml", "bare", "noop"
TITLES = {
    OURS: "this backend, ONNX Runtime, every feature on",
    TORCH: "this backend, PyTorch, every feature on",
    LITSERVE: "LitServe",
    BENTOML: "BentoML",
    BARE: "bare ASGI, nothing but the answer",
    NOOP: "bare ASGI, no answer (no-op)",
}
JSON_TYPE = {"Content-Type": "application/json"}
SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
LIMIT = "100000000/minute"  # counted for every request, never reached


class AnswerWrongError(AssertionError):
    """A server does not answer what all must answer."""


@dataclass(frozen=True)
class Server:
    """One server, not running; `{port}` and `{second}` in its words become free ports."""

    kind: str
    model: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    path: str = "/predict"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_TYPE)

    @property
    def key(self) -> str:
        """Its name among all."""
        return f"{self.model}/{self.kind}"


@dataclass(frozen=True)
class Place:
    """What the servers are made of: programs, folders, and the key of the backend."""

    peers: Path  # the virtual environment of the other servers
    scratch: Path
    key: str


def of_model(place: Place, model: str, models: Path) -> list[Server]:
    """Return the servers of one model."""
    (artefact,) = (path.parent for path in models.glob("sha256/*/card.json"))
    theirs = str(place.peers / "bin" / "python")
    bento = (str(place.peers / "bin" / "bentoml"), "serve", "load.serving.bentoml_service:Digits")
    silent = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(place.scratch / "bentoml")}
    serve = "mnist_backend" if model == "own" else "load.serving.example"
    bare = (theirs, "-m", "load.serving.bare", "recognise", "{port}")
    return [
        backend(place, model, models, OURS, "mnist_backend"),
        backend(place, model, models, TORCH, serve),
        Server(
            LITSERVE, model, (theirs, "-m", "load.serving.litserve_server", "{port}"), {}, artefact
        ),
        Server(BENTOML, model, (*bento, "--host", HOST, "--port", "{port}"), silent, artefact),
        Server(BARE, model, bare, {}, artefact),
    ]


def noop(place: Place) -> Server:
    """Return the server that recognises nothing."""
    python = str(place.peers / "bin" / "python")
    return Server(NOOP, "-", (python, "-m", "load.serving.bare", "noop", "{port}"), {}, Path("/"))


def backend(place: Place, model: str, models: Path, runtime: str, module: str) -> Server:
    """Return this project's server, as its image runs it, with every feature on."""
    state = place.scratch / f"state-{model}-{runtime}"
    state.mkdir(exist_ok=True)
    environment = {
        "MNIST_HOST": HOST,
        "MNIST_PORT": "{port}",
        "MNIST_METRICS_PORT": "{second}",
        "MNIST_RUNTIME": runtime,
        "MNIST_MODELS_DIR": str(models),
        "MNIST_STATE_DIR": str(state),
        "MNIST_AUTH": "on",
        "MNIST_KEYS_FILE": str(place.scratch / "keys.json"),
        "MNIST_RATE_LIMIT": LIMIT,
        "PROMETHEUS_DISABLE_CREATED_SERIES": "true",
    }
    headers = JSON_TYPE | {"X-API-Key": place.key}
    command = (sys.executable, "-m", module, "serve")
    return Server(runtime, model, command, environment, state, "/api/v1/predict", headers)


class Running:
    """A server that has answered right once."""

    def __init__(
        self, server: Server, processor: int, body: bytes, expected: Mapping[str, Any], log: Path
    ) -> None:
        """Start it and wait for its first right answer.

        Raises:
            AnswerWrongError: it answers something else.
            ChildProcessError: it ended.
        """
        self.server, self.body, self.expected = server, body, expected
        self.port, self.second_port = free_port(), free_port()
        settings = {**SINGLE, **server.environment}
        words = ("env", *(f"{name}={value}" for name, value in settings.items()), *server.command)
        command = [self._filled(word) for word in words]
        since = time.monotonic()
        self.started = Started(command, server.folder, processor, log)
        try:
            self._wait(since)
        except BaseException:
            self.started.end()
            raise
        self.start_seconds = time.monotonic() - since

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}{self.server.path}"

    def ask(self) -> tuple[int, bytes]:
        """Send the body once."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ASK_SECONDS)
        try:
            connection.request("POST", self.server.path, self.body, dict(self.server.headers))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def check(self) -> None:
        """See that it answers what all must answer.

        Raises:
            AnswerWrongError: it does not.
        """
        status, content = self.ask()
        fault = f"status {status}" if status != http.HTTPStatus.OK else self.fault(content)
        if fault:
            message = f"{self.server.key} answers {content[:300]!r}: {fault}\n{self.started.tail()}"
            raise AnswerWrongError(message)

    def fault(self, content: bytes) -> str:
        """Return what is wrong with a body; nothing if it is right."""
        if self.server.kind == NOOP:
            return ""
        seen = json.loads(content)
        if seen["digit"] != self.expected["digit"]:
            return f"the digit is {self.expected['digit']}"
        pairs = zip(seen["probabilities"], self.expected["probabilities"], strict=True)
        worst = max(abs(one - other) for one, other in pairs)
        return f"a probability is {worst} away" if worst > PROBABILITY_TOLERANCE else ""

    def metric(self, name: str) -> float:
        """Return a value of the backend's metrics; 0 for the other servers."""
        if self.server.kind not in (OURS, TORCH):
            return 0.0
        connection = http.client.HTTPConnection(HOST, self.second_port, timeout=ASK_SECONDS)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def _filled(self, word: str) -> str:
        return word.replace("{port}", str(self.port)).replace("{second}", str(self.second_port))

    def _wait(self, since: float) -> None:
        while True:
            try:
                status, _ = self.ask()
                if status == http.HTTPStatus.OK:
                    self.check()
                    return
                told = f"status {status}"
            except (OSError, http.client.HTTPException) as error:
                told = str(error)
            self.started.require_life()
            if time.monotonic() - since > START_SECONDS:
                message = f"{self.server.key} is not ready: {told}\n{self.started.tail()}"
                raise TimeoutError(message)
            time.sleep(POLL_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
    return port
