"""Reads an image's archive, layer by layer, and prints what is in it as JSON; a program of its own.

Contract: it runs in any container that has Python; standard library only. It reads an OCI layout in
a tar, looks into every layer, also at what a later one removes, and never prints a secret. Does not
know what an image may hold; gates/structure.py does.
"""

import json
import re
import sys
import tarfile
from collections.abc import Iterator
from typing import IO, Any

SMALL_BYTES = 65536  # of a file that is searched for secrets
SPECIAL_BITS = 0o6000  # set user, set group
SECRETS = tuple(  # each begins with fixed text, which is searched for twenty times as fast
    re.compile(pattern)
    for pattern in (
        rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}",
        rb"AKIA[0-9A-Z]{16}\b",
        rb"gh[pousr]_[A-Za-z0-9]{36}",
        rb"xox[bp]-[0-9]{10,}-[0-9A-Za-z-]{20,}",
    )
)
PRIVATE = re.compile(  # files that belong to a person or a machine, not into an image
    r"(^|/)(\.(ba|z|k|a)?sh_history|\.python_history|\.psql_history|\.wget-hsts|\.lesshst"
    r"|\.netrc|\.pypirc|\.npmrc|\.git-credentials|\.env|id_(rsa|dsa|ecdsa|ed25519)"
    r"|\.docker/config\.json|\.aws/credentials|\.git/config)$"
)

KEPT = re.compile(  # by package managers, for their next installation, which no image has
    r"^var/(cache/apt/([^/]+\.bin|archives/[^/]+\.deb)|lib/apt/lists/[^/]+_(Packages|InRelease)[^/]*)$"
    r"|(^|/)\.cache/(pip|uv)/"
)


def member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """A file of the archive, opened."""
    stream = archive.extractfile(name)
    if stream is None:
        message = f"{name} is no file of the archive"
        raise KeyError(message)
    return stream


def blob(archive: tarfile.TarFile, descriptor: dict[str, Any]) -> IO[bytes]:
    """What a descriptor names, opened."""
    return member(archive, "blobs/" + descriptor["digest"].replace(":", "/"))


def manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    """The manifest of the only image in the archive."""
    descriptor = json.load(member(archive, "index.json"))["manifests"][0]
    content: dict[str, Any] = json.load(blob(archive, descriptor))
    if "manifests" in content:  # an index of platforms
        content = json.load(blob(archive, content["manifests"][0]))
    return content


def hidden(files: dict[str, tuple[int, int]], folder: str, name: str) -> None:
    """Takes away what a layer's mark says is no longer there."""
    gone = folder if name == ".wh..wh..opq" else f"{folder}{name.removeprefix('.wh.')}"
    for path in [p for p in files if p == gone or p.startswith(gone.rstrip("/") + "/")]:
        del files[path]


def findings(layer: tarfile.TarFile, entry: tarfile.TarInfo, path: str) -> Iterator[str]:
    """What is wrong with one file, whether or not a later layer takes it away."""
    if PRIVATE.search(path):
        yield f"/{path}: a file of this name belongs into no image"
    if entry.size and KEPT.search(path):
        yield f"/{path}: {entry.size} bytes kept for an installation: remove it in the same step"
    if entry.size <= SMALL_BYTES:
        stream = layer.extractfile(entry)
        content = stream.read() if stream else b""
        if any(secret.search(content) for secret in SECRETS):
            yield f"/{path}: holds a secret"


def contents(archive: tarfile.TarFile) -> dict[str, Any]:
    """Everything that is told about an image; raises KeyError where it is none."""
    described = manifest(archive)
    configuration = json.load(blob(archive, described["config"]))
    files: dict[str, tuple[int, int]] = {}  # mode and size by path, as a container sees them
    faults: list[str] = []
    for number, descriptor in enumerate(described["layers"]):
        with tarfile.open(fileobj=blob(archive, descriptor), mode="r:*") as layer:
            for entry in layer:
                path = entry.name.removeprefix("./").strip("/")
                folder, _, name = path.rpartition("/")
                if name.startswith(".wh."):
                    hidden(files, f"{folder}/" if folder else "", name)
                elif entry.isreg():
                    files[path] = (entry.mode, entry.size)
                    faults += [f"layer {number}: {x}" for x in findings(layer, entry, path)]
    return {
        "config": configuration.get("config") or {},
        "history": [step.get("created_by", "") for step in configuration.get("history") or []],
        "layers": len(described["layers"]),
        "files": len(files),
        "bytes": sum(size for _, size in files.values()),
        "special": sorted(f"/{path}" for path, (mode, _) in files.items() if mode & SPECIAL_BITS),
        "faults": faults,
    }


def main() -> None:
    """Print what is in the archive that the first argument names."""
    with tarfile.open(sys.argv[1]) as archive:
        json.dump(contents(archive), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
