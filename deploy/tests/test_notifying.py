"""People are told, in the form that Slack and Teams take; an address that is dead harms nobody."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mnist_deploy.notifying import Event, sent, slack, teams

EVENT = Event(
    "rolled back", "production: two <was> refused", {"reason": "p95"}, "https://e.example"
)


def test_slack_gets_blocks_without_markup_of_ours() -> None:
    """What stands in a title is text, and the link is a link."""
    payload = slack(EVENT)
    assert payload["text"] == "production: two &lt;was&gt; refused"
    assert "https://e.example" in json.dumps(payload["blocks"])
    assert "p95" in json.dumps(payload["blocks"])


def test_teams_gets_an_adaptive_card() -> None:
    """The card has the colour of the outcome and its facts."""
    payload = json.dumps(teams(EVENT))
    assert '"AdaptiveCard"' in payload
    assert '"warning"' in payload
    assert "p95" in payload


def test_an_event_is_delivered_and_a_dead_address_is_told() -> None:
    """Who listens gets the payload, and who does not is named without the address."""
    got: list[bytes] = []

    class Listener(BaseHTTPRequestHandler):
        """Keeps what it gets."""

        def do_POST(self) -> None:
            """Keep it."""
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.handle_request).start()
        address = f"http://127.0.0.1:{server.server_port}/hush"
        failures = sent(EVENT, {"slack": address, "teams": "http://127.0.0.1:9/hush"})
    assert json.loads(got[0])["text"].startswith("production")
    assert [failure.split(" ")[0] for failure in failures] == ["teams"]
    assert "hush" not in failures[0]


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9/hu sh", "http://127.0.0.1:9/hu\nsh", "http://127.0.0.1:x/hush", "hush"],
)
def test_an_address_that_cannot_be_one_is_told_without_it(address: str) -> None:
    """Whatever is wrong with an address, nothing is raised and nothing of it is said."""
    (failure,) = sent(EVENT, {"slack": address})
    assert failure.startswith("slack was not told: ")
    assert "sh" not in failure


def test_only_what_speaks_http_is_told() -> None:
    """A file is no receiver, though it could be opened."""
    (failure,) = sent(EVENT, {"teams": "file:///dev/null"})
    assert failure == "teams was not told: the address does not begin with https://"


def test_a_receiver_that_does_not_speak_http_is_told() -> None:
    """What answers with something else is named like one that does not answer."""

    class Babbler(BaseHTTPRequestHandler):
        """Says something that is no status line."""

        def handle(self) -> None:
            """Say it."""
            self.rfile.readline()
            self.wfile.write(b"good day\r\n")

    with HTTPServer(("127.0.0.1", 0), Babbler) as server:
        threading.Thread(target=server.handle_request).start()
        address = f"http://127.0.0.1:{server.server_port}/hush"
        assert sent(EVENT, {"slack": address}) == ["slack was not told: BadStatusLine"]
