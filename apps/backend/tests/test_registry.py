"""The store of models, and who serves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_backend import artefact, registry
from mnist_backend.errors import (
    ArtefactInvalidError,
    ArtefactTamperedError,
    ModelUnknownError,
    PromotionConflictError,
)
from mnist_backend.registry import ALIASES, PROMOTIONS, Registry

from .artefacts import write_artefact

OLD, NEW = "0.1.0+test", "0.2.0+test"


@pytest.fixture
def store(models: Path, tmp_path: Path) -> Registry:
    """A store of two models, the older one champion."""
    registry.store(write_artefact(tmp_path / "newer", NEW), models)
    return Registry(models, tmp_path / "state")


def test_the_first_model_is_the_champion(store: Registry) -> None:
    """A second model changes no alias."""
    assert store.aliases() == {"champion": OLD}
    assert [card.model_version for card in store.cards()] == [OLD, NEW]


def test_a_model_lies_under_the_hash_of_its_card(models: Path) -> None:
    """The folder's name says what is in it, and storing the same again adds nothing."""
    (folder,) = (models / "sha256").iterdir()
    assert folder.name == artefact.sha256((folder / artefact.CARD).read_bytes())
    assert registry.store(write_artefact(models / "again"), models) == folder
    assert [path.name for path in models.iterdir() if path.is_dir()] == ["sha256"]


@pytest.mark.parametrize("name", ["champion", OLD])
def test_a_model_is_read_by_alias_or_version(store: Registry, name: str) -> None:
    """Both names lead to the same model."""
    assert store.read(name).card.model_version == OLD


@pytest.mark.parametrize("name", ["challenger", "9.9.9", "../../etc/passwd", ""])
def test_an_unknown_name_is_told(store: Registry, name: str) -> None:
    """What the store does not hold is not looked for elsewhere."""
    with pytest.raises(ModelUnknownError, match="in the store"):
        store.read(name)


def test_a_folder_that_is_not_its_name_is_refused(models: Path, store: Registry) -> None:
    """A card that was exchanged is noticed by the name of its folder."""
    folder = next(
        path for path in (models / "sha256").iterdir() if OLD in (path / "card.json").read_text()
    )
    card = (folder / artefact.CARD).read_text()
    (folder / artefact.CARD).write_text(card.replace('"data": "none"', '"data": "other"'))
    with pytest.raises(ArtefactTamperedError, match="its card has the SHA-256"):
        store.read(OLD)


def test_a_promotion_is_kept_and_written_down(store: Registry, tmp_path: Path) -> None:
    """Another process sees the new champion, and the history says who made it so."""
    store.promote(NEW, "champion", "somebody")
    other = Registry(tmp_path / "models", tmp_path / "state")
    assert other.aliases() == {"champion": NEW}
    (told,) = other.history()
    assert (told["by"], told["before"], told["version"]) == ("somebody", OLD, NEW)


def test_a_promotion_that_changes_nothing_is_refused(store: Registry) -> None:
    """The champion is not promoted to champion, and nothing unknown is promoted at all."""
    with pytest.raises(PromotionConflictError, match="is the champion already"):
        store.promote(OLD, "champion", "somebody")
    with pytest.raises(ModelUnknownError):
        store.promote("9.9.9", "champion", "somebody")
    assert store.history() == []


@pytest.mark.parametrize("content", ["{", "[]", '{"champion": 1}'])
def test_aliases_that_are_not_understood_are_refused(models: Path, content: str) -> None:
    """A broken file of aliases is told, not taken for an empty one."""
    (models / ALIASES).write_text(content)
    with pytest.raises(ArtefactInvalidError, match="aliases"):
        Registry(models, models).aliases()


def test_a_line_that_was_cut_off_is_left_out(store: Registry, tmp_path: Path) -> None:
    """A kill in the middle of the history costs its last line and no more."""
    store.promote(NEW, "challenger", "somebody")
    with (tmp_path / "state" / PROMOTIONS).open("a") as stream:
        stream.write('{"at": 1, "by')
    assert len(store.history()) == 1
    store.promote(OLD, "challenger", "somebody else")
    assert [told["by"] for told in store.history()] == ["somebody", "somebody else"]


PROMOTE_FOR_EVER = """
import sys
from pathlib import Path
from mnist_backend.registry import Registry
store = Registry(Path(sys.argv[1]), Path(sys.argv[2]))
print("ready", flush=True)
while True:
    for version in sys.argv[3:]:
        store.promote(version, "champion", "loop")
"""


@pytest.mark.parametrize("moment", range(5))
def test_a_killed_promotion_leaves_the_old_or_the_new_state(
    store: Registry, tmp_path: Path, moment: int
) -> None:
    """Killed in the middle of promotions, the aliases are whole and the next promotion works."""
    state = tmp_path / "state"
    folders = [str(tmp_path / "models"), str(state)]
    command = [sys.executable, "-c", PROMOTE_FOR_EVER, *folders, NEW, OLD]
    source = str(Path(registry.__file__).parents[1])
    process = subprocess.Popen(command, cwd=source, stdout=subprocess.PIPE)  # noqa: S603  our own interpreter
    assert process.stdout
    process.stdout.readline()
    lines = state / PROMOTIONS
    while not lines.exists() or lines.read_bytes().count(b"\n") < 3 + 7 * moment:
        assert process.poll() is None
    process.kill()
    process.wait()
    process.stdout.close()
    champion = json.loads((state / ALIASES).read_text())["champion"]
    assert champion in {OLD, NEW}
    store.promote(OLD if champion == NEW else NEW, "champion", "after")
    assert store.history()[-1]["by"] == "after"
