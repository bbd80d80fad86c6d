"""Registries: what the machine's clients are configured with, whether they answer, no passwords."""

import base64
import dataclasses
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from toolchain import registries
from toolchain.debian import debian_steps
from toolchain.errors import RegistryUnreachableError, SurroundingsUnsupportedError
from toolchain.registries import Registries, read_registries, require_answers
from toolchain.settings import Settings
from toolchain.tests.conftest import Server

RELEASE = "/debian/dists/trixie/InRelease"
PAGE = "/simple/dagger-io/"
DEBIAN = """
http://mirror/debian-security/ bookworm-security main Packages
http://mirror/debian/ bookworm main DEP-11
http://mirror/debian/ bookworm main Packages
http://mirror/debian/ bookworm-updates main Packages
"""
UBUNTU = """
http://mirror/ubuntu/ noble main Packages
http://mirror/ubuntu/ noble-security main Packages
"""


@pytest.fixture
def asked(
    settings: Settings, program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Registries]:
    """Read the registries of a machine whose apt lists these rows."""
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)

    def read(rows: str, mirror: str = "", **environment: str) -> Registries:
        program("apt-get", f"[ $1 = indextargets ] || exit 1\ncat <<'END'\n{rows.strip()}\nEND")
        values = {"PIP_INDEX_URL": "http://pip/simple", "GOPROXY": "http://go", **environment}
        return read_registries(
            dataclasses.replace(settings, debian_mirror=mirror, environment=values)
        )

    return read


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of something that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def at(address: str, go_proxy: str = "") -> Registries:
    """Return registries whose Debian mirror and Python index have this address."""
    return Registries(f"{address}/debian", "", f"{address}/simple", go_proxy)


def closed(failure: pytest.ExceptionInfo[RegistryUnreachableError]) -> str:
    """Return all that the error says, its connection closed."""
    if isinstance(failure.value.__cause__, HTTPError):
        failure.value.__cause__.close()
    return str(failure.value)


def test_apts_debian_mirror_is_taken(asked: Callable[..., Registries]) -> None:
    """The mirror and the security archive come from rows of Debian's own suites."""
    found = asked(DEBIAN)
    assert found.debian == "http://mirror/debian"
    assert found.debian_security == "http://mirror/debian-security"
    lines = [line.partition("] ")[2] for line in found.apt_sources().splitlines()]
    assert lines == [
        "http://mirror/debian trixie main",
        "http://mirror/debian trixie-updates main",
        "http://mirror/debian-security trixie-security main",
    ]
    assert found.apt_sources().count("deb [signed-by=/usr/share/keyrings/debian-") == 3


@pytest.mark.parametrize(
    ("address", "packages"), [("http://mirror", ""), ("https://mirror", "ca-certificates")]
)
def test_the_base_knows_authorities_where_apt_needs_them(
    address: str, packages: str, settings: Settings
) -> None:
    """Elsewhere it has none, as the vendor's; what the engine itself stands on always does."""
    made = {step.name: step.inputs[0] for step in debian_steps(settings, at(address))}
    assert made["debian-base"] == packages
    assert str(made["debian-machine"]).startswith("ca-certificates ")


@pytest.mark.parametrize("suite", ["stable", "bookworm", "bookworm-pgdg"])
def test_a_vendors_archive_is_no_debian_mirror(
    suite: str, asked: Callable[..., Registries]
) -> None:
    """A vendor's archive that names its suite as Debian does is not taken for Debian's."""
    assert (
        asked(f"http://vendor/apt/ {suite} main Packages\n{DEBIAN}").debian
        == "http://mirror/debian"
    )


def test_a_machine_without_security_archive_gets_two_lines(
    asked: Callable[..., Registries],
) -> None:
    """Where apt names no security archive, none is made up."""
    found = asked("http://mirror/debian/ trixie main Packages")
    assert "security" not in found.apt_sources()
    assert len(found.apt_sources().splitlines()) == 2


@pytest.mark.parametrize("rows", [UBUNTU, ""], ids=["ubuntu", "nothing"])
def test_a_machine_without_debian_mirror_is_told_what_to_name(
    rows: str, asked: Callable[..., Registries]
) -> None:
    """Sources that name no Debian mirror lead to an error with the variable that names one."""
    with pytest.raises(SurroundingsUnsupportedError, match="no Debian mirror") as refusal:
        asked(rows)
    assert "TOOLCHAIN_DEBIAN_MIRROR" in refusal.value.hint


def test_a_mirror_from_the_environment_wins(asked: Callable[..., Registries]) -> None:
    """The named mirror is taken on any machine, without a slash at its end."""
    assert asked(UBUNTU, mirror="http://own/debian/").debian == "http://own/debian"


def test_pips_and_gos_own_configuration_is_asked(
    settings: Settings, program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """Without variables, pip's configuration and `go env` name the index and the proxy."""
    program("apt-get", "echo http://mirror/debian/ trixie main Packages")
    program("go", """echo '{"GOPROXY": "http://go.configured,direct"}'""")
    python = program("python", """echo "global.index-url='http://pip.configured/simple'" """)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(python))
        found = read_registries(dataclasses.replace(settings, environment={"HOME": str(tmp_path)}))
    assert found.pip_index == "http://pip.configured/simple"
    assert found.go_proxy == "http://go.configured,direct"


