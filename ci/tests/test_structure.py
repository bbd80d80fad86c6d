"""Verdicts on what an image is made of, and the program that reads it."""

import io
import json
import tarfile
from datetime import date
from typing import Any

import pytest

from mnist_pipeline.gates.structure import (
    Expected,
    Size,
    SizesMalformedError,
    judge,
    sizes,
    trend,
)
from mnist_pipeline.layers import contents

EXPECTED = Expected(("python", "-m", "mnist_backend"), frozenset({8000}))
SIZE = Size(400, ((date(2026, 9, 1), 360), (date(2026, 11, 28), 384)))
CONFIG: dict[str, Any] = {
    "User": "10001:10001",
    "Cmd": ["python", "-m", "mnist_backend"],
    "ExposedPorts": {"8000/tcp": {}},
    "Env": ["PATH=/usr/bin", "MNIST_KEYS_FILE=/keys/keys.json"],
}
SOUND: dict[str, Any] = {
    "config": CONFIG,
    "history": ["RUN apt-get update", "ENV PIP_NO_DEPS=1"],
    "layers": 3,
    "files": 4000,
    "bytes": 385_000_000,
    "special": [],
    "faults": [],
}
PLANTED = [  # what is changed, and what the reason says
    ({"config": CONFIG | {"User": ""}}, "the user is 'root'"),
    ({"config": CONFIG | {"User": "0"}}, "the user is '0'"),
    ({"config": CONFIG | {"Cmd": ["sh"]}}, "it runs 'sh'"),
    ({"config": CONFIG | {"Entrypoint": ["sh", "-c"]}}, "it runs 'sh -c python"),
    ({"config": CONFIG | {"ExposedPorts": {}}}, r"it exposes the ports \[\]"),
    ({"config": CONFIG | {"ExposedPorts": {"8000/tcp": {}, "22/tcp": {}}}}, r"ports \[22, 8000\]"),
    ({"config": CONFIG | {"Env": ["REGISTRY_PASSWORD=a"]}}, "REGISTRY_PASSWORD holds a secret"),
    ({"config": CONFIG | {"Env": ["URL=postgresql://a:b@c/d"]}}, "URL holds a secret"),
    ({"config": CONFIG | {"Env": ["https_proxy=http://proxy:1"]}}, "https_proxy tells of the net"),
    ({"special": ["/usr/bin/su"]}, "/usr/bin/su runs with another user's"),
    ({"bytes": 401_000_000}, "401 MB unpacked, more than 400"),
    ({"bytes": 360_000_000}, "360 MB unpacked, 384 on 2026-11-28: add today's"),
    ({"faults": ["layer 1: /srv/.bash_history: a file of this name"]}, "layer 1: /srv"),
    ({"history": ["ARG GHCR_TOKEN=abc"]}, "step 0 of its making holds a secret"),
]


def test_an_image_as_expected_is_green() -> None:
    """The verdict tells how many files and megabytes it has."""
    assert judge(json.dumps(SOUND), EXPECTED, SIZE).counts == {"files": 4000, "megabytes": 385}


@pytest.mark.parametrize(("change", "reason"), PLANTED)
def test_a_planted_fault_is_red(change: dict[str, Any], reason: str) -> None:
    """One fault alone turns the image red, and the reason names it."""
    verdict = judge(json.dumps(SOUND | change), EXPECTED, SIZE)
    assert (verdict.status, len(verdict.reasons)) == ("red", 1)
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(verdict.reasons[0])


@pytest.mark.parametrize("text", ["", "{}", "null", json.dumps(SOUND | {"files": 1})])
def test_an_image_that_was_not_seen_is_not_run(text: str) -> None:
    """An empty image breaks no rule, and is no image."""
    assert judge(text, EXPECTED, SIZE).status == "not run"


ENTRY = """
[backend]
budget = 400
recorded = [{day = 2026-09-01, megabytes = 360}, {day = 2026-11-28, megabytes = 384}]
"""


def test_sizes_are_read_and_told_as_a_trend() -> None:
    """The picture goes from what was recorded to what is; the budget is its height."""
    assert sizes(ENTRY) == {"backend": SIZE}
    told = trend(
        {"backend": Size(400, ((date(2026, 9, 1), 90), (date(2026, 11, 28), 200)))},
        {"backend": 399},
    )
    assert told.splitlines()[-1] == "| backend | 399 | 100% of 400 | +309 since 2026-09-01 | ▂▄█ |"


