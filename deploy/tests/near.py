"""A host that is this machine, with a Docker that only pretends; and an image in a file."""

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mnist_deploy.errors import CommandFailedError, HostUnreachableError
from mnist_deploy.ssh import Host

DOCKER = """\
#!/bin/sh
# Has the images whose names are lines of the file `images`; pulling or loading adds a line.
case "$1 $2" in
"image inspect") for last; do :; done; grep -qx "$last" images ;;
"pull --quiet") [ ! -e refuse ] && echo "$3" >>images ;;
"load --quiet") cat >loaded; cat loads >>images ;;
"images --quiet") : ;;
*) echo "unknown: $*" >&2; exit 2 ;;
esac
"""

LAYERS = {"first": b"one layer", "second": b"another"}


class Near(Host):
    """A host that is this machine, in a folder of the test's."""

    def __init__(self, folder: Path) -> None:
        """Need no connection."""
        self.folder, self.token = str(folder), ""
        (folder / "images").touch()

    def _run(self, script: str, content: bytes | None, limit_seconds: float) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=self.folder,
            input=content,
            capture_output=True,
            timeout=limit_seconds,
            check=False,
        )
        if done.returncode:
            raise CommandFailedError(script, done.returncode, done.stderr.decode())
        return done.stdout.decode()

    def stream(self, script: str, write: Callable[[IO[bytes]], None]) -> None:
        """Run a script with what is written on its standard input."""
        path = Path(self.folder) / "stream"
        with path.open("wb") as stream:
            write(stream)
        self._run(script, path.read_bytes(), 60)


class Broken(Near):
    """A host to which the line breaks once a script has run, so that it is sent again."""

    def __init__(self, folder: Path, at: str) -> None:
        """Break at the first script with these words."""
        super().__init__(folder)
        self.at = at

    def _run(self, script: str, content: bytes | None, limit_seconds: float) -> str:
        said = super()._run(script, content, limit_seconds)
        if self.at and self.at in script:
            self.at = ""
            raise HostUnreachableError("the line broke")
        return said


class Cut(Near):
    """A host to which the line breaks before all of a script's input has come."""

    def _run(self, script: str, content: bytes | None, limit_seconds: float) -> str:
        return super()._run(script, content and content[:-1], limit_seconds)


def installed(folder: Path, docker: str) -> str:
    """The folder of programs in which a Docker is that only pretends."""
    folder.mkdir()
    (folder / "docker").write_text(docker)
    (folder / "docker").chmod(0o755)
    return str(folder)


def written(path: Path, *, named: str = "") -> Path:
    """An image of two layers in a file."""
    differences = [f"sha256:{hashlib.sha256(content).hexdigest()}" for content in LAYERS.values()]
    configuration = json.dumps({"rootfs": {"diff_ids": differences}}).encode()
    name = named or hashlib.sha256(configuration).hexdigest()
    manifest = json.dumps([{"Config": f"blobs/sha256/{name}", "Layers": [*LAYERS]}]).encode()
    with tarfile.open(path, "w") as tar:
        members = {"manifest.json": manifest, f"blobs/sha256/{name}": configuration, **LAYERS}
        for member, content in members.items():
            header = tarfile.TarInfo(member)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return path