def test_images_get_the_addresses_of_pip_and_go(asked: Callable[..., Registries]) -> None:
    """Clients in images find the same index and proxy."""
    environment = asked(DEBIAN).image_environment()
    index = dict.fromkeys(("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), "http://pip/simple")
    assert environment == {**index, "GOPROXY": "http://go"}


def test_a_password_never_gets_into_an_image(asked: Callable[..., Registries]) -> None:
    """An index or proxy with a password is used on this machine and left out of images."""
    found = asked(
        DEBIAN, PIP_INDEX_URL="https://me:secret@pip/simple", GOPROXY="https://me:secret@go,direct"
    )
    assert "secret" in found.pip_index
    assert found.image_environment() == {}


def test_registries_that_answer_are_asked_for_one_file_each(server: Server) -> None:
    """The mirror is asked for trixie's release, the first Go proxy and the index for a client."""
    module = "/go/github.com/dagger/dagger/@v/v0.19.10.info"
    server.answers = {RELEASE: (200, b"x"), module: (200, b"{}"), PAGE: (200, b"<a>")}
    answering = require_answers(at(server.url, f"off,{server.url}/go,direct"))
    assert server.asked == [RELEASE, module, PAGE]
    kinds = ("Debian mirror", "Go module proxy", "Python package index")
    assert answering == [f"{kind} 127.0.0.1" for kind in kinds]


def test_an_index_that_does_not_answer_is_named(server: Server) -> None:
    """An index without the client that every module needs shows before anything is made."""
    server.answers = {RELEASE: (200, b"x")}
    with pytest.raises(RegistryUnreachableError, match=r"Python package index 127.*404") as failure:
        require_answers(at(server.url))
    assert "`pip config list`" in closed(failure)


def test_an_index_that_is_no_address_is_said(server: Server) -> None:
    """What was configured without its scheme is shown as it stands."""
    server.answers = {RELEASE: (200, b"x")}
    there = dataclasses.replace(at(server.url), pip_index="mirror/simple")
    with pytest.raises(RegistryUnreachableError, match="index mirror/simple/dagger-io/ did not"):
        require_answers(there)


def test_where_no_index_is_named_pips_own_is_asked(
    server: Server, program: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images get none then, so the one that pip itself tells of, whatever the width, counts."""
    server.answers = {RELEASE: (200, b"x"), PAGE: (200, b"<a>")}
    told = f"--index-url <url>  Base URL of the index (default\n    {server.url}/simple). This"
    python = program("python", f"[ $3 = --isolated ] && cat <<'END'\n{told}\nEND")
    monkeypatch.setattr(sys, "executable", str(python))
    require_answers(dataclasses.replace(at(server.url), pip_index=""))
    assert server.asked == [RELEASE, PAGE]


def test_an_index_with_a_password_is_not_asked(server: Server) -> None:
    """Images do not get it, so its answer would tell nothing of them."""
    server.answers = {RELEASE: (200, b"x")}
    index = f"{server.url.replace('//', '//me:secret@')}/simple"
    assert len(require_answers(dataclasses.replace(at(server.url), pip_index=index))) == 1
    assert server.asked == [RELEASE]


def test_a_mirror_with_a_password_is_asked_with_it(server: Server) -> None:
    """Credentials in an address are sent as its clients send them, so the mirror answers."""
    server.answers = {RELEASE: (200, b"x")}
    require_answers(at(server.url.replace("//", "//me:s%40cret@")))
    expected = base64.b64encode(b"me:s@cret").decode()
    assert server.authorizations == [f"Basic {expected}"]


def test_a_registry_that_never_answers_is_named(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some seconds of silence the error names host, file and where the address is set."""
    monkeypatch.setattr(registries, "PROBE_SECONDS", 0.3)
    with pytest.raises(RegistryUnreachableError, match="did not answer") as failure:
        require_answers(at(f"http://127.0.0.1:{silent}"))
    assert "Debian mirror 127.0.0.1" in failure.value.message
    assert "apt's sources" in failure.value.hint
    assert "HTTPS_PROXY" in failure.value.hint


def test_a_registry_that_answers_with_an_error_is_named(server: Server) -> None:
    """A 500 of the Go proxy names the proxy, the status and where its address is set."""
    module = "/go/github.com/dagger/dagger/@v/v0.19.10.info"
    server.answers = {RELEASE: (200, b"x"), module: (500, b"")}
    with pytest.raises(RegistryUnreachableError, match=r"Go module proxy 127.*500") as failure:
        require_answers(at(server.url, f"{server.url}/go"))
    assert "`go env GOPROXY`" in closed(failure)


@pytest.mark.parametrize("port", ["", ":9"], ids=["no port", "port"])
def test_a_password_is_never_printed(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error about a registry with a password shows its address without it."""
    monkeypatch.setattr(registries, "PROBE_SECONDS", 1)
    with pytest.raises(RegistryUnreachableError, match=r"http://127\.0\.0\.1") as failure:
        require_answers(at(f"http://me:secret@127.0.0.1{port}"))
    text = closed(failure)
    assert "secret" not in text
    assert "me:" not in text
