"""The vendor's own client and engine, where Docker or Podman answers and both can be had.

The client is taken from PATH when it is the pinned version, else downloaded from the vendor's
release folder and checked against the checksums published there. The engine is a container that
the client starts by itself. A vendor that cannot be reached is remembered for a day, by its address
and for that version, so that each call does not wait for it again.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import platform
import shutil
import subprocess
import tarfile
import time
import urllib.request
from pathlib import Path

from toolchain.errors import ChecksumMismatchError
from toolchain.progress import say
from toolchain.settings import Settings

ENGINE_IMAGE = "registry.dagger.io/engine"
DOWNLOAD_SECONDS = 30
PULL_SECONDS = 600
REMEMBER_SECONDS = 24 * 3600
SHOWN_LETTERS = 60  # of what was answered instead of the checksums
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
ABSENCES = (  # a proxy of the network may answer anything in the vendor's place
    OSError,
    subprocess.SubprocessError,
    LookupError,
    ValueError,
    http.client.HTTPException,
)


def vendor_client(settings: Settings, runtime: str) -> Path | None:
    """Return the vendor's client, with its engine image pulled, or None where they cannot be had.

    Raises:
        ChecksumMismatchError: what was downloaded is not what the vendor's checksums say.
    """
    if _refused_lately(settings):
        return None
    try:
        client = client_in_path(settings) or _download(settings)
        _pull_engine(settings, runtime)
    except ABSENCES as error:
        say(f"the vendor's Dagger cannot be had here ({error}); making it from package registries")
        settings.folder("records")
        _refusal(settings).write_text(f"{_asked(settings)}\n{error}\n")
        return None
    return client


def client_in_path(settings: Settings) -> Path | None:
    """Return the `dagger` in PATH if it is the pinned version."""
    found = shutil.which("dagger", path=settings.environment.get("PATH"))
    if not found:
        return None
    words = subprocess.run(
        [found, "version"], capture_output=True, text=True, check=False, timeout=30
    ).stdout.split()
    return Path(found) if settings.engine_version in words[:2] else None


def forget_refusal(settings: Settings) -> None:
    """Ask the vendor again next time."""
    _refusal(settings).unlink(missing_ok=True)


def _download(settings: Settings) -> Path:
    version = settings.engine_version.removeprefix("v")
    target = settings.cache / "vendor" / version / "dagger"
    if target.exists():
        return target
    system = f"{platform.system().lower()}_{ARCHITECTURES[platform.machine()]}"
    name = f"dagger_v{version}_{system}.tar.gz"
    expected = _checksum(_fetch(settings, version, "checksums.txt").decode(errors="replace"), name)
    archive = _fetch(settings, version, name)
    found = hashlib.sha256(archive).hexdigest()
    if found != expected:
        raise ChecksumMismatchError(
            f"{name} has SHA-256 {found}; the vendor's checksums.txt says {expected}.",
            "do not use it; find out what stands between this machine and the vendor",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"dagger.{os.getpid()}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as content:
        member = content.extractfile("dagger")
        if member is None:
            raise OSError(f"{name} holds no file `dagger`")
        partial.write_bytes(member.read())
    partial.chmod(0o755)
    partial.replace(target)
    return target


def _checksum(answered: str, name: str) -> str:
    for words in map(str.split, answered.splitlines()):
        if words[1:] == [name]:
            return words[0]
    begins = answered[:SHOWN_LETTERS]
    raise ValueError(f"checksums.txt does not name {name}, what was answered begins {begins!r}")


def _fetch(settings: Settings, version: str, name: str) -> bytes:
    url = f"{settings.vendor}/{version}/{name}"
    with urllib.request.urlopen(url, timeout=DOWNLOAD_SECONDS) as answer:
        return bytes(answer.read())


def _pull_engine(settings: Settings, runtime: str) -> None:
    image = f"{ENGINE_IMAGE}:{settings.engine_version}"
    inspect = subprocess.run(
        [runtime, "image", "inspect", image], capture_output=True, check=False, timeout=60
    )
    if inspect.returncode:
        say(f"pulling {image} with {runtime}")
        subprocess.run(
            [runtime, "pull", "--quiet", image],
            check=True,
            timeout=PULL_SECONDS,
            stdout=subprocess.PIPE,
        )


def _refusal(settings: Settings) -> Path:
    return settings.cache / "records" / "vendor-refused.txt"


def _asked(settings: Settings) -> str:
    return f"{settings.engine_version} of {settings.vendor}"


def _refused_lately(settings: Settings) -> bool:
    path = _refusal(settings)
    if not path.exists() or time.time() - path.stat().st_mtime >= REMEMBER_SECONDS:
        return False
    return path.read_text(errors="replace").partition("\n")[0] == _asked(settings)
