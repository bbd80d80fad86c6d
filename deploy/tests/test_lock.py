"""One deployer at a time, by the very scripts that run on a host."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from near import Near

from mnist_deploy import lock
from mnist_deploy.errors import LockHeldError
from mnist_deploy.ssh import LOST


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Near]:
    """One deployer's way to the host."""
    yield Near(tmp_path)
    assert not (tmp_path / "lock").exists()


def test_a_second_deployer_is_told_who_holds_the_lock(host: Near) -> None:
    """The second one is sent away with the name of the first, and may come in afterwards."""
    second = Near(Path(host.folder))
    with lock.held(host, "o'first"):
        assert lock.holder(second).startswith("o'first holds the lock, for another ")
        with pytest.raises(LockHeldError, match="o'first"), lock.held(second, "second"):
            pytest.fail("two hold the lock")
    with lock.held(second, "second"):
        assert lock.holder(host).startswith("second")


def test_a_lock_that_ran_out_is_taken_over(host: Near) -> None:
    """Whoever was overtaken is refused by the host from then on."""
    second = Near(Path(host.folder))
    with lock.held(host, "first"):
        (Path(host.folder) / "lock" / "until").write_text("1\n")
        with lock.held(second, "second"):
            with pytest.raises(LockHeldError, match="taken over"):
                host.change("touch changed")
            second.change("touch taken")
    assert (Path(host.folder) / "taken").exists()
    assert not (Path(host.folder) / "changed").exists()


def test_a_lock_without_a_word_runs_out_too(host: Near) -> None:
    """Whoever was cut off between making the lock and signing it does not hold it for ever."""
    folder = Path(host.folder) / "lock"
    folder.mkdir()
    assert lock.holder(host).startswith("somebody who was cut off holds the lock, for another ")
    with pytest.raises(LockHeldError, match="cut off"), lock.held(host, "me"):
        pytest.fail("two hold the lock")
    os.utime(folder, (1, 1))
    with lock.held(host, "me"):
        assert lock.holder(host).startswith("me")


def test_a_broken_lock_stops_its_holder(host: Near) -> None:
    """Unlocking tells who held it, and what they still send is refused."""
    with lock.held(host, "first"):
        assert lock.broken(host).startswith("first")
        assert lock.broken(host) == ""
        with pytest.raises(LockHeldError):
            host.change("true")


def test_renewing_makes_it_last(host: Near) -> None:
    """A lock that is renewed has its whole life before it again."""
    with lock.held(host, "first"):
        (Path(host.folder) / "lock" / "until").write_text("1\n")
        host.change(lock.RENEW)
        left = re.search(r"another (\d+) s", lock.holder(host))
        assert left
        assert lock.LIFE_SECONDS // 2 < int(left[1]) <= lock.LIFE_SECONDS  # whole seconds go by


def test_a_file_is_written_whole(host: Near) -> None:
    """Content arrives as it was sent, with the rights that were asked for."""
    with lock.held(host, "first"):
        host.put("secrets/word", b"a 'quoted' $word\n", "0444")
    path = Path(host.folder) / "secrets" / "word"
    assert path.read_bytes() == b"a 'quoted' $word\n"
    assert path.stat().st_mode & 0o777 == 0o444
    assert LOST != lock.TAKEN
