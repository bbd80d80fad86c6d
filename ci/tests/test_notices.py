"""Messages to chats, and their way to a real receiver."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mnist_pipeline import deliver
from mnist_pipeline.gates.decision import Decision
from mnist_pipeline.gates.notices import (
    Notice,
    ReportUnknownError,
    deployed,
    notice,
    slack,
    teams,
)
from mnist_pipeline.gates.policy import Ruling
from mnist_pipeline.gates.verdicts import StageResult, green, red, status_json

IMAGE = "registry.example.org/digits/mnist-backend@sha256:" + "a" * 64
RELEASE = Decision(
    "publish",
    "production",
    False,
    {"all": [Ruling("lint", "passed")]},
    {"backend": IMAGE},
    {"version": "1.2.3", "commit": "c" * 40, "evidence": "sha256:" + "e" * 64},
)
RUN = [StageResult("lint", green(), 1, "ran"), StageResult("unit", red("1 failed"), 2, "ran")]
LINK = "https://ci.example.org/runs/1"


class Receiver(HTTPServer):
    """Keeps what is posted; answers with the codes it is given, then with 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.codes: list[int] = []
        self.bodies: list[object] = []


class Hook(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        """Keep the body."""
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(json.loads(body))
        self.send_response(self.server.codes.pop(0) if self.server.codes else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook on this machine."""
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def delivered(folder: Path, message: object, url: str) -> int:
    """Runs the program that posts, without waiting between its tries."""
    (folder / "message.json").write_text(json.dumps(message))
    (folder / "address").write_text(f"{url}\n")
    names = [str(folder / "message.json"), str(folder / "address")]
    return deliver.main(names, pauses=(0.0, 0.0))


def test_a_release_is_told_with_digests_and_link() -> None:
    """Verdict, version, commit, evidence, digests and link all get into both messages."""
    told = notice(RELEASE.text(), LINK)
    for message in (slack(told), teams(told)):
        text = json.dumps(message)
        assert all(part in text for part in ("publish production: done", "1.2.3", IMAGE, LINK))


def test_a_run_is_told_with_what_failed() -> None:
    """A status.json becomes a title that counts and a line for each stage that is not green."""
    told = notice(status_json(RUN, 0.0, 3.0))
    assert (told.title, told.good) == ("2 stages: 1 not green", False)
    assert told.lines == ("unit (red): 1 failed",)


@pytest.mark.parametrize(
    ("result", "ending", "good"),
    [
        ("", "done", True),
        ("skipped", "done", True),
        ("success", "done, deployed", True),
        ("failure", "done, deployment FAILED", False),
        ("cancelled", "done, deployment CANCELLED", False),
    ],
)
def test_a_release_is_told_with_its_deployment(result: str, ending: str, good: bool) -> None:
    """What was published and then not deployed is not told as good."""
    told = deployed(notice(RELEASE.text()), result)
    assert (told.title, told.good) == (f"publish production: {ending}", good)


def test_a_deployment_never_mends_a_release() -> None:
    """What is not green stays so, and an unknown ending is an error."""
    told = notice(status_json(RUN, 0.0, 3.0))
    assert not deployed(told, "success").good
    with pytest.raises(ReportUnknownError, match="--deployment is success"):
        deployed(told, "done")


def test_a_card_is_what_teams_takes() -> None:
    """A message with one adaptive card of a version that workflows know, and an action."""
    message = teams(notice(RELEASE.text(), LINK))
    (attachment,) = message["attachments"]
    card = attachment["content"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["actions"][0]["url"] == LINK


def test_a_reason_cannot_mention_anybody() -> None:
    """What Slack would read as a mention or a link is shown as it is."""
    told = Notice("t", False, (), ("<!channel> <https://evil.example.org|here>",))
    assert "<" not in json.dumps(slack(told))


def test_many_long_reasons_stay_within_the_limits() -> None:
    """A section of Slack holds 3000 characters, so lines are cut and counted."""
    rulings = [Ruling(f"c{n}", "refused", "x" * 1000) for n in range(50)]
    message = slack(notice(Decision("publish", "dev", False, {"all": rulings}).text()))
    assert len(message["blocks"][1]["text"]["text"]) < 3000
    assert "and 42 more" in message["blocks"][1]["text"]["text"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"action": "publish"}', "no JSON"])
def test_another_file_is_an_error(text: str) -> None:
    """What is no decision and no status is refused."""
    with pytest.raises(ReportUnknownError):
        notice(text)


def test_a_link_that_is_no_address_is_an_error() -> None:
    """A script as a link never gets into a button."""
    with pytest.raises(ReportUnknownError, match="https"):
        notice(RELEASE.text(), "javascript:alert(1)")


@pytest.mark.parametrize("made", [slack, teams])
def test_a_message_arrives(made: object, receiver: Receiver, tmp_path: Path) -> None:
    """A real receiver gets the message as it was made."""
    assert callable(made)
    message = made(notice(RELEASE.text(), LINK))
    assert delivered(tmp_path, message, f"http://127.0.0.1:{receiver.server_port}/hook") == 0
    assert receiver.bodies == [message]


def test_a_busy_receiver_is_asked_again(receiver: Receiver, tmp_path: Path) -> None:
    """After 429 and 503 the third try is taken."""
    receiver.codes = [429, 503]
    assert delivered(tmp_path, {}, f"http://127.0.0.1:{receiver.server_port}") == 0
    assert len(receiver.bodies) == 3


def test_a_refusal_is_told_once(
    receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A webhook that was withdrawn is not asked again."""
    receiver.codes = [404]
    assert delivered(tmp_path, {}, f"http://127.0.0.1:{receiver.server_port}") == 1
    assert "answered 404" in capsys.readouterr().out
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/t0ken", "no address t0ken", "file:///t0ken", "http://t0ken .x/"]
)
def test_a_dead_webhook_is_told_without_its_address(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The address is a secret, whatever is wrong with it."""
    assert delivered(tmp_path, {}, url) == 1
    said = capsys.readouterr().out
    assert "NOT delivered" in said
    assert "t0ken" not in said
