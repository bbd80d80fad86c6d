"""Which of three ways to an engine this machine allows, and what is missing for the others.

`named`: an engine in the environment; `vendor`: the vendor's client and engine where Docker or
Podman answers; `registries`: everything made from package registries. Changes nothing; knows
nothing of how a way is gone.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import DiskFullError, SurroundingsUnsupportedError
from toolchain.settings import RUNNER_HOST, Settings

NEEDED_BYTES = 20 * 10**9
ARCHITECTURE = "x86_64"
PROGRAMS = {
    "go": "install Go 1.24 or newer (Debian: apt-get install golang-go)",
    "apt-get": "use a Debian or Ubuntu machine",
    "dpkg-deb": "use a Debian or Ubuntu machine",
    "perl": "apt-get install perl",
    "tar": "apt-get install tar",
    "unshare": "apt-get install util-linux",
    "setpriv": "apt-get install util-linux",
}
ANSWER_SECONDS = 15


@dataclass(frozen=True)
class Way:
    """One way to an engine: whether it is open here, and why or why not."""

    name: str
    is_open: bool
    reason: str


def container_runtime() -> str:
    """Return "docker" or "podman", whichever answers first, or an empty string."""
    for program in ("docker", "podman"):
        if not shutil.which(program):
            continue
        try:
            subprocess.run(
                [program, "info"], capture_output=True, check=True, timeout=ANSWER_SECONDS
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            continue
        return program
    return ""


def named_way(settings: Settings) -> Way:
    """Judge the way of an engine named in the environment."""
    if settings.runner_host:
        return Way("named", True, f"{RUNNER_HOST} names {settings.runner_host}")
    return Way("named", False, f"{RUNNER_HOST} is not set")


def vendor_way(runtime: str) -> Way:
    """Judge the way of the vendor's client and engine, by the container runtime that answers."""
    if runtime:
        return Way("vendor", True, f"{runtime} answers")
    return Way("vendor", False, "neither Docker nor Podman answers")


def registries_way(settings: Settings) -> Way:
    """Judge the way of package registries."""
    problems = [str(error.message) for error in registries_problems(settings)]
    if problems:
        return Way("registries", False, " ".join(problems))
    return Way("registries", True, "root, Go and Debian's tools are here")


def registries_problems(settings: Settings) -> list[SurroundingsUnsupportedError | DiskFullError]:
    """Return what stands in the way of making the toolchain here, the hardest first."""
    problems: list[SurroundingsUnsupportedError | DiskFullError] = []
    if platform.machine() != ARCHITECTURE or platform.system() != "Linux":
        here = f"{platform.system()} on {platform.machine()}"
        problems.append(
            _unsupported(f"The toolchain was made for Linux on {ARCHITECTURE}; this is {here}.", "")
        )
    if os.geteuid() != 0:
        problems.append(
            _unsupported("The engine as a process needs root, and this user is not.", "sudo -E, ")
        )
    for program, way_out in PROGRAMS.items():
        if not shutil.which(program):
            problems.append(_unsupported(f"There is no `{program}` in PATH.", f"{way_out}, "))
    if not os.access("/dev/net/tun", os.F_OK):
        problems.append(
            _unsupported("There is no /dev/net/tun, which the engine's network needs.", "")
        )
    free, place = _free_bytes(settings.cache)
    needed = NEEDED_BYTES - _used_bytes(settings)
    if free < needed:
        problems.append(
            DiskFullError(
                f"{place} has {free / 1e9:.1f} GB free; the toolchain needs {needed / 1e9:.1f} GB.",
                "free some, or name a cache folder on a larger disk with XDG_CACHE_HOME",
            )
        )
    return problems


def _unsupported(message: str, first: str) -> SurroundingsUnsupportedError:
    return SurroundingsUnsupportedError(
        message, f"{first}or run where Docker or Podman answers".removeprefix("or ")
    )


def _free_bytes(cache: Path) -> tuple[int, Path]:
    place = cache
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free, place


def _used_bytes(settings: Settings) -> int:
    """Return what a finished toolchain holds; zero until its records say it is whole."""
    return (
        NEEDED_BYTES - 2 * 10**9 if (settings.cache / "records" / "contents.json").exists() else 0
    )
