"""The vendor's client: taken from PATH, or downloaded once and checked; its refusal remembered."""

import dataclasses
import hashlib
import io
import os
import platform
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import __main__ as verbs
from toolchain import vendor
from toolchain.errors import ChecksumMismatchError
from toolchain.settings import Settings
from toolchain.tests.conftest import Server
from toolchain.vendor import client_in_path, vendor_client

ARCHIVE = "/0.19.10/dagger_v0.19.10_linux_amd64.tar.gz"
SUMS = "/0.19.10/checksums.txt"
CLIENT = b"#!/bin/sh\necho the vendor's own\n"


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine is one for which the vendor has a client, and the test's own server is near."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


@pytest.fixture
def docker(tmp_path: Path, program: Callable[[str, str], Path]) -> Path:
    """A docker that has no image and pulls any; what it is asked stands in the file returned."""
    calls = tmp_path / "docker-calls"
    calls.write_text("")
    program("docker", f'echo "$@" >> {calls}; [ "$1" != image ]')
    return calls


@pytest.fixture
def here(settings: Settings, server: Server, docker: Path) -> Settings:
    """Settings with the server as the vendor's site, holding a client and its checksum."""
    assert docker.exists()
    archive = packed(CLIENT)
    sums = f"{hashlib.sha256(archive).hexdigest()}  {ARCHIVE.rpartition('/')[2]}\n"
    server.answers = {ARCHIVE: (200, archive), SUMS: (200, sums.encode())}
    # a folder without any `dagger` of this machine
    environment = {"PATH": str(docker.parent / "programs")}
    return dataclasses.replace(settings, vendor=server.url, environment=environment)


def packed(content: bytes) -> bytes:
    """Return a tar.gz with a client in it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("dagger")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_the_client_is_downloaded_once(here: Settings, server: Server, docker: Path) -> None:
    """The client is checked, made executable and kept, and the engine's image is pulled."""
    client = vendor_client(here, "docker")
    assert client
    assert client.read_bytes() == CLIENT
    assert client.stat().st_mode & 0o777 == 0o755
    assert here.cache in client.parents
    assert docker.read_text().splitlines() == [
        "image inspect registry.dagger.io/engine:v0.19.10",
        "pull --quiet registry.dagger.io/engine:v0.19.10",
    ]
    asked = sorted(server.asked)
    assert asked == sorted([SUMS, ARCHIVE])
    assert vendor_client(here, "docker") == client
    assert sorted(server.asked) == asked


def test_an_image_that_is_there_is_not_pulled(
    here: Settings, docker: Path, program: Callable[[str, str], Path]
) -> None:
    """An engine image that the runtime already has is left alone."""
    program("docker", f'echo "$@" >> {docker}')
    assert vendor_client(here, "docker")
    assert "pull" not in docker.read_text()


def test_a_wrong_checksum_is_an_error_and_leaves_nothing(here: Settings, server: Server) -> None:
    """Both checksums are shown, the client is not kept, and nothing is written."""
    server.answers[ARCHIVE] = (200, packed(b"something else"))
    with pytest.raises(ChecksumMismatchError, match=r"checksums\.txt says [0-9a-f]{64}") as failure:
        vendor_client(here, "docker")
    assert hashlib.sha256(server.answers[ARCHIVE][1]).hexdigest() in failure.value.message
    assert not here.cache.exists()


