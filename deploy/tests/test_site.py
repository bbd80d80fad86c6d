"""What is done on a host, by the very scripts, where lines break and something is left over."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from near import Broken, Cut, Near, installed

from mnist_deploy import lock
from mnist_deploy.errors import AuditBrokenError, CommandFailedError
from mnist_deploy.release import PARTS, WATCHING, Release, State
from mnist_deploy.site import GATE, SHIFT, Site

DOCKER = """\
#!/bin/sh
# Keeps each container as a file in `at`, which holds what it was started for; images are lines.
for last; do :; done
case "$*" in
*NanoCpus*) echo 1000000000 ;;
"inspect --format"*) [ -e "at/$last" ] && echo exited 0 ;;
"logs "*) cat "at/$last" ;;
"ps --all"*) name=${last#name=^/}; [ ! -e "at/${name%?}" ] || echo 1 ;;
"rm --force"*) [ ! -e stuck ] || { echo "$3 is stuck" >&2; exit 1; }; rm "at/$3" ;;
"compose run"*) name=${*##*--name }; name=${name%% *}
    [ ! -e "at/$name" ] || { echo "$name is already in use" >&2; exit 1; }
    [ "$3" = --rm ] || echo "$*" >"at/$name"; echo '{"golden": []}' ;;
"compose --profile green ps"*) echo 1 ;;
"stats "*) echo '{"CPUPerc": "50%", "MemPerc": "10%"}' ;;
"images --digests"*) [ -e images ] && cat images ;;
"image rm --force"*) grep "^$last " images && ! grep "$last" used && sed -i "/^$last /d" images ;;
"image inspect"*) grep -q "^$last " images ;;
*) echo "unknown: $*" >&2; exit 2 ;;
esac
"""
RELEASE = Release("one", dict.fromkeys((*PARTS, *WATCHING), "sha256:" + "a" * 64))
ID, DIGEST = "sha256:{:064x}", "sha256:{:063x}f"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's folder, beside a pretended Docker."""
    monkeypatch.setenv("PATH", installed(tmp_path / "bin", DOCKER), prepend=":")
    monkeypatch.setattr("mnist_deploy.ssh.time.sleep", lambda _: None)
    (tmp_path / "mnist" / "at").mkdir(parents=True)
    (tmp_path / "mnist" / "used").touch()
    return tmp_path / "mnist"


@contextmanager
def sited(host: Near) -> Iterator[tuple[Site, list[str]]]:
    """A site whose lock is held, and what it says."""
    said: list[str] = []
    with lock.held(host, "me"):
        yield Site(host, "staging", said.append, watched=False), said


def shifted(host: Near) -> tuple[int, str]:
    """Shift; returns the exit code, and what the container was started for."""
    told: list[dict[str, object]] = []
    with sited(host) as (site, _):
        code = site.shift(["--new", "green"], told.append)
    return code, str(told[0]["text"])


@pytest.mark.parametrize("at", ["compose run", "rm --force", "left="])
def test_a_shift_is_begun_once_though_the_line_breaks(folder: Path, at: str) -> None:
    """A script that is sent again finds what it has done, and nothing is left."""
    code, begun = shifted(Broken(folder, at))
    assert code == 0
    assert begun.endswith("deployer shift --new green")
    assert [*(folder / "at").iterdir()] == []


def test_an_end_is_found_though_the_line_breaks(folder: Path) -> None:
    """A container that the first of two scripts removed is no failure of the second."""
    host = Broken(folder, "")
    (folder / "at" / SHIFT).write_text("an earlier one")
    host.at = "rm --force"
    with sited(host) as (site, _):
        site.unshift()
    assert [*(folder / "at").iterdir()] == []


