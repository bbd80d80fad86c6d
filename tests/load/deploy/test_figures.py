"""What is made of the requests of one situation."""

import base64
import json

from load.deploy.figures import END_SECONDS, UNMARKED, Request, alone, figured, read

BEGAN = 1000.0


def line(sent: float, status: str, seconds: float, release: str = "") -> str:
    """Return a row as vegeta writes it."""
    body = json.dumps({"digit": 7} | ({"release": release} if release else {})).encode()
    told = base64.b64encode(body).decode()
    return f"{int((BEGAN + sent) * 1e9)},{status},{int(seconds * 1e9)},1,1,,{told},,0,POST,u,\n"


def answer(sent: float, release: str) -> Request:
    """Return a request that was answered in a tenth of a second."""
    return Request(sent, sent + 0.1, "200", release)


def test_rows_are_read_by_the_time_they_were_sent() -> None:
    """A request has its times since the beginning, and the release that its answer names."""
    found = read(line(1, "200", 0.5, "next") + line(-1, "200", 0.25) + line(2, "503", 0.1), BEGAN)
    assert [round(r.sent, 3) for r in found] == [-1, 1, 2]
    assert [round(r.answered - r.sent, 3) for r in found] == [0.25, 0.5, 0.1]
    assert [r.release for r in found] == [UNMARKED, "next", ""]
    assert [r.failed for r in found] == [False, False, True]


def test_a_release_is_alone_after_the_last_answer_of_another() -> None:
    """The last answer of another release counts when it came, not when it was asked for."""
    slow = Request(2, 9, "200", "old")
    assert alone([answer(1, "old"), slow, answer(3, "new"), answer(10, "new")], "new") == 9


def test_a_release_that_others_outlast_is_not_alone() -> None:
    """Where another release answers last, or this one never does, there is no such time."""
    assert alone([answer(1, "new"), answer(2, "old")], "new") is None
    assert alone([answer(1, "old")], "new") is None


def test_a_failed_request_is_no_answer_of_another_release() -> None:
    """What failed belongs to nobody, so it does not put off when a release is alone."""
    lost = Request(5, 5.1, "500", "")
    assert alone([answer(1, "old"), answer(2, "new"), lost, answer(6, "new")], "new") == 1.1


def test_figures_tell_failures_by_status_and_span() -> None:
    """Failures are counted by status, with the time from the first to the last of them."""
    lost = [Request(2, 2.1, "502", ""), Request(4, 7, "0", ""), Request(6, 6.1, "502", "")]
    found = figured([answer(1, "old"), *lost, answer(20, "old")], "new")
    assert (found.sent, found.failed, found.statuses) == (5, 3, {"0": 1, "502": 2})
    assert found.failing_seconds == 4
    assert found.longest_seconds == 3
    assert found.alone_seconds is None


def test_the_end_is_what_was_sent_last() -> None:
    """Only the last seconds tell which release answers at the end, and how much fails."""
    late = [answer(20, "new"), Request(20 - END_SECONDS / 2, 20, "500", "")]
    found = figured([answer(1, "old"), *late], "new")
    assert found.at_end == ("new",)
    assert found.failing_at_end_ratio == 0.5
