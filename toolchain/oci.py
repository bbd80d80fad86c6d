"""Writes container images as OCI blobs and pushes them to a registry.

An image is a list of uncompressed tar layers and a configuration; nothing is compressed, for
everything stays on this machine. Blobs and manifests are stored under their SHA-256 (OCI image
specification 1.1). Knows nothing of Dagger, Debian or where the layers come from.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

from toolchain.errors import RegistryPushError

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Image:
    """What an image is made of: layers from the lowest to the highest, and how it runs."""

    layers: tuple[Path, ...]
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    def configuration(self, diff_ids: list[str]) -> dict[str, Any]:
        """Return the OCI image configuration for layers with these digests."""
        environment = {"PATH": SEARCH_PATH, **self.environment}
        return {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Env": [f"{name}={value}" for name, value in sorted(environment.items())],
                "Labels": self.labels,
                "Entrypoint": list(self.entrypoint),
                "Cmd": list(self.command),
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created_by": "toolchain"} for _ in diff_ids],
        }


def file_digest(path: Path) -> str:
    """Return `sha256:<hex>` of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def write_image(image: Image, blobs: Path) -> str:
    """Store an image's blobs under `blobs`/sha256 and return its manifest's digest.

    Layers are hard links where the file system allows it, copies elsewhere. A blob appears under
    its name only when it is whole, so that a killed run leaves nothing half written.
    """
    store = blobs / "sha256"
    store.mkdir(parents=True, exist_ok=True)
    layers: list[dict[str, Any]] = []
    for path in image.layers:
        digest = file_digest(path)
        _store_file(path, store / digest.partition(":")[2])
        layers.append({"mediaType": LAYER_TYPE, "digest": digest, "size": path.stat().st_size})
    configuration = image.configuration([layer["digest"] for layer in layers])
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, **_store_json(configuration, store)},
        "layers": layers,
    }
    return str(_store_json(manifest, store)["digest"])


def push_image(blobs: Path, manifest_digest: str, registry: str, name: str) -> None:
    """Push a stored image to `http://registry` as `name` ("repository:tag").

    Raises:
        RegistryPushError: the registry refused a blob or the manifest, or did not answer.
    """
    repository, _, tag = name.rpartition(":")
    base = f"http://{registry}/v2/{repository}"
    manifest_path = _blob(blobs, manifest_digest)
    manifest = json.loads(manifest_path.read_text())
    try:
        for part in (manifest["config"], *manifest["layers"]):
            _push_blob(base, _blob(blobs, part["digest"]), part["digest"])
        with manifest_path.open("rb") as stream:
            _send(
                "PUT",
                f"{base}/manifests/{tag}",
                stream,
                manifest_path.stat().st_size,
                MANIFEST_TYPE,
            )
    except (urllib.error.URLError, OSError) as error:
        raise RegistryPushError(name, registry, str(error)) from error


def is_pushed(digest: str, registry: str, name: str) -> bool:
    """Tell whether a registry that answers has this manifest of a repository."""
    url = f"http://{registry}/v2/{name.partition(':')[0]}/manifests/{digest}"
    try:
        return _exists(url)
    except (urllib.error.URLError, OSError):  # pushing it will tell what is wrong
        return False


def write_tar(entries: dict[str, Path], target: Path) -> None:
    """Write a tar of `entries` (path inside the image to file or folder here), owned by root."""
    partial = target.with_suffix(".partial")
    with tarfile.open(partial, "w") as archive:
        for name, source in sorted(entries.items()):
            archive.add(source.resolve(), arcname=name, filter=_owned_by_root)
    partial.replace(target)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _blob(blobs: Path, digest: str) -> Path:
    return blobs / "sha256" / digest.partition(":")[2]


def _store_file(source: Path, target: Path) -> None:
    if target.exists():
        return
    partial = target.with_suffix(f".{os.getpid()}")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    partial.replace(target)


def _store_json(value: dict[str, Any], store: Path) -> dict[str, Any]:
    data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(data).hexdigest()
    partial = store / f"{digest}.{os.getpid()}"
    partial.write_bytes(data)
    partial.replace(store / digest)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def _push_blob(base: str, path: Path, digest: str) -> None:
    if _exists(f"{base}/blobs/{digest}"):
        return
    with _open(urllib.request.Request(f"{base}/blobs/uploads/", method="POST", data=b"")) as answer:
        location = answer.headers["Location"]
    joint = "&" if "?" in location else "?"
    with path.open("rb") as stream:
        _send(
            "PUT",
            f"{location}{joint}digest={digest}",
            stream,
            path.stat().st_size,
            "application/octet-stream",
        )


def _exists(url: str) -> bool:
    try:
        accepted = {"Accept": f"{MANIFEST_TYPE}, */*"}
        with _open(urllib.request.Request(url, headers=accepted, method="HEAD")):
            return True
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            return False
        raise


def _send(method: str, url: str, body: IO[bytes], size_bytes: int, media_type: str) -> None:
    headers = {"Content-Type": media_type, "Content-Length": str(size_bytes)}
    with _open(urllib.request.Request(url, data=body, headers=headers, method=method)):
        pass


def _open(request: urllib.request.Request) -> http.client.HTTPResponse:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answer: http.client.HTTPResponse = opener.open(request, timeout=60)
    return answer
