"""The program that asks a release for a known digit, against a server of its own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mnist_pipeline import smoke


class Backend(BaseHTTPRequestHandler):
    """Answers 7 to whoever sends a picture, and is broken at /broken."""

    def do_POST(self) -> None:
        """Answer one request."""
        length = int(self.headers["content-length"])
        right = "image" in json.loads(self.rfile.read(length))
        self.send_response(200 if right and "broken" not in self.path else 500)
        self.end_headers()
        self.wfile.write(b'{"digit": 7}')

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a server that reads every picture as a 7."""
    server = HTTPServer(("127.0.0.1", 0), Backend)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def picture(tmp_path: Path) -> str:
    """A file to send."""
    (tmp_path / "picture.png").write_bytes(b"png")
    return str(tmp_path / "picture.png")


def test_the_right_digit_ends_well(url: str, picture: str) -> None:
    """An answer that is the digit asked for is exit code 0."""
    assert smoke.main([picture, "7", url]) == 0


def test_a_wrong_digit_ends_badly(
    url: str, picture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another digit is exit code 1, and both are told."""
    assert smoke.main([picture, "8", url]) == 1
    assert "8 was asked, answered: 7" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["{url}/broken", "http://127.0.0.1:9"])
def test_a_service_that_fails_ends_badly(url: str, picture: str, place: str) -> None:
    """An error and a service that is away are exit code 1, and raise nothing."""
    assert smoke.main([picture, "7", place.format(url=url)]) == 1
