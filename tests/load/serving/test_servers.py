"""A server is measured only if it answers right, tried on small ones."""

import os
import sys
from pathlib import Path

import pytest

from load.serving.servers import LITSERVE, AnswerWrongError, Running, Server

SOURCE = """\
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Sure(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"digit": 3, "probabilities": [0.25, 0.75]}')

HTTPServer(("127.0.0.1", int(sys.argv[1])), Sure).serve_forever()
"""
RIGHT = {"digit": 3, "probabilities": [0.25, 0.75]}


def running(source: str, expected: dict[str, object], folder: Path) -> Running:
    """Start a server of a few lines."""
    command = (sys.executable, "-c", source, "{port}")
    server = Server(LITSERVE, "own", command, {}, folder)
    return Running(server, min(os.sched_getaffinity(0)), b"{}", expected, folder / "log")


def test_a_right_answer_ends_the_cold_start(tmp_path: Path) -> None:
    """A server that answers what it must has started, and the time until then is known."""
    one = running(SOURCE, RIGHT, tmp_path)
    try:
        assert one.start_seconds > 0
        assert one.fault(b'{"digit": 3, "probabilities": [0.250005, 0.749995]}') == ""
    finally:
        one.started.end()


@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        ({"digit": 4, "probabilities": [0.25, 0.75]}, "the digit is 4"),
        ({"digit": 3, "probabilities": [0.2501, 0.7499]}, "a probability is"),
    ],
)
def test_a_wrong_answer_ends_the_run(
    expected: dict[str, object], fault: str, tmp_path: Path
) -> None:
    """A server that sees another digit, or another probability, is not measured."""
    with pytest.raises(AnswerWrongError, match=fault):
        running(SOURCE, expected, tmp_path)


def test_a_server_that_cannot_start_is_told(tmp_path: Path) -> None:
    """What it printed last is in the error, at once and not after a time-out."""
    with pytest.raises(ChildProcessError, match="no such library"):
        running("raise SystemExit('no such library')", RIGHT, tmp_path)
