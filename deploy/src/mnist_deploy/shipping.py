"""Brings images to a host: from a registry by digest, or from files over SSH, without one.

Contract: an image is there when the host itself names its digest; what is there already is not sent
again, of a file only the layers that the host lacks are. Does not know what runs.
"""

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from mnist_deploy import archive
from mnist_deploy.errors import CommandFailedError, ReleaseRefusedError, UsageInvalidError
from mnist_deploy.ssh import Host

PULL_SECONDS = 900
PREFIX = "mnist"  # of the names under which loaded images are kept

Say = Callable[[str], None]


def archives(folder: Path | None) -> dict[str, archive.Archive]:
    """The images of a folder, by the names of the files."""
    files = sorted(folder.glob("*.tar")) if folder else []
    return {path.stem: archive.opened(path) for path in files}


def there(host: Host, reference: str) -> bool:
    """Whether the host has an image."""
    try:
        host.read(f"docker image inspect {shlex.quote(reference)} >/dev/null 2>&1")
    except CommandFailedError:
        return False
    return True


def ship(
    host: Host, images: Mapping[str, str], files: Mapping[str, archive.Archive], say: Say
) -> None:
    """Brings every image of a release to the host.

    Raises:
        ReleaseRefusedError: one cannot be had, or is not what arrived.
    """
    for part, reference in images.items():
        if there(host, reference):
            say(f"{part}: there already")
        elif "@" in reference:
            host.change(f"docker pull --quiet {shlex.quote(reference)}", limit_seconds=PULL_SECONDS)
            say(f"{part}: pulled")
        elif part in files:
            load(host, part, files[part], say)
        else:
            message = f"{part}: the host has no image {reference}, and no file of it was given"
            raise ReleaseRefusedError(message)
        if not there(host, reference):
            message = f"{part}: what arrived is not {reference}"
            raise ReleaseRefusedError(message)


def load(host: Host, part: str, file: archive.Archive, say: Say) -> None:
    """Sends what a host lacks of an image, and has Docker load it."""
    known = host.read(
        "ids=$(docker images --quiet --no-trunc | sort -u); "
        "[ -z \"$ids\" ] || docker image inspect --format '{{json .RootFS.Layers}}' $ids"
    )
    layers = archive.missing(file, [json.loads(line) for line in known.splitlines() if line])
    tag = f"{PREFIX}-{part}:{file.identity.removeprefix('sha256:')[:12]}"
    host.stream("docker load --quiet", lambda out: archive.write_thin(file, layers, tag, out))
    say(f"{part}: sent {len(layers)} of {len(file.layers)} layers")


def references(files: Mapping[str, archive.Archive], given: Mapping[str, str]) -> dict[str, str]:
    """The image of each part: from a file, or as given.

    Raises:
        UsageInvalidError: a part has both, and they differ.
    """
    for part, reference in given.items():
        if part in files and files[part].identity != reference:
            message = f"{part}: the file holds {files[part].identity}, not {reference}"
            raise UsageInvalidError(message)
    return {part: file.identity for part, file in files.items()} | dict(given)