@pytest.mark.parametrize(
    "toml",
    [
        "[backend",
        "backend = 3",
        "[backend]",
        ENTRY.replace("400", '"400"'),
        ENTRY.replace("2026-09-01", "2026-12-01"),
        ENTRY.replace("2026-09-01", '"2026-09-01"'),
        "[backend]\nbudget = 1\nrecorded = []",
    ],
)
def test_a_file_of_sizes_that_says_less_is_refused(toml: str) -> None:
    """Each image has a budget, and at least one size with its day, the oldest first."""
    with pytest.raises(SizesMalformedError, match="image-sizes"):
        sizes(toml)


def packed(files: dict[str, bytes], mode: int = 0o644) -> bytes:
    """A tar of files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def image(*layers: bytes) -> tarfile.TarFile:
    """An image's archive with these layers."""
    blobs = {f"blobs/sha256/{number}": layer for number, layer in enumerate(layers)}
    described = {
        "config": {"digest": "sha256:config"},
        "layers": [{"digest": f"sha256:{number}"} for number, _ in enumerate(layers)],
    }
    configuration = {"config": CONFIG, "history": [{"created_by": "COPY src src"}, {}]}
    blobs["blobs/sha256/manifest"] = json.dumps(described).encode()
    blobs["blobs/sha256/config"] = json.dumps(configuration).encode()
    index = {"manifests": [{"digest": "sha256:manifest"}]}
    blobs["index.json"] = json.dumps(index).encode()
    return tarfile.open(fileobj=io.BytesIO(packed(blobs)))


def test_files_are_counted_as_a_container_sees_them() -> None:
    """A later layer replaces and takes away what earlier ones brought."""
    first = packed({"a/one": b"1" * 100, "a/two": b"2", "b/three": b"3"})
    read = contents(image(first, packed({"a/one": b"1", "a/.wh.two": b"", "b/.wh..wh..opq": b""})))
    assert (read["files"], read["bytes"], read["layers"]) == (1, 1, 2)
    assert read["config"] == CONFIG
    assert read["history"] == ["COPY src src", ""]


def test_special_rights_are_found() -> None:
    """A program that runs with another's rights is named, unless a later layer takes them."""
    assert contents(image(packed({"bin/su": b""}, 0o4755)))["special"] == ["/bin/su"]
    taken = contents(image(packed({"bin/su": b""}, 0o4755), packed({"bin/su": b""}, 0o755)))
    assert taken["special"] == []


def test_what_a_later_layer_removes_is_still_found() -> None:
    """A key that was there for one step is in the image for everybody who has it."""
    key = f"-----BEGIN {'PRIVATE'} KEY-----\n".encode() + b"MIIE" * 20
    layers = packed({"tmp/k": key, "srv/.bash_history": b"ls"}), packed({"tmp/.wh.k": b""})
    found = contents(image(*layers))["faults"]
    assert found == [
        "layer 0: /tmp/k: holds a secret",
        "layer 0: /srv/.bash_history: a file of this name belongs into no image",
    ]


@pytest.mark.parametrize(
    ("start", "rest"),
    [("AKIA", "Z7" * 8), ("ghp_", "a1" * 18), ("xoxb-", "1234567890-" + "a" * 20)],
)
def test_each_kind_of_secret_is_found(start: str, rest: str) -> None:
    """A token is found within a line, and not where its end is missing."""
    whole = packed({"srv/settings": f'token = "{start}{rest}"\n'.encode()})
    assert contents(image(whole))["faults"] == ["layer 0: /srv/settings: holds a secret"]
    half = packed({"srv/settings": f'token = "{start}{rest[:-1]}"\n'.encode()})
    assert contents(image(half))["faults"] == []


@pytest.mark.parametrize(
    "path",
    [
        "var/cache/apt/pkgcache.bin",
        "var/cache/apt/archives/jq_1.7_amd64.deb",
        "var/lib/apt/lists/mirror_debian_dists_trixie_main_binary-amd64_Packages",
        "root/.cache/pip/http/a",
    ],
)
def test_what_a_package_manager_keeps_is_found(path: str) -> None:
    """It weighs in every image, even where a later layer hides it; an empty file weighs nothing."""
    folder, _, name = path.rpartition("/")
    hidden = packed({f"{folder}/.wh.{name}": b""})
    said = f"layer 0: /{path}: 3 bytes kept for an installation: remove it in the same step"
    assert contents(image(packed({path: b"abc"}), hidden))["faults"] == [said]
    assert contents(image(packed({path: b""})))["faults"] == []


def test_a_layer_that_is_no_archive_is_refused() -> None:
    """What cannot be read raises instead of being passed over."""
    with pytest.raises(tarfile.ReadError):
        contents(image(b"no tar"))