def test_a_leftover_is_not_taken_for_this_shift(folder: Path) -> None:
    """What an earlier release left is removed first, and where it cannot be nothing begins."""
    (folder / "at" / SHIFT).write_text("an earlier one")
    assert shifted(Near(folder))[1].endswith("deployer shift --new green")
    (folder / "at" / SHIFT).write_text("an earlier one")
    (folder / "stuck").touch()
    with pytest.raises(CommandFailedError, match=f"{SHIFT} is stuck"):
        shifted(Near(folder))


def test_a_gate_that_is_left_over_is_ended(folder: Path) -> None:
    """Two gates would slow each other down, and write into one file."""
    (folder / "at" / GATE).write_text("an earlier one")
    with sited(Broken(folder, "compose run")) as (site, _):
        assert site.tried("green", 1, 1.0) == {
            "golden": [],
            "used": {"processor": 0.5, "memory": 0.1},
        }
    assert [*(folder / "at").iterdir()] == []


def test_exactly_the_images_of_kept_releases_stay(folder: Path) -> None:
    """An image of a file is known by its id, one of a registry by its digest."""
    place = "ghcr.io/o/r/mnist-backend"
    rows = [
        f"{ID.format(1)} <none> mnist-backend",  # kept, sent as a file
        f"{ID.format(2)} <none> mnist-backend",
        f"{ID.format(3)} {DIGEST.format(3)} {place}",  # kept, pulled
        f"{ID.format(4)} {DIGEST.format(4)} {place}",
        f"{ID.format(5)} <none> mnist-edge",  # kept, under two names
        f"{ID.format(5)} {DIGEST.format(5)} {place}",
        f"{ID.format(6)} {DIGEST.format(6)} docker.io/o/tool-mnist-like",
        f"{ID.format(7)} <none> <none>",
    ]
    (folder / "images").write_text("".join(f"{row}\n" for row in rows))
    kept = [
        Release("one", {"backend": ID.format(1), "edge": ID.format(5)}),
        Release("two", {"backend": f"{place}@{DIGEST.format(3)}"}),
    ]
    with sited(Broken(folder, "image rm")) as (site, said):
        site.forget(kept)
    left = (folder / "images").read_text().splitlines()
    assert left == [row for row in rows if not row.startswith((ID.format(2), ID.format(4)))]
    assert said == []


def test_an_image_that_stays_is_told(folder: Path) -> None:
    """Neither an image in use nor a Docker that is away undoes a deployment that is done."""
    (folder / "images").write_text(f"{ID.format(1)} <none> mnist-backend\n")
    (folder / "used").write_text(ID.format(1))
    with sited(Near(folder)) as (site, said):
        site.forget([])
        (folder / "images").unlink()
        site.forget([])
    assert [text.split(":")[0] for text in said] == ["an old image stays", "old images stay"]


def test_an_entry_of_which_a_part_arrives_is_not_appended(folder: Path) -> None:
    """The trail stays whole, and the next entry is the next of it."""
    with sited(Near(folder)) as (site, _):
        site.note("started")
    with sited(Cut(folder)) as (site, _), pytest.raises(CommandFailedError):
        site.note("gate")
    with sited(Broken(folder, "audit.new")) as (site, _):
        site.note("done")
        assert [entry["event"] for entry in site.trail()] == ["started", "done"]


def test_a_trail_that_ends_in_no_entry_is_told(folder: Path) -> None:
    """Nothing is added to what cannot be followed."""
    (folder / "audit.jsonl").write_text('{"event": "sta')
    with sited(Near(folder)) as (site, _), pytest.raises(AuditBrokenError, match="last line"):
        site.note("started")


def test_the_exporter_may_read_what_is_left_in_metrics(tmp_path: Path) -> None:
    """Another user than the folder's owner enters it, whatever the host's mask is."""
    host = Near(tmp_path)
    before = os.umask(0o077)
    try:
        with lock.held(host, "me"):
            Site(host, "production", print, watched=True).configure(State(), RELEASE)
    finally:
        os.umask(before)
    assert (tmp_path / "metrics").stat().st_mode & 0o777 == 0o755
