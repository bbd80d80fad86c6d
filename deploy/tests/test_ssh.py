"""The way to a host: its key goes with it, files arrive whole, and scripts may be sent again."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from near import Cut, Near

from mnist_deploy import lock, ssh
from mnist_deploy.__main__ import main
from mnist_deploy.errors import CommandFailedError, LockHeldError

SSH = """\
#!/bin/sh
# Is called with a key, which it keeps beside itself, and reaches nobody.
for word; do [ "$before" != -i ] || cat "$word" >>"$0.key"; before=$word; done
exit 255
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, beside an ssh that reaches nobody."""
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("mnist_deploy.ssh.time.sleep", lambda _: None)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_no_copy_of_the_key_is_left(temporary: Path) -> None:
    """What ssh was given is gone when the command ends, though the host cannot be reached."""
    key = temporary.with_name("key")
    key.write_text("s3cret\n")
    where = ["--host", "me@here", "--environment", "staging", "--known-hosts", str(key)]
    assert main(["status", "--key", str(key), *where]) == 6
    assert "s3cret" in temporary.with_name("ssh.key").read_text()
    assert [*temporary.iterdir()] == []
    assert key.is_file()


def test_a_certificate_that_is_no_file_ends_with_2(
    temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named before the host is reached."""
    key = temporary.with_name("key")
    key.write_text("s3cret\n")
    where = ["--host", "me@here", "--environment", "staging", "--known-hosts", str(key)]
    assert main(["deploy", "--key", str(key), "--certificate", "/no/pem", *where]) == 2
    assert "--certificate /no/pem is no file" in capsys.readouterr().err


def test_a_copy_of_the_key_goes_though_ssh_does(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the connection cannot even be ended, the copy is removed."""
    key = temporary.with_name("key")
    key.write_text("s3cret\n")
    host = ssh.Host(ssh.Address.of("me@here", key, key), "mnist")
    (copy,) = temporary.rglob("key")
    assert copy.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("PATH", str(temporary))
    with pytest.raises(FileNotFoundError):
        host.close()
    assert [*temporary.iterdir()] == []


def test_a_file_of_which_a_part_arrives_is_not_taken(tmp_path: Path) -> None:
    """The one that was there stays."""
    host = Cut(tmp_path)
    (tmp_path / "state.json").write_text("before")
    with lock.held(host, "me"), pytest.raises(CommandFailedError):
        host.put("state.json", b"after")
    assert (tmp_path / "state.json").read_text() == "before"


def test_a_script_that_is_sent_again_waits_for_its_former_run(tmp_path: Path) -> None:
    """Two runs never overlap, and a message shows the script itself."""
    host = Near(tmp_path)
    script = "[ ! -e busy ] || exit 1; touch busy; sleep 0.3; rm busy"
    with lock.held(host, "me"), ThreadPoolExecutor() as pool:
        runs = [pool.submit(host.change, script, alone="test") for _ in range(3)]
        assert [run.result() for run in runs] == [""] * 3


def test_what_waited_until_the_lock_was_anothers_does_nothing(tmp_path: Path) -> None:
    """A script of a deployer that is gone, still waiting on the host, leaves the next one alone."""
    host = Near(tmp_path)
    with lock.held(host, "me"), ThreadPoolExecutor() as pool:
        first = pool.submit(host.change, "touch began; sleep 1", alone="test")
        while not (tmp_path / "began").exists():
            time.sleep(0.01)
        second = pool.submit(host.change, "touch done", alone="test")
        time.sleep(0.3)
        (tmp_path / "lock" / "token").write_text("another\n")
        assert first.result() == ""
        with pytest.raises(LockHeldError):
            second.result()
        (tmp_path / "lock" / "token").write_text(f"{host.token}\n")
    assert not (tmp_path / "done").exists()
