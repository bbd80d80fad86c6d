"""Bootstraps Debian trixie from the machine's own mirrors and installs nothing on the machine.

apt keeps its lists and files in the cache folder, mmdebstrap is unpacked there and run from there.
Two root file systems come out as tars: `base.tar`, what `debian:trixie-slim` is, and
`machine.tar`, in which the engine runs.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from toolchain.registries import KEYRING, SUITE, Registries
from toolchain.settings import SOURCES, Settings
from toolchain.steps import Step, Workshop

SLIM = tuple(
    f"--dpkgopt={rule}"
    for rule in (
        "force-unsafe-io",  # an image that is half made is thrown away, so nothing need be synced
        "path-exclude=/usr/share/man/*",
        "path-exclude=/usr/share/info/*",
        "path-exclude=/usr/share/locale/*",
        "path-exclude=/usr/share/doc/*",
        "path-include=/usr/share/doc/*/copyright",
    )
)
TIDY = SOURCES / "machine" / "apt.conf"
TIDIED = (  # what apt keeps for itself (87 MB), and questions that an installation would ask
    'cd "$1" && rm -f var/cache/apt/*.bin etc/apt/apt.conf.d/70debconf'
)
MACHINE_PACKAGES = (
    "runc iptables dnsmasq-base tini containernetworking-plugins git docker-registry passt iproute2"
)
HINT = "run the same command again; if it fails again, check the Debian mirror in apt's sources"


def debian_steps(settings: Settings, registries: Registries) -> list[Step]:
    """Return the steps that make base.tar and machine.tar."""
    folder = settings.cache / "debian"
    sources = registries.apt_sources()
    # As the vendor's image: authorities only where apt needs them. The engine runs their update
    # program, where there is one, before and after every command.
    authorities = "ca-certificates" if "https://" in sources else ""
    tools = Step(
        name="debian-tools",
        title="read Debian's package lists and fetch mmdebstrap",
        expected_seconds=5,
        inputs=(sources,),
        outputs=(folder / "tools" / "usr" / "bin" / "mmdebstrap", folder / "sources.list"),
        run=lambda shop: _fetch_tools(shop, folder, sources),
        hint=HINT,
    )
    return [
        tools,
        _bootstrap_step("base", "bootstrap debian:trixie-slim", 20, folder, authorities),
        _bootstrap_step(
            "machine",
            "bootstrap the engine's own root file system",
            35,
            folder,
            f"ca-certificates {MACHINE_PACKAGES}",
        ),
    ]


def _bootstrap_step(
    name: str, title: str, expected_seconds: int, folder: Path, packages: str
) -> Step:
    target = folder / f"{name}.tar"
    return Step(
        name=f"debian-{name}",
        title=title,
        expected_seconds=expected_seconds,
        inputs=(packages, *SLIM, TIDY.read_text(), TIDIED),
        outputs=(target,),
        run=lambda shop: _bootstrap(shop, folder, target, packages),
        hint=HINT,
        needs=("debian-tools",),
    )


def _fetch_tools(shop: Workshop, folder: Path, sources: str) -> None:
    apt, tools = folder / "apt", folder / "tools"
    for path in (apt / "lists" / "partial", apt / "archives" / "partial"):
        path.mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(sources)
    (apt / "status").write_text("")
    options = [
        f"Dir::State={apt}",
        f"Dir::State::status={apt}/status",
        f"Dir::Cache={apt}",
        f"Dir::Etc::SourceList={folder}/sources.list",
        "Dir::Etc::SourceParts=/dev/null",
        "APT::Sandbox::User=root",
        "Acquire::Retries=2",
        "Acquire::http::Timeout=60",
    ]
    command = ["apt-get", *(word for option in options for word in ("-o", option))]
    shop.command([*command, "update", "--error-on=any"], limit_seconds=600)
    downloads = apt / "downloads"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir()
    shop.command([*command, "download", "mmdebstrap"], folder=downloads, limit_seconds=600)
    partial = folder / f"tools.{os.getpid()}"
    shop.command(["dpkg-deb", "-x", next(downloads.glob("*.deb")), partial])
    shutil.rmtree(tools, ignore_errors=True)
    partial.rename(tools)


def _bootstrap(shop: Workshop, folder: Path, target: Path, packages: str) -> None:
    """Make a root file system; apt checks each package against the archive's signature."""
    programs = folder / "tools" / "usr" / "bin"
    scratch = folder / f"scratch-{target.stem}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    partial = target.with_suffix(".partial.tar")
    shop.command(
        [
            "perl",
            programs / "mmdebstrap",
            "--mode=root",
            "--variant=minbase",
            *([f"--include={packages.replace(' ', ',')}"] if packages else []),
            f"--keyring={KEYRING}",
            *SLIM,
            f"--customize-hook=upload {shlex.quote(str(TIDY))} /etc/apt/apt.conf.d/tidy",
            f"--customize-hook={TIDIED}",
            SUITE,
            partial,
            folder / "sources.list",
        ],
        environment={"PATH": f"{programs}:{shop.environment['PATH']}", "TMPDIR": str(scratch)},
        limit_seconds=1800,
    )
    partial.replace(target)
    shutil.rmtree(scratch, ignore_errors=True)
