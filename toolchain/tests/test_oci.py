"""Images as OCI blobs: valid, the same each time, and pushed to a registry once."""

import hashlib
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from toolchain.errors import RegistryPushError
from toolchain.oci import Image, is_pushed, push_image, write_image, write_tar

NAME = "team/app:1.2"


@dataclass
class Registry:
    """What a registry holds, and what it was asked."""

    address: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    refuses: str = ""


class Handler(BaseHTTPRequestHandler):
    """The part of the OCI distribution API that a push needs."""

    registry: Registry

    def do_HEAD(self) -> None:
        """Answer whether a blob, or a manifest of a kind that the caller knows, is there."""
        kept = {
            sha256(body)
            for kind, body in self.registry.manifests.values()
            if kind in self.headers.get("Accept", "")
        }
        known = kept if "/manifests/" in self.path else self.registry.blobs
        self.answer(200 if self.path.rpartition("/")[2] in known else 404)

    def do_POST(self) -> None:
        """Begin an upload."""
        location = f"http://{self.registry.address}{self.path}1?_state=x"
        self.answer(202, {"Location": location})

    def do_PUT(self) -> None:
        """Take a blob or a manifest, unless told to refuse it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.registry.refuses and self.registry.refuses in self.path:
            self.answer(507)
            return
        if "/manifests/" in self.path:
            self.registry.manifests[self.path] = (self.headers["Content-Type"], body)
        else:
            digest = self.path.partition("&digest=")[2]
            assert digest == sha256(body)
            self.registry.uploads.append(digest)
            self.registry.blobs[digest] = body
        self.answer(201)

    def answer(self, code: int, headers: dict[str, str] | None = None) -> None:
        """Send a status and headers."""
        self.send_response(code)
        for name, value in {"Content-Length": "0", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry on loopback."""
    state = Registry()
    handler = type("OwnHandler", (Handler,), {"registry": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        state.address = f"127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """An image of two layers."""
    layers = []
    for name in ("lower", "upper"):
        (tmp_path / name).write_text(name)
        write_tar({f"etc/{name}": tmp_path / name}, tmp_path / f"{name}.tar")
        layers.append(tmp_path / f"{name}.tar")
    return Image(tuple(layers), {"A": "1"}, {"label": "x"}, ("run",), ("--all",))


def sha256(content: bytes) -> str:
    """Return a digest as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def blob(blobs: Path, digest: str) -> bytes:
    """Read a stored blob."""
    return (blobs / "sha256" / digest.removeprefix("sha256:")).read_bytes()


def assert_describes(part: dict[str, Any], content: bytes) -> None:
    """A descriptor has the content's digest and size, and a media type of OCI."""
    assert part["digest"] == sha256(content)
    assert part["size"] == len(content)
    assert re.fullmatch(r"application/vnd\.oci\.image\.[a-z0-9.]+(\+json|\.tar)", part["mediaType"])


def test_a_written_image_is_valid(image: Image, tmp_path: Path) -> None:
    """Manifest, configuration and layers fit each other as the OCI image specification says."""
    digest = write_image(image, tmp_path / "blobs")
    content = blob(tmp_path / "blobs", digest)
    assert digest == sha256(content)
    manifest = json.loads(content)
    assert manifest["schemaVersion"] == 2
    for part in (manifest["config"], *manifest["layers"]):
        assert_describes(part, blob(tmp_path / "blobs", part["digest"]))
    layers = [layer.read_bytes() for layer in image.layers]
    assert [blob(tmp_path / "blobs", layer["digest"]) for layer in manifest["layers"]] == layers
    configuration = json.loads(blob(tmp_path / "blobs", manifest["config"]["digest"]))
    diff_ids = [sha256(layer) for layer in layers]
    assert configuration["rootfs"] == {"type": "layers", "diff_ids": diff_ids}
    assert len(configuration["history"]) == len(layers)
    assert (configuration["os"], configuration["architecture"]) == ("linux", "amd64")


def test_an_image_runs_as_it_was_told(image: Image, tmp_path: Path) -> None:
    """Environment, labels, entrypoint and command stand in the configuration, PATH by default."""
    manifest = json.loads(blob(tmp_path / "b", write_image(image, tmp_path / "b")))
    config = json.loads(blob(tmp_path / "b", manifest["config"]["digest"]))["config"]
    assert config["Env"][0] == "A=1"
    assert config["Env"][1].startswith("PATH=/")
    assert config["Labels"] == {"label": "x"}
    assert (config["Entrypoint"], config["Cmd"]) == (["run"], ["--all"])


def test_the_same_image_has_the_same_digest(image: Image, tmp_path: Path) -> None:
    """The digest follows from the content alone, and the same content is stored once."""
    first = write_image(image, tmp_path / "one")
    stored = sorted((tmp_path / "one").rglob("*"))
    assert write_image(image, tmp_path / "one") == first
    assert sorted((tmp_path / "one").rglob("*")) == stored
    assert write_image(image, tmp_path / "two") == first


def test_a_blob_outlives_the_file_it_came_from(image: Image, tmp_path: Path) -> None:
    """A layer written anew beside its old self does not change the blob that was stored."""
    digest = write_image(image, tmp_path / "blobs")
    (tmp_path / "lower").write_text("other")
    write_tar({"etc/lower": tmp_path / "lower"}, image.layers[0])
    for layer in json.loads(blob(tmp_path / "blobs", digest))["layers"]:
        assert_describes(layer, blob(tmp_path / "blobs", layer["digest"]))
    assert write_image(image, tmp_path / "blobs") != digest


def test_a_push_sends_every_blob_once(image: Image, registry: Registry, tmp_path: Path) -> None:
    """A first push sends all blobs and the manifest under its tag, a second one no blob."""
    digest = write_image(image, tmp_path)
    push_image(tmp_path, digest, registry.address, NAME)
    manifest = json.loads(blob(tmp_path, digest))
    parts = [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
    assert registry.uploads == parts
    kept = registry.manifests["/v2/team/app/manifests/1.2"]
    assert kept == (manifest["mediaType"], blob(tmp_path, digest))
    push_image(tmp_path, digest, registry.address, NAME)
    assert registry.uploads == parts


def test_what_was_pushed_is_there(image: Image, registry: Registry, tmp_path: Path) -> None:
    """A manifest is there once it was pushed, another one is not, and nobody has any."""
    digest = write_image(image, tmp_path)
    assert not is_pushed(digest, registry.address, NAME)
    push_image(tmp_path, digest, registry.address, NAME)
    assert is_pushed(digest, registry.address, NAME)
    assert not is_pushed(f"sha256:{'0' * 64}", registry.address, NAME)
    assert not is_pushed(digest, "127.0.0.1:9", NAME)


def test_a_push_does_not_go_through_a_proxy(
    image: Image, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local registry is asked directly, whatever proxy the machine's network needs."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    push_image(tmp_path, write_image(image, tmp_path), registry.address, NAME)
    assert list(registry.manifests) == ["/v2/team/app/manifests/1.2"]


@pytest.mark.parametrize("refused", ["/blobs/uploads/", "/manifests/"])
def test_a_refused_push_names_image_and_registry(
    refused: str, image: Image, registry: Registry, tmp_path: Path
) -> None:
    """A registry that takes no blob or no manifest leads to an error that says who and what."""
    registry.refuses = refused
    digest = write_image(image, tmp_path)
    with pytest.raises(RegistryPushError, match="507") as failure:
        push_image(tmp_path, digest, registry.address, NAME)
    assert NAME in failure.value.message
    assert registry.address in failure.value.message
    assert isinstance(failure.value.__cause__, HTTPError)
    failure.value.__cause__.close()
    assert registry.manifests == {}


def test_a_push_to_nobody_is_an_error(image: Image, tmp_path: Path) -> None:
    """A registry that is not there is named."""
    digest = write_image(image, tmp_path)
    with pytest.raises(RegistryPushError, match=r"127\.0\.0\.1:9.*team/app"):
        push_image(tmp_path, digest, "127.0.0.1:9", NAME)


def test_a_tar_belongs_to_root(tmp_path: Path) -> None:
    """Owners in a layer are root, links at the top are followed, folders come with their files."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "program").write_text("x")
    (tmp_path / "folder" / "program").chmod(0o755)
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    write_tar({"usr/thing": tmp_path / "link"}, tmp_path / "layer.tar")
    with tarfile.open(tmp_path / "layer.tar") as archive:
        entries = {entry.name: entry for entry in archive}
    assert set(entries) == {"usr/thing", "usr/thing/program"}
    assert entries["usr/thing/program"].mode == 0o755
    owners = {(e.uid, e.gid, e.uname, e.gname) for e in entries.values()}
    assert owners == {(0, 0, "root", "root")}
    assert list(tmp_path.glob("*.partial")) == []