def test_a_vendor_out_of_reach_is_said_and_remembered(
    here: Settings, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """A site that cannot be reached leads to the other way, and is not asked again for a day."""
    server.answers = {}
    assert vendor_client(here, "docker") is None
    assert "making it from package registries" in capsys.readouterr().err
    asked = list(server.asked)
    assert vendor_client(here, "docker") is None
    assert server.asked == asked
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("path", "answered", "said"),
    [
        (SUMS, b"<html>\nSign in", "what was answered begins '<html>\\nSign in'"),
        (SUMS, b"\n", "does not name dagger_v0.19.10_linux_amd64.tar.gz"),
        (SUMS, b"\xff\xfe", "what was answered begins"),
        (ARCHIVE, None, "IncompleteRead"),
    ],
    ids=["a page", "a blank line", "no text", "cut off"],
)
def test_what_a_proxy_answers_instead_leads_the_other_way(
    path: str,
    answered: bytes | None,
    said: str,
    here: Settings,
    server: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where something answers in the vendor's place, it is said what, and the registries do."""
    if answered is None:
        server.cut.add(path)
    else:
        server.answers[path] = (200, answered)
    assert vendor_client(here, "docker") is None
    message = capsys.readouterr().err
    assert said in message
    assert "making it from package registries" in message
    assert (ARCHIVE in server.asked) == (path == ARCHIVE)


@pytest.mark.parametrize("changed", ["vendor", "engine_version"])
def test_a_refusal_counts_for_what_was_refused_alone(
    changed: str, here: Settings, server: Server
) -> None:
    """A vendor or an engine that is named afterwards is asked for at once."""
    answers, server.answers = server.answers, {}
    other = {"vendor": "http://127.0.0.1:9/releases", "engine_version": "v0.21.11"}[changed]
    assert vendor_client(dataclasses.replace(here, **{changed: other}), "docker") is None
    server.answers = answers
    assert vendor_client(here, "docker")


def test_a_refusal_is_forgotten_after_a_day(
    here: Settings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor is asked again when a day is over."""
    answers, server.answers = server.answers, {}
    assert vendor_client(here, "docker") is None
    server.answers = answers
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 24 * 3600 + 60)
    assert vendor_client(here, "docker")


def test_the_doctor_forgets_a_refusal(
    here: Settings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `doctor` the vendor is asked again."""
    answers, server.answers = server.answers, {}
    assert vendor_client(here, "docker") is None
    server.answers = answers
    monkeypatch.setattr(verbs, "container_runtime", lambda: "docker")
    monkeypatch.setattr(verbs, "registries_problems", lambda _: [])
    monkeypatch.setattr(verbs, "read_registries", lambda _: None)
    monkeypatch.setattr(verbs, "require_answers", lambda _: [])
    verbs.doctor(here)
    assert vendor_client(here, "docker")


def test_a_refusal_that_was_cut_off_is_forgotten_too(
    here: Settings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A memory that a kill cut off is no traceback, and lasts no longer than a whole one."""
    answers, server.answers = server.answers, {}
    assert vendor_client(here, "docker") is None
    server.answers = answers
    vendor._refusal(here).write_text("")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 24 * 3600 + 60)
    assert vendor_client(here, "docker")


def test_an_engine_that_cannot_be_pulled_closes_the_way(
    here: Settings, program: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A client without its engine's image is of no use, so the other way is taken."""
    program("docker", "exit 1")
    assert vendor_client(here, "docker") is None
    assert "cannot be had here" in capsys.readouterr().err


def test_the_pinned_client_in_path_is_preferred(
    here: Settings, server: Server, program: Callable[[str, str], Path]
) -> None:
    """A `dagger` of the pinned version in PATH is used, and nothing is downloaded."""
    own = program("dagger", 'echo "dagger v0.19.10 (docker-image://x:v0.19.10) linux/amd64"')
    assert client_in_path(here) == own
    assert vendor_client(here, "docker") == own
    assert server.asked == []


@pytest.mark.parametrize(
    "version", ["dagger v0.19.1 (image://x:v0.19.10) linux", "dagger v0.19.100 ()", ""]
)
def test_another_client_in_path_is_not_used(
    version: str, here: Settings, program: Callable[[str, str], Path]
) -> None:
    """A `dagger` of any other version is passed over for the vendor's own."""
    own = program("dagger", f"echo '{version}'")
    assert client_in_path(here) is None
    assert vendor_client(here, "docker") not in {None, own}


def test_no_client_in_path_is_none(here: Settings) -> None:
    """Where PATH has no `dagger` there is none to use."""
    assert os.environ["PATH"] != here.environment["PATH"]
    assert client_in_path(here) is None
