"""Servers as processes, on real ones."""

import os
import sys
import time
from pathlib import Path

import pytest

from load.serving.processes import Started, fields, pages, stats

FORKS = "import os, time; os.fork(); os.setsid() if os.fork() == 0 else 0; print(1); time.sleep(60)"
BURNS = "import time\nwhile time.process_time() < 0.5: pass\ntime.sleep(60)"
WAIT_SECONDS = 20.0


def waited(what: str, holds: object) -> None:
    """Poll until a condition holds."""
    until = time.monotonic() + WAIT_SECONDS
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < until, what
        time.sleep(0.02)


def begun(code: str, folder: Path) -> Started:
    """Start a Python program."""
    processor = min(os.sched_getaffinity(0))
    return Started([sys.executable, "-c", code], folder, processor, folder / "log")


def test_a_name_with_spaces_and_brackets_hides_no_field() -> None:
    """The fields begin after the last bracket of a process's name."""
    assert fields("7 (a) b (c)) S 1 7 7") == ["S", "1", "7", "7"]


def test_pages_are_alone_or_shared() -> None:
    """What a process does not have alone it shares, whatever else the kernel tells."""
    rollup = "00-7f ---p 00 [rollup]\nRss: 10 kB\nPss: 4 kB\n"
    rollup += "Shared_Clean: 6 kB\nPrivate_Clean: 1 kB\nPrivate_Dirty: 3 kB\n"
    assert pages(rollup) == (4 * 1024, 6 * 1024)


def test_all_processes_of_a_server_are_found_and_ended(tmp_path: Path) -> None:
    """Children, and their children in sessions of their own, are its processes and go with it."""
    started = begun(FORKS, tmp_path)
    waited("four processes", lambda: len(started.pids()) == 4)
    pids = started.pids()
    assert started.memory_bytes() > 0
    started.end()
    assert {*pids} & {*stats()} == set()


def test_processor_time_is_counted(tmp_path: Path) -> None:
    """What a server burns is in its processor time, and no more once it is paused."""
    started = begun(BURNS, tmp_path)
    try:
        waited("processor time", lambda: started.cpu_seconds() > 0.1)
        started.pause()
        paused = started.cpu_seconds()
        time.sleep(0.3)
        assert started.cpu_seconds() == paused
    finally:
        started.end()


def test_a_server_that_ended_is_told_with_its_log(tmp_path: Path) -> None:
    """The exit code and the last lines are in the error."""
    started = begun("print('no such model'); raise SystemExit(3)", tmp_path)
    try:
        waited("the end", lambda: started._process.poll() is not None)
        with pytest.raises(ChildProcessError, match=r"exit code 3:\nno such model"):
            started.require_life()
    finally:
        started.end()
