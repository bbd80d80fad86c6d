"""Makes another release of an image in a file: a layer more, another command, another label.

Contract: the new file holds the new layer only; the host has the others from the release before.
Does not know what is planted.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(content), 0o444
    tar.addfile(header, io.BytesIO(content))


def packed(files: Mapping[str, bytes]) -> bytes:
    """A layer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member(tar, name, content)
    return out.getvalue()


def derive(
    source: Path, target: Path, name: str, files: Mapping[str, bytes], command: Sequence[str] = ()
) -> None:
    """Write the file of an image that adds files to another and runs a command."""
    with tarfile.open(source) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        (one,) = json.load(manifest)
        whole = tar.extractfile(one["Config"])
        assert whole is not None
        configuration = json.load(whole)
    layer = packed({"release": name.encode(), **files})
    digest = hashlib.sha256(layer).hexdigest()
    configuration["rootfs"]["diff_ids"].append(f"sha256:{digest}")
    configuration.setdefault("history", []).append({"created_by": f"release {name}"})
    configuration["config"].setdefault("Labels", {})
    configuration["config"]["Labels"] = {
        **(configuration["config"]["Labels"] or {}),
        "release": name,
    }
    if command:
        configuration["config"]["Cmd"] = [*command]
    content = json.dumps(configuration).encode()
    place = f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"
    layers = [*one["Layers"], f"blobs/sha256/{digest}"]
    with tarfile.open(target, "w") as tar:
        listed = [{"Config": place, "RepoTags": None, "Layers": layers}]
        member(tar, "manifest.json", json.dumps(listed).encode())
        member(tar, place, content)
        member(tar, layers[-1], layer)
