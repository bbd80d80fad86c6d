"""What the rehearsal's parts ask: takes what Alertmanager sends, and holds each part's switch.

Contract: standard library only, so that it runs in any container with Python. A POST below /switch/
turns a part on or off, and GET there tells which; every other POST is kept with its path, its time
and its JSON, and is answered as Slack does; GET /received tells all. Does not know what is right.
"""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8080
SWITCH = "/switch/"
RECEIVED: list[dict[str, object]] = []
SWITCHES = {"prometheus": "off"}  # it begins once there is something to see; the others are on


class Handler(BaseHTTPRequestHandler):
    """One notification, one switch, or the question which there were."""

    def do_POST(self) -> None:
        """Keep a notification, or turn a switch."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path.startswith(SWITCH):
            SWITCHES[self.path.removeprefix(SWITCH)] = body
        else:
            told = {"path": self.path, "time": time.time(), "body": json.loads(body)}
            RECEIVED.append(told)
        self.answer("ok", "text/plain")

    def do_GET(self) -> None:
        """Tell every notification, or how a switch stands."""
        if self.path.startswith(SWITCH):
            state = SWITCHES.get(self.path.removeprefix(SWITCH), "on")
            self.answer(f"{state}\n", "text/plain")
        else:
            self.answer(json.dumps(RECEIVED), "application/json")

    def answer(self, content: str, media_type: str) -> None:
        """Send an answer."""
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *arguments: object) -> None:
        """Keep quiet about questions after switches, which come all the time."""
        if not self.path.startswith(SWITCH):
            super().log_message(*arguments)  # type: ignore[arg-type]


if __name__ == "__main__":
    ThreadingHTTPServer(("", PORT), Handler).serve_forever()
