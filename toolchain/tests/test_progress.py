"""Progress for a person: lines where it is kept in a file, one rewritten line on a terminal."""

import io
import re
import time

import pytest

from toolchain.progress import Progress, say


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Answer that it is."""
        return True


def test_a_file_gets_a_line_at_start_and_end() -> None:
    """Off a terminal each step has two whole lines: its number, what it does, and its seconds."""
    stream = io.StringIO()
    with Progress(3, stream) as progress:
        progress.start("a", "compile the client", 200)
        progress.finish("a")
    assert stream.getvalue().splitlines() == [
        " 0:00 [1/3] compile the client (about 200 s)",
        " 0:00 [1/3] compile the client: done in 0 s",
    ]


def test_steps_side_by_side_keep_their_numbers() -> None:
    """A step ends under the number with which it began, with its outcome."""
    stream = io.StringIO()
    with Progress(2, stream) as progress:
        progress.start("a", "first", 1)
        progress.start("b", "second", 1)
        progress.finish("a", "failed")
        progress.finish("b")
    ends = [line[6:] for line in stream.getvalue().splitlines()[2:]]
    assert ends == ["[1/2] first: failed in 0 s", "[2/2] second: done in 0 s"]


def test_a_terminal_shows_the_steps_under_way_in_one_line() -> None:
    """On a terminal a line is rewritten each second with elapsed and expected seconds."""
    stream = Terminal()
    with Progress(2, stream) as progress:
        progress.start("a", "first", 5)
        progress.start("b", "second", 9)
        time.sleep(1.2)
        shown = stream.getvalue().rpartition("\n")[2]
    assert shown == "\r\033[K[1/2] first: 1 s of about 5 s; [2/2] second: 1 s of about 9 s"
    assert stream.getvalue().endswith("\r\033[K")


def test_a_terminals_lines_replace_the_line_under_way() -> None:
    """A lasting line on a terminal begins by clearing what was rewritten there."""
    stream = Terminal()
    with Progress(1, stream) as progress:
        progress.start("a", "first", 5)
    assert re.match(r"\r\033\[K 0:00 \[1/1\] first \(about 5 s\)\n", stream.getvalue())


def test_what_the_launcher_says_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to Dagger alone."""
    say("compiling")
    assert capsys.readouterr() == ("", "daggerw: compiling\n")
