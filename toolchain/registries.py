"""Which package registries this machine's clients are configured with, and if they answer.

Sources: apt's sources (through `apt-get indextargets`), `pip config`, `go env`. No registry's host
is named here. An address that carries a password is used on this machine and never written into an
image.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from dataclasses import dataclass

from toolchain.errors import RegistryUnreachableError, SurroundingsUnsupportedError
from toolchain.settings import Settings

SUITE = "trixie"
CLIENT = "dagger-io"  # which every module's runtime installs
PROBE_SECONDS = 20
CODENAMES = (
    "stable",
    "oldstable",
    "testing",
    "unstable",
    "sid",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
)
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Registries:
    """The addresses that the machine's clients are configured with; empty where one names none."""

    debian: str
    debian_security: str
    pip_index: str
    go_proxy: str

    def apt_sources(self) -> str:
        """Return the lines of a sources.list for trixie at this machine's own mirrors.

        Raises:
            SurroundingsUnsupportedError: a mirror's address carries a password: every image would.
        """
        for uri in (self.debian, self.debian_security):
            if "@" in uri:
                raise SurroundingsUnsupportedError(
                    f"The Debian mirror {_public(uri)} is used with a password in its address, "
                    "which would get into every image.",
                    "name a mirror without one with TOOLCHAIN_DEBIAN_MIRROR=URI",
                )
        lines = [f"{self.debian} {SUITE} main", f"{self.debian} {SUITE}-updates main"]
        if self.debian_security:
            lines.append(f"{self.debian_security} {SUITE}-security main")
        return "".join(f"deb [signed-by={KEYRING}] {line}\n" for line in lines)

    def image_environment(self) -> dict[str, str]:
        """Return the variables by which clients in images find the same; never a password."""
        values = {
            "PIP_INDEX_URL": self.pip_index,
            "UV_DEFAULT_INDEX": self.pip_index,
            "GOPROXY": self.go_proxy,
        }
        return {name: value for name, value in values.items() if value and "@" not in value}


def read_registries(settings: Settings) -> Registries:
    """Ask the machine's clients for their configuration.

    Raises:
        SurroundingsUnsupportedError: apt is missing, or names no Debian mirror.
    """
    debian, security = _debian_mirrors(settings)
    return Registries(debian, security, _pip_index(settings), _go_proxy(settings))


def require_answers(registries: Registries) -> list[str]:
    """Ask each registry for one small file, and return which ones those were.

    Raises:
        RegistryUnreachableError: one of them did not answer, or answered with an error.
    """
    targets = [("Debian mirror", "apt's sources", f"{registries.debian}/dists/{SUITE}/InRelease")]
    for proxy in re.split(r"[,|]", registries.go_proxy):
        if proxy.startswith("http"):
            path = "github.com/dagger/dagger/@v/v0.19.10.info"
            targets.append(("Go module proxy", "`go env GOPROXY`", f"{proxy}/{path}"))
            break
    index = _index_of_images(registries)
    if index:
        page = f"{index.rstrip('/')}/{CLIENT}/"
        targets.append(("Python package index", "PIP_INDEX_URL or `pip config list`", page))
    return [_require_answer(*target) for target in targets]


def _index_of_images(registries: Registries) -> str:
    """Return the index that pip in images asks: the named one, else pip's own.

    One with a password is not given to images, and what they ask instead is not known here.
    """
    if registries.pip_index:
        return registries.image_environment().get("PIP_INDEX_URL", "")
    text = _pip("--isolated", "download", "--help")
    told = re.search(r"--index-url <url>.*?\(default\s+(http\S+)\)", text, re.DOTALL)
    return told[1] if told else ""


def _require_answer(what: str, where: str, url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    name = f"{what} {parts.hostname or _public(url)}"
    try:
        request = urllib.request.Request(_public(url))
        if parts.username is not None:
            words = (urllib.parse.unquote(word or "") for word in (parts.username, parts.password))
            token = base64.b64encode(":".join(words).encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {token}")
        with urllib.request.urlopen(request, timeout=PROBE_SECONDS) as answer:
            answer.read(64)
    except (OSError, ValueError, http.client.HTTPException) as error:  # also: not a URL at all
        raise RegistryUnreachableError(
            f"The {name} did not answer ({error}) when asked for {_public(url)}.",
            f"check the network and {where}; HTTPS_PROXY and NO_PROXY count too",
        ) from error
    return name


def _public(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)


def _debian_mirrors(settings: Settings) -> tuple[str, str]:
    if settings.debian_mirror:
        return settings.debian_mirror.rstrip("/"), ""
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(CREATED_BY)"
    found = [
        line.split() for line in _answer(["apt-get", "indextargets", "--format", form]).splitlines()
    ]
    kinds: dict[str, list[str]] = {"": [], "updates": [], "security": []}
    for row in found:
        if row[2:] == ["main", "Packages"]:
            codename, _, kind = row[1].partition("-")
            if codename in CODENAMES and kind in kinds:
                kinds[kind].append(row[0].rstrip("/"))
    # a vendor's archive may name its suite as Debian does, but has no updates beside it
    mirrors = [uri for uri in kinds[""] if uri in kinds["updates"]] or kinds[""]
    if not mirrors:
        raise SurroundingsUnsupportedError(
            "This machine's apt sources name no Debian mirror, the base image's source.",
            "name one with TOOLCHAIN_DEBIAN_MIRROR=URI, or run where Docker or Podman answers",
        )
    return mirrors[0], next(iter(kinds["security"]), "")


def _pip_index(settings: Settings) -> str:
    if settings.environment.get("PIP_INDEX_URL"):
        return settings.environment["PIP_INDEX_URL"]
    listed = dict(line.split("=", 1) for line in _pip("config", "list").splitlines() if "=" in line)
    return listed.get("global.index-url", "").strip("'\"")


def _pip(*words: str) -> str:
    return _answer([sys.executable, "-m", "pip", *words])


def _go_proxy(settings: Settings) -> str:
    if settings.environment.get("GOPROXY"):
        return settings.environment["GOPROXY"]
    return str(json.loads(_answer(["go", "env", "-json", "GOPROXY"]) or "{}").get("GOPROXY", ""))


def _answer(command: list[str]) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60
        ).stdout
    except FileNotFoundError:
        return ""  # a client that is not there has no configuration; what needs it says so itself
