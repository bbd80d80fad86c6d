"""What the way to a host leaves behind on the machine that deploys."""

import tempfile
from pathlib import Path

import pytest

from mnist_deploy.ssh import Address, Host


def test_no_copy_of_the_key_outlives_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that ssh was given is gone once the connection has ended, and the user's is not."""
    key, programs, scratch = (tmp_path / name for name in ("id", "bin", "scratch"))
    key.write_text("the key of a test\n")
    for folder in (programs, scratch):
        folder.mkdir()
    (programs / "ssh").write_text("#!/bin/sh\n")
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    host = Host(Address("ship", "host", 22, key, tmp_path / "known_hosts"), "mnist")
    (copy,) = scratch.rglob("key")
    assert copy.read_text() == key.read_text()
    host.close()
    assert [path for path in scratch.rglob("*") if path.is_file()] == []
    assert key.is_file()
