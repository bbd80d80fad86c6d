"""What a deployment needs is looked for first, and what can be made is made once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from near import DOCKER, Broken, Near, installed

from mnist_deploy import lock, preflight
from mnist_deploy.__main__ import sent
from mnist_deploy.arguments import parser
from mnist_deploy.errors import CommandFailedError, PreflightRefusedError, UsageInvalidError
from mnist_deploy.release import PARTS, Release
from mnist_deploy.site import Site

LOADED = "sha256:" + "b" * 64
MADE = ["keys.json", "gate_key", "mnist_api_key"]
KEYS = """\
#!/bin/sh
# Makes a key of a name once, as the backend does.
[ ! -e taken ] || { echo "a valid key is named so already" >&2; exit 1; }
touch taken && echo the key
"""


def site(host: Near, *, watched: bool = False) -> Site:
    """A site on a host."""
    return Site(host, "staging", lambda _: None, watched=watched)


@pytest.mark.parametrize(
    ("have", "watched", "lacking"),
    [
        ([], False, "lacks edge.pem:"),
        (["edge.pem", "mnist_database_url"], False, "lacks database_password:"),
        (["edge.pem", *MADE[1:]], False, "lacks keys.json:"),
        (["edge.pem"], True, "lacks watchdog_url, .*, grafana_password:"),
    ],
)
def test_a_secret_that_nobody_can_make_is_named(
    have: list[str], watched: bool, lacking: str, tmp_path: Path
) -> None:
    """It is named before any is made, and nothing is touched."""
    for name in have:
        (tmp_path / "secrets").mkdir(exist_ok=True)
        (tmp_path / "secrets" / name).touch()
    with pytest.raises(PreflightRefusedError, match=lacking):
        preflight.provided(site(Near(tmp_path), watched=watched), {}, "")
    assert sorted(path.name for path in tmp_path.glob("secrets/*")) == sorted(have)


@pytest.mark.parametrize(
    ("have", "given", "self_signed"),
    [([], [], "mnist.example.org"), ([], ["edge.pem"], ""), (["edge.pem", *MADE], [], "")],
)
def test_what_will_be_made_is_not_missed(
    have: list[str], given: list[str], self_signed: str, tmp_path: Path
) -> None:
    """Passwords and keys are made on the host, and a certificate is sent or made."""
    (tmp_path / "secrets").mkdir()
    for name in have:
        (tmp_path / "secrets" / name).touch()
    preflight.provided(site(Near(tmp_path)), {name: Path(name) for name in given}, self_signed)
    assert sorted(path.name for path in tmp_path.glob("secrets/*")) == sorted(have)


def test_an_image_that_nobody_has_is_named_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image is given as a file, is on the host, or can be pulled."""
    monkeypatch.setenv("PATH", installed(tmp_path / "bin", DOCKER), prepend=":")
    host = Near(tmp_path)
    release = Release("one", {**dict.fromkeys(PARTS, f"r.example.org/a@{LOADED}"), "edge": LOADED})
    with pytest.raises(PreflightRefusedError, match="edge: the host has no image"):
        preflight.complete(site(host), release, [])
    preflight.complete(site(host), release, ["edge"])
    (tmp_path / "images").write_text(f"{LOADED}\n")
    preflight.complete(site(host), release, [])


def test_a_key_is_made_once_though_the_line_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that is sent again leaves the key that the first one has made."""
    monkeypatch.setenv("PATH", installed(tmp_path / "bin", KEYS), prepend=":")
    monkeypatch.setattr("mnist_deploy.ssh.time.sleep", lambda _: None)
    (tmp_path / "secrets").mkdir()
    host = Broken(tmp_path, "keys make")
    with lock.held(host, "me"):
        preflight.key(
            site(host), Release("one", {"backend": LOADED}), "gate_key", "gate", "predict"
        )
    assert (tmp_path / "secrets" / "gate_key").read_text() == "the key\n"


def test_a_name_that_no_certificate_can_have_is_told(tool: Callable[[str], str]) -> None:
    """What openssl says against it is the error."""
    tool("openssl")
    assert b"PRIVATE KEY" in preflight.signed("mnist.example.org")
    with pytest.raises(CommandFailedError, match="openssl ended with"):
        preflight.signed("mnist.example.org,other")


def test_what_is_given_is_sent_and_an_empty_file_is_not(tmp_path: Path) -> None:
    """Grafana's password goes to the host under its name; a runner that has none gives nothing."""
    (tmp_path / "grafana").write_text("a password of a test")
    (tmp_path / "empty").touch()
    words = ["deploy", "--environment=staging", "--host=ship@host", "--key=k", "--known-hosts=k"]
    read = parser("").parse_args([*words, f"--grafana-password={tmp_path}/grafana"])
    files = sent(read)
    assert files == {"grafana_password": tmp_path / "grafana"}
    assert sent(parser("").parse_args([*words, f"--certificate={tmp_path}/empty"])) == {}
    with pytest.raises(UsageInvalidError, match="is no file"):
        sent(parser("").parse_args([*words, f"--grafana-password={tmp_path}/nothing"]))
    (tmp_path / "host" / "secrets").mkdir(parents=True)
    host = Near(tmp_path / "host")
    for name in ("edge.pem", *MADE):
        (tmp_path / "host" / "secrets" / name).touch()
    with lock.held(host, "me"):
        preflight.secret(site(host), Release("one", {}), files, "")
    kept = tmp_path / "host" / "secrets" / "grafana_password"
    assert kept.read_text() == "a password of a test"


def test_an_address_that_a_killed_deployer_did_not_write_is_made(tmp_path: Path) -> None:
    """It is made of the password that is there, on the host, and both are taken for there."""
    (tmp_path / "secrets").mkdir()
    for name in ("edge.pem", *MADE):
        (tmp_path / "secrets" / name).touch()
    (tmp_path / "secrets" / "database_password").write_text("word-of_a-test")
    host = Near(tmp_path)
    preflight.provided(site(host), {}, "")
    with lock.held(host, "me"):
        preflight.secret(site(host), Release("one", {}), {}, "")
    address = (tmp_path / "secrets" / "mnist_database_url").read_text()
    assert address == "postgresql://mnist:word-of_a-test@postgresql/mnist"
