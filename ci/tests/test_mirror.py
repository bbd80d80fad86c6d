"""A database of vulnerabilities as an OCI artifact."""

import io
import json
import tarfile
from hashlib import sha256
from typing import Any

from mnist_pipeline.gates.mirror import INDEX, layout

FILES = {"trivy.db": b"database", "metadata.json": b"{}"}


def blob(made: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    """What a descriptor names, held to its digest and size."""
    algorithm, digest = descriptor["digest"].split(":")
    content = made[f"blobs/{algorithm}/{digest}"]
    assert (sha256(content).hexdigest(), len(content)) == (digest, descriptor["size"])
    return content


def test_a_layout_leads_to_the_files() -> None:
    """From the index by a manifest to one layer of the kind and name that Trivy asks for."""
    made = layout(FILES)
    [described] = json.loads(made[INDEX])["manifests"]
    manifest = json.loads(blob(made, described))
    assert described["mediaType"] == manifest["mediaType"]
    assert manifest["config"]["mediaType"] == "application/vnd.aquasec.trivy.config.v1+json"
    assert json.loads(blob(made, manifest["config"])) == {}
    [layer] = manifest["layers"]
    assert layer["mediaType"] == "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
    assert layer["annotations"] == {"org.opencontainers.image.title": "db.tar.gz"}
    with tarfile.open(fileobj=io.BytesIO(blob(made, layer)), mode="r:gz") as archive:
        streams = {name: archive.extractfile(name) for name in archive.getnames()}
        assert {name: stream.read() for name, stream in streams.items() if stream} == FILES
    assert json.loads(made["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}


def test_the_same_files_make_the_same_layout() -> None:
    """Nothing of the time or order in which it is made goes into it, and all of the files does."""
    assert layout(FILES) == layout(dict(reversed(FILES.items())))
    assert layout(FILES)[INDEX] != layout({**FILES, "trivy.db": b"other"})[INDEX]
