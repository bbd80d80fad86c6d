"""Images as files: what one holds, whether it is whole, and the part of it that a host lacks.

Contract: an image's id is the SHA-256 of its configuration, which names the SHA-256 of each layer;
Docker checks the layers against it when it loads them. A thin archive leaves out the layers that
the host has. Does not know hosts.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mnist_deploy.errors import UsageInvalidError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Archive:
    """An image in a file, as `docker save` or the engine writes it."""

    path: Path
    identity: str  # sha256:...
    configuration: str  # the name of its member
    layers: tuple[str, ...]  # the names of their members
    differences: tuple[str, ...]  # the SHA-256 of each layer, unpacked


def opened(path: Path) -> Archive:
    """Reads what an archive says of itself.

    Raises:
        UsageInvalidError: it is no archive of one image, or is not what its name says.
    """
    try:
        with tarfile.open(path) as tar:
            (one,) = json.loads(_member(tar, MANIFEST))
            content = _member(tar, one["Config"])
            configuration = json.loads(content)
            differences = tuple(configuration["rootfs"]["diff_ids"])
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        message = f"{path} is no archive of one image, as `docker save` writes it: {error}"
        raise UsageInvalidError(message) from error
    hexadecimal = hashlib.sha256(content).hexdigest()
    named = Path(one["Config"]).name.removesuffix(".json")
    if named != hexadecimal or len(differences) != len(one["Layers"]):
        message = f"{path} was changed: its configuration is {hexadecimal}, named {named}"
        raise UsageInvalidError(message)
    return Archive(path, f"sha256:{hexadecimal}", one["Config"], tuple(one["Layers"]), differences)


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    if member is None:
        message = f"{name} is not a file"
        raise ValueError(message)
    return member.read()


def missing(archive: Archive, there: Collection[Sequence[str]]) -> list[str]:
    """The layers that a host lacks, whose images have these; one is known by all beneath it."""
    known = {tuple(layers[:depth]) for layers in there for depth in range(1, len(layers) + 1)}
    return [
        name
        for depth, name in enumerate(archive.layers, 1)
        if archive.differences[:depth] not in known
    ]


def write_thin(archive: Archive, layers: Collection[str], tag: str, out: IO[bytes]) -> None:
    """Writes an archive that holds only some of the layers, and names the image."""
    one = [{"Config": archive.configuration, "RepoTags": [tag], "Layers": list(archive.layers)}]
    content = json.dumps(one).encode()
    wanted = {archive.configuration, *layers}
    with tarfile.open(archive.path) as source, tarfile.open(fileobj=out, mode="w|") as thin:
        header = tarfile.TarInfo(MANIFEST)
        header.size = len(content)
        thin.addfile(header, io.BytesIO(content))
        for member in source:
            if member.name in wanted and member.isfile():
                wanted.discard(member.name)
                thin.addfile(member, source.extractfile(member))
    if wanted:
        message = f"{archive.path} lacks {', '.join(sorted(wanted))}"
        raise UsageInvalidError(message)
