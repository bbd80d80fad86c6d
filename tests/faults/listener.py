"""A server on this machine that is told traces, and that looks like a backend from afar.

Contract: it takes what a client of OpenTelemetry sends and keeps it; it is ready, has no document,
and knows nothing else. Of whoever asks it keeps the API keys. Standard library only.
"""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLD = ("/v1/traces", "/v1/logs")


class Listener(ThreadingHTTPServer):
    """What was told, and with which keys it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.told: list[bytes] = []
        self.keys: set[str] = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """Where it answers, without the scheme."""
        return f"127.0.0.1:{self.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes a client of Dagger tell it traces and logs."""
        kinds = {"TRACES": TOLD[0], "LOGS": TOLD[1]}
        return {
            f"OTEL_EXPORTER_OTLP_{kind}_ENDPOINT": f"http://{self.address}{path}"
            for kind, path in kinds.items()
        }


class Request(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Listener

    def answered(self) -> None:
        """Keeps what is kept, and answers."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        told = self.path in TOLD
        self.server.told += [body] if told else []
        self.server.keys |= {self.headers.get("x-api-key", "")}
        known = told or self.path == "/ready"
        self.send_response(HTTPStatus.OK if known else HTTPStatus.NOT_FOUND)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_POST = answered  # noqa: N815  the library's names

    def log_message(self, *_: object) -> None:
        """Says nothing."""
