"""A database of vulnerabilities as a mirror keeps it: an OCI artifact of the kind for Trivy.

Contract: the layout holds one manifest with one layer, which says by media type and title what it
is; the same files give the same bytes. Does not know what a database says, nor registries.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from hashlib import sha256

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIGURATION = "application/vnd.aquasec.trivy.config.v1+json"
LAYER = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
TITLE = {"org.opencontainers.image.title": "db.tar.gz"}  # Trivy unpacks by this name
INDEX = "index.json"


def layout(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of an OCI layout, by their paths, that holds these files of a database."""
    blobs: dict[str, bytes] = {}

    def kept(kind: str, content: bytes) -> dict[str, object]:
        digest = sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}

    layer = {**kept(LAYER, packed(files)), "annotations": TITLE}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST}
    manifest |= {"config": kept(CONFIGURATION, b"{}"), "layers": [layer]}
    index = {"schemaVersion": 2, "manifests": [kept(MANIFEST, json.dumps(manifest).encode())]}
    blobs["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    blobs[INDEX] = json.dumps(index).encode()
    return blobs


def packed(files: Mapping[str, bytes]) -> bytes:
    """Files as a packed archive, without a time."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as stream:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            stream.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(archive.getvalue(), mtime=0)
