"""What the toolchain is told: by its environment, by dagger.json, and where it keeps its files.

Built once by `read_settings`; nothing else reads the environment. Knows nothing of steps or
engines.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import SurroundingsUnsupportedError

PROJECT = Path(__file__).resolve().parents[1]
SOURCES = PROJECT / "toolchain"
RUNNER_HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
SOCKET_PATH_LIMIT = 107  # bytes that a UNIX socket's address holds, less the closing zero
VERSION = r"v\d+\.\d+\.\d+"
TRIVY_VERSION = "0.74.0"


@dataclass(frozen=True)
class Settings:
    """Frozen answers to what the toolchain may ask of its surroundings.

    `cache` is the one folder that everything lives under; `engine_version` has a leading v, and is
    `pinned` unless TOOLCHAIN_ENGINE names another one of the vendor's to be tried;
    `debian_mirror` and `vendor` override what the machine's own configuration and the vendor's
    site would give.
    """

    cache: Path
    engine_version: str
    pinned: str
    runner_host: str
    debian_mirror: str
    vendor: str
    environment: dict[str, str]

    @property
    def socket(self) -> Path:
        """The engine's UNIX socket."""
        return self.cache / "run" / "engine.sock"

    @property
    def address(self) -> str:
        """The engine's address as the Dagger client takes it."""
        return f"unix://{self.socket}"

    def folder(self, name: str) -> Path:
        """Return a folder of the cache, made if it is not there."""
        path = self.cache / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def read_settings(environment: dict[str, str] | None = None, project: Path = PROJECT) -> Settings:
    """Read the environment and dagger.json.

    Raises:
        SurroundingsUnsupportedError: dagger.json pins no engine, TOOLCHAIN_ENGINE names none, or
            the cache's path is too long.
    """
    values = dict(os.environ if environment is None else environment)
    base = values.get("XDG_CACHE_HOME") or str(Path(values.get("HOME", "/root")) / ".cache")
    pinned = _pinned_version(project / "dagger.json")
    settings = Settings(
        cache=Path(base).resolve() / "mnist-pipeline",
        engine_version=_named_version(values) or pinned,
        pinned=pinned,
        runner_host=values.get(RUNNER_HOST, ""),
        debian_mirror=values.get("TOOLCHAIN_DEBIAN_MIRROR", ""),
        vendor=values.get("TOOLCHAIN_VENDOR", "https://dl.dagger.io/dagger/releases"),
        environment=values,
    )
    if len(os.fsencode(settings.socket)) > SOCKET_PATH_LIMIT:
        raise SurroundingsUnsupportedError(
            f"The socket's path {settings.socket} is longer than {SOCKET_PATH_LIMIT} bytes.",
            "name a shorter cache folder with XDG_CACHE_HOME",
        )
    return settings


def _named_version(values: dict[str, str]) -> str:
    version = values.get("TOOLCHAIN_ENGINE", "")
    if version and not re.fullmatch(VERSION, version):
        raise SurroundingsUnsupportedError(
            f"TOOLCHAIN_ENGINE is {version!r}, the rule is vMAJOR.MINOR.PATCH.",
            "name an engine such as v0.21.11, or unset it",
        )
    return version


def _pinned_version(path: Path) -> str:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SurroundingsUnsupportedError(
            f"{path} cannot be read: {error}", "restore dagger.json from the repository"
        ) from error
    version = content.get("engineVersion", "") if isinstance(content, dict) else ""
    if not re.fullmatch(VERSION, str(version)):
        raise SurroundingsUnsupportedError(
            f"{path} pins no engine: engineVersion is {version!r}, the rule is vMAJOR.MINOR.PATCH.",
            "restore dagger.json from the repository",
        )
    return str(version)
