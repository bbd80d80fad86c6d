"""People are told, in the form that Slack and Teams take; an address that is dead harms nobody."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

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
