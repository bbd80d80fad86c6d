"""API keys: made, listed, revoked, and checked."""

import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnist_backend import keys
from mnist_backend.errors import UnauthenticatedError
from mnist_backend.keys import KeyRing, KeysFileError

SOURCE = Path(keys.__file__).parents[1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the keys of a test are."""
    return tmp_path / "keys.json"


def refused(ring: KeyRing, key: str, now: float) -> bool:
    """Tell whether a key opens nothing."""
    with pytest.raises(UnauthenticatedError) as refusal:
        ring.check(key, now)
    return refusal.value.detail == keys.REFUSAL


def test_a_made_key_opens_what_it_may(path: Path) -> None:
    """A new key is accepted at once, with its scopes and no others."""
    key = keys.make(path, "laptop", ["feedback", "predict"], 1)
    caller = KeyRing(path).check(key, time.time())
    assert caller.scopes == {"predict", "feedback"}
    assert caller.id == key.split("_")[1]


def test_the_file_holds_no_key(path: Path) -> None:
    """What opens the door is not kept, and only the owner reads what is."""
    key = keys.make(path, "laptop", ["predict"], 1)
    assert key.split("_", 2)[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key.replace(key.split("_")[1], "0" * 12),
        lambda key: key.upper(),
        lambda _: "",
        lambda _: "mnist_",
        lambda key: key.split("_", 2)[2],
        lambda key: f"{key}\u00e9",
    ],
)
def test_a_key_that_is_not_quite_right_opens_nothing(path: Path, spoil: object) -> None:
    """The right id with a wrong secret is refused in the same words as anything else."""
    key = keys.make(path, "laptop", ["predict"], 1)
    assert refused(KeyRing(path), spoil(key), time.time())  # type: ignore[operator]  # a lambda above


def test_an_expired_key_opens_nothing(path: Path) -> None:
    """A key that was right yesterday, and was used then, is refused today."""
    key, now, ring = keys.make(path, "laptop", ["predict"], 1), time.time(), KeyRing(path)
    assert ring.check(key, now).scopes
    assert refused(ring, key, now + keys.DAY_SECONDS + 1)


def test_a_revoked_key_opens_nothing(path: Path) -> None:
    """A running server notices within a second that a key was revoked."""
    key, now, ring = keys.make(path, "laptop", ["predict"], 1), time.time(), KeyRing(path)
    assert ring.check(key, now).scopes
    keys.revoke(path, key.split("_")[1])
    assert refused(ring, key, now + keys.LOOK_SECONDS)


def test_a_key_made_later_is_noticed(path: Path) -> None:
    """A server that began without a file accepts the first key that is made."""
    ring, now = KeyRing(path), time.time()
    assert refused(ring, "mnist_", now)
    key = keys.make(path, "laptop", ["predict"], 1)
    assert ring.check(key, now + keys.LOOK_SECONDS).scopes


@pytest.mark.parametrize("content", ["", "{", '{"keys": [{"id": 1}]}', '{"keys": 1}', None])
def test_a_file_that_goes_bad_keeps_the_last_good_keys(
    path: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """A truncated or vanished file locks nobody out; the log says so once, and never the key."""
    key, now, ring = keys.make(path, "laptop", ["predict"], 1), time.time(), KeyRing(path)
    assert ring.check(key, now).scopes
    path.unlink()
    if content is not None:
        path.write_text(content)
    with caplog.at_level(logging.DEBUG):
        for seconds in (1, 2, 3):
            assert ring.check(key, now + seconds).scopes
    assert len(caplog.messages) == 1
    assert "stay in force" in caplog.text
    assert key not in caplog.text


@pytest.mark.parametrize(
    ("name", "scopes", "days", "told"),
    [
        ("new", ["predict", "root"], 1, "scope root: choose from predict, feedback, admin"),
        ("new", [], 1, "choose from"),
        ("new", ["predict"], 0, "0 days: a key is valid for 1 to 3650 days"),
        ("taken", ["predict"], 1, "a valid key is named 'taken' already"),
    ],
)
def test_what_makes_no_sense_is_refused(
    path: Path, name: str, scopes: list[str], days: int, told: str
) -> None:
    """The message names the value and the rule, and the file stays as it was."""
    keys.make(path, "taken", ["predict"], 1)
    before = path.read_text()
    with pytest.raises(KeysFileError, match=told):
        keys.make(path, name, scopes, days)
    assert path.read_text() == before


def test_a_broken_file_is_not_written_over(path: Path) -> None:
    """Keys that cannot be read are not lost by making one more."""
    path.write_text("{broken")
    with pytest.raises(KeysFileError, match="not a file of keys"):
        keys.make(path, "laptop", ["predict"], 1)
    assert path.read_text() == "{broken"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a newcomer does."""
    command = [sys.executable, "-m", "mnist_backend.keys", *arguments]
    return subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)  # noqa: S603  our own interpreter


def test_the_command_makes_lists_and_revokes(path: Path) -> None:
    """The key alone goes to standard output, the list shows its state and never the key."""
    file = ("--file", str(path))
    made = run("make", *file, "--name", "laptop", "--scopes", "predict,admin", "--days", "2")
    assert made.returncode == 0
    key = made.stdout.strip()
    assert keys.PATTERN.fullmatch(key)
    assert key not in made.stderr
    listed = run("list", *file).stdout
    assert "laptop" in listed
    assert "predict,admin" in listed
    assert "valid" in listed
    assert key not in listed
    assert run("revoke", *file, key.split("_")[1]).returncode == 0
    assert "revoked" in run("list", *file).stdout
    assert json.loads(path.read_text())["keys"][0]["name"] == "laptop"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("make",), "--name says who"),
        (("make", "--name", "a", "--scopes", "all"), "scope all: choose from"),
        (("revoke", "nobody"), "no key has the id 'nobody'"),
    ],
)
def test_a_wrong_command_ends_with_two(path: Path, arguments: tuple[str, ...], told: str) -> None:
    """Exit code 2 and a line that says what to do."""
    done = run(*arguments, "--file", str(path))
    assert done.returncode == 2
    assert told in done.stderr
