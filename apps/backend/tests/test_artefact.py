"""Which model artefacts are accepted."""

from pathlib import Path

import pytest

from mnist_backend import artefact
from mnist_backend.errors import ArtefactInvalidError, ArtefactMissingError, ArtefactTamperedError

from .artefacts import make_card


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A complete artefact."""
    (tmp_path / artefact.NETWORK).write_bytes(b"network")
    (tmp_path / artefact.WEIGHTS).write_bytes(b"weights")
    artefact.write(tmp_path, make_card())
    return tmp_path


def test_what_was_written_is_read(folder: Path) -> None:
    """A complete artefact comes back as it was."""
    assert artefact.read(folder) == artefact.Artefact(make_card(), b"network", b"weights")


@pytest.mark.parametrize("name", [artefact.CARD, artefact.NETWORK, artefact.WEIGHTS])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    """Without one of its three files there is no artefact."""
    (folder / name).unlink()
    with pytest.raises(ArtefactMissingError, match=f"{name}: No such file"):
        artefact.read(folder)


@pytest.mark.parametrize("name", [artefact.NETWORK, artefact.WEIGHTS])
def test_a_changed_byte_is_found(folder: Path, name: str) -> None:
    """A file that its card does not describe is refused."""
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtefactTamperedError, match=name):
        artefact.read(folder)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"format": 2', '"format": 1', "format"),
        ('"source": "digits"', '"source": "letters"', "source"),
        ('"deviation": 0.3', '"deviation": 0.0', "deviation"),
        ('"mean": 0.1', '"mean": NaN', "mean"),
        ('"accuracy": 1.0', '"accuracy": 1.5', "held_out.accuracy"),
        ('"count": 10', '"count": 0', "held_out.count"),
        ("0.16666666666666666", "0.5", "reference.confidence"),
        ('"0.5",', "", "reference.confidence"),
        ('"data": "none"', '"data": "none", "more": 1', "more"),
        ("{", "", "the whole"),
    ],
)
def test_a_card_that_is_not_understood_is_refused(
    folder: Path, old: str, new: str, told: str
) -> None:
    """The error names the place in the card."""
    card = (folder / artefact.CARD).read_text()
    assert old in card
    (folder / artefact.CARD).write_text(card.replace(old, new, 1))
    with pytest.raises(ArtefactInvalidError, match=rf"card\.json: {told}: "):
        artefact.read(folder)
