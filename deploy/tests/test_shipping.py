"""An image is on a host when the host says so, by its digest."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from near import DOCKER, Near, installed, written

from mnist_deploy import archive, lock, shipping
from mnist_deploy.errors import ReleaseRefusedError, UsageInvalidError

PUBLISHED = "registry.example.org/mnist-backend@sha256:" + "a" * 64
LOADED = "sha256:" + "b" * 64


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Near]:
    """A host with a pretended Docker, whose lock is held."""
    monkeypatch.setenv("PATH", installed(tmp_path / "bin", DOCKER), prepend=":")
    folder = tmp_path / "mnist"
    folder.mkdir()
    near = Near(folder)
    with lock.held(near, "me"):
        yield near


def shipped(host: Near, images: dict[str, str], files: dict[str, archive.Archive]) -> list[str]:
    """Ship; returns what was said."""
    said: list[str] = []
    shipping.ship(host, images, files, said.append)
    return said


def test_a_published_image_is_pulled_once(host: Near) -> None:
    """The host pulls it by digest, and does not ask again for what it has."""
    assert shipped(host, {"backend": PUBLISHED}, {}) == ["backend: pulled"]
    assert shipped(host, {"backend": PUBLISHED}, {}) == ["backend: there already"]


def test_an_image_of_a_file_is_sent(host: Near, tmp_path: Path) -> None:
    """The layers that the host lacks arrive, under a name that keeps the image from pruning."""
    one = archive.opened(written(tmp_path / "backend.tar"))
    (Path(host.folder) / "loads").write_text(f"{one.identity}\n")
    said = shipped(host, {"backend": one.identity}, {"backend": one})
    assert said == ["backend: sent 2 of 2 layers"]
    with tarfile.open(Path(host.folder) / "loaded") as tar:
        assert "second" in tar.getnames()


def test_what_arrives_must_be_what_was_asked_for(host: Near, tmp_path: Path) -> None:
    """A host that loads another image than the one of the digest is not believed."""
    one = archive.opened(written(tmp_path / "backend.tar"))
    (Path(host.folder) / "loads").write_text(f"{LOADED}\n")
    with pytest.raises(ReleaseRefusedError, match="what arrived is not"):
        shipped(host, {"backend": one.identity}, {"backend": one})


def test_an_image_that_nobody_has_is_named(host: Near) -> None:
    """Without a registry and without a file there is no way."""
    with pytest.raises(ReleaseRefusedError, match="backend: the host has no image"):
        shipped(host, {"backend": LOADED}, {})


def test_a_file_and_a_reference_must_agree(tmp_path: Path) -> None:
    """Two words about one part are one too many, unless they are the same."""
    written(tmp_path / "backend.tar")
    files = shipping.archives(tmp_path)
    identity = files["backend"].identity
    assert shipping.references(files, {"backend": identity}) == {"backend": identity}
    with pytest.raises(UsageInvalidError, match="backend: the file holds"):
        shipping.references(files, {"backend": LOADED})
