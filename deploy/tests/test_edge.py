"""The edge is asked in one exchange, and what each colour does is added up."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mnist_deploy import edge, observing
from mnist_deploy.errors import CommandFailedError

STATISTICS = (
    "# pxname,svname,status,weight,econ,eresp,wretr,"
    "hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,\n"
    "api,blue-1,UP,100,0,0,0,0,50,0,2,0,\napi,blue-2,MAINT (resolution),100,,,,,,,,,\n"
    "api,green-1,UP 1/2,1,1,2,3,0,7,0,0,4,\n"
)
METRICS = """\
http_request_duration_seconds_bucket{le="0.2",method="POST",route="/api/v1/predict"} 8
http_request_duration_seconds_bucket{le="+Inf",method="POST",route="/api/v1/predict"} 10
http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/ready"} 99
predictions_total{digit="3",model_version="a"} 6.0
predictions_total{digit="3",model_version="b"} 1.0
"""


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Callable[[str], list[str]]]:
    """A socket that gives one answer; returns what it is asked."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "admin.sock"))
    server.listen()
    heard: list[str] = []

    def serve(answer: str) -> list[str]:
        def once() -> None:
            line, _ = server.accept()
            with line:
                heard.append(line.recv(65536).decode())
                line.sendall(answer.encode())

        threading.Thread(target=once, daemon=True).start()
        return heard

    yield serve
    server.close()


def test_all_weights_change_in_one_exchange(
    answering: Callable[..., list[str]], tmp_path: Path
) -> None:
    """Every slot of both colours and both parts is set by one line, and kept for a restart."""
    heard = answering("\n")
    weights = {"blue": 99, "green": 1}
    edge.Edge(tmp_path).weigh(weights, pages={"blue": 100, "green": 0})
    (line,) = heard
    assert line.count("set server") == 2 * 2 * edge.SLOTS
    assert "set server api/green-2 weight 1;" in line
    assert "set server pages/green-2 weight 0" in line
    assert (tmp_path / "weights").read_text() == "100 0\n"


def test_a_refusal_of_the_edge_is_told(answering: Callable[..., list[str]], tmp_path: Path) -> None:
    """What the edge says against it is in the error, and nothing is kept."""
    answering("No such server.\n")
    with pytest.raises(CommandFailedError, match="No such server"):
        edge.Edge(tmp_path).weigh({"blue": 1, "green": 1}, pages={"blue": 1, "green": 1})
    assert not (tmp_path / "weights").exists()


def test_an_edge_that_is_away_is_told(tmp_path: Path) -> None:
    """Without a socket there is an error of ours."""
    with pytest.raises(CommandFailedError, match="socket"):
        edge.Edge(tmp_path).ask("show info")


def test_servers_are_counted_by_colour(answering: Callable[..., list[str]], tmp_path: Path) -> None:
    """A server that answers is up, and each failure of one counts, retried or not."""
    answering(STATISTICS)
    servers = edge.Edge(tmp_path).servers("api")
    assert edge.up(servers, "blue") == edge.up(servers, "green") == 1
    assert [edge.counted(server) for server in servers] == [(52, 0), (0, 0), (7, 10)]


def test_metrics_give_what_is_judged() -> None:
    """Answers over 200 ms follow from two buckets of one route, digits from all models."""
    values = observing.parsed(METRICS)
    assert (values["counted"], values["quick"], values["digit 3"]) == (10, 8, 7)
    assert values["digit 4"] == 0


def test_a_replica_that_begins_anew_never_counts_backwards() -> None:
    """The first look adds nothing, growth adds, and after a restart the new count is the growth."""
    growth = observing.Growth()
    for value in (100.0, 130.0, 5.0, 9.0):
        growth.see("10.0.0.1", "blue", {"answered": value})
    assert growth.sums["blue", "answered"] == 30 + 5 + 4


def test_a_replica_that_dies_while_it_tells_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an answer is none, and no other replica's is lost for it."""

    class Dying(BaseHTTPRequestHandler):
        """Promises more than it says."""

        def do_GET(self) -> None:
            """Say less."""
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(METRICS.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Dying) as server:
        threading.Thread(target=server.handle_request).start()
        monkeypatch.setattr(observing, "METRICS_PORT", server.server_port)
        assert observing.metrics("127.0.0.1") == ""
