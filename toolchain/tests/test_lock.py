"""The lock: one run at a time, said to the one that waits, free when its holder dies."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolchain import lock
from toolchain.settings import PROJECT

HOLD = """
import sys
from pathlib import Path
from toolchain.lock import held
with held(Path(sys.argv[1]), print):
    print("holding", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A lock in a folder that is not there yet."""
    return tmp_path / "cache" / "lock"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-B", "-c", HOLD, path],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "holding\n"
        yield process
        process.kill()


class Waiter(threading.Thread):
    """A second run: waits for the lock, notes what it was told, and when it got it."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.said: list[str] = []
        self.spoken = threading.Event()
        self.entered = threading.Event()

    def run(self) -> None:
        """Hold the lock for a moment."""
        with lock.held(self.path, self._say):
            self.entered.set()

    def _say(self, text: str) -> None:
        self.said.append(text)
        self.spoken.set()


def test_a_free_lock_is_taken_without_a_word(path: Path) -> None:
    """A run that is alone says nothing and leaves the lock free."""
    waiter = Waiter(path)
    waiter.run()
    assert waiter.said == []
    assert not lock.is_held(path)


def test_a_second_run_waits_and_says_for_whom(path: Path, holder: subprocess.Popen[str]) -> None:
    """The second run names the process that it waits for, once, and goes on when that ends."""
    waiter = Waiter(path)
    waiter.start()
    assert waiter.spoken.wait(5)
    assert not waiter.entered.wait(0.5)
    assert lock.is_held(path)
    holder.communicate("")
    assert waiter.entered.wait(5)
    assert len(waiter.said) == 1
    assert f"waiting for process {holder.pid}," in waiter.said[0]
    waiter.join()


def test_a_long_wait_is_said_again(
    path: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that waits long repeats for whom, with the seconds so far."""
    monkeypatch.setattr(lock, "SAY_AGAIN_SECONDS", 0.5)
    waiter = Waiter(path)
    waiter.start()
    assert not waiter.entered.wait(1.5)
    holder.communicate("")
    waiter.join()
    assert len(waiter.said) >= 2
    assert "(1 s so far)" in waiter.said[-1]


def test_the_lock_is_free_after_its_holder_was_killed(
    path: Path, holder: subprocess.Popen[str]
) -> None:
    """The kernel frees the lock of a process killed with -9, whatever the file says."""
    holder.kill()
    holder.wait()
    assert not lock.is_held(path)
    waiter = Waiter(path)
    waiter.run()
    assert waiter.entered.is_set()
    assert waiter.said == []


def test_a_lock_whose_file_was_removed_is_taken_anew(
    path: Path, holder: subprocess.Popen[str]
) -> None:
    """A run that waited while the holder purged the cache holds the lock that others see."""
    waiter = Waiter(path)
    held_by_others: list[bool] = []
    waiter.entered.set = lambda: held_by_others.append(lock.is_held(path))  # type: ignore[method-assign]
    waiter.start()
    assert waiter.spoken.wait(5)
    path.unlink()
    path.parent.rmdir()
    holder.communicate("")
    waiter.join(5)
    assert held_by_others == [True]


def test_asking_leaves_nothing_behind(path: Path) -> None:
    """Asking whether a lock is held makes no file, and takes nothing."""
    assert not lock.is_held(path)
    assert not path.parent.exists()
