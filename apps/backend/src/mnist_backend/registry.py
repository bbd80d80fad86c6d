"""The store of models: each under the hash of its card, and aliases that name two of them.

    MODELS/sha256/HASH/{card.json, model.onnx, model.safetensors}
    MODELS/aliases.json        as built: {"champion": VERSION}
    STATE/aliases.json         as promoted since, before the one above
    STATE/promotions.jsonl     a line for each promotion

Contract: a model is what its folder's name says, or it is refused. A promotion is one replacement
of a file and one appended line, made by one process at a time; killed in between, either the old
or the new state stands. Does not know: what a model is good for.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_backend import artefact
from mnist_backend.artefact import CARD, Artefact, Card
from mnist_backend.errors import (
    ArtefactInvalidError,
    ArtefactTamperedError,
    ModelUnknownError,
    PromotionConflictError,
)

ALIASES = "aliases.json"
PROMOTIONS = "promotions.jsonl"
FOLDER = "sha256"


class Registry:
    """The models of a folder, and the state that says which of them serve."""

    def __init__(self, models: Path, state: Path) -> None:
        """Look at nothing yet."""
        self._models = models
        self._state = state

    def cards(self) -> list[Card]:
        """Return the card of every model, oldest version first."""
        found = [artefact.read_card(folder) for folder in self._folders()]
        return sorted(found, key=lambda card: card.model_version)

    def aliases(self) -> dict[str, str]:
        """Return the version that each alias names."""
        built, promoted = (aliases_of(folder / ALIASES) for folder in (self._models, self._state))
        return built | promoted

    def read(self, name: str) -> Artefact:
        """Return the model of a version or alias, once every hash is checked.

        Raises:
            ModelUnknownError: the store holds no such model.
            ArtefactError: it is not what its folder and card say.
        """
        version = self.aliases().get(name, name)
        for folder in self._folders():
            if artefact.read_card(folder).model_version == version:
                found = artefact.sha256((folder / CARD).read_bytes())
                if found != folder.name:
                    message = f"{folder}: its card has the SHA-256 {found}"
                    raise ArtefactTamperedError(message)
                return artefact.read(folder)
        message = f"no model {name} in the store"
        raise ModelUnknownError(message)

    def promote(self, version: str, alias: str, by: str) -> None:
        """Let an alias name a version, and write down who did it.

        Raises:
            ModelUnknownError: the store holds no such model.
            PromotionConflictError: the alias names that version already.
        """
        self.read(version)
        with self._alone():
            before = self.aliases()
            if before.get(alias) == version:
                message = f"{version} is the {alias} already"
                raise PromotionConflictError(message)
            after = {**aliases_of(self._state / ALIASES), alias: version}
            replaced(self._state / ALIASES, json.dumps(after, indent=2) + "\n")
            told = {"at": time.time(), "by": by, "alias": alias, "version": version}
            line = json.dumps({**told, "before": before.get(alias)})
            with (self._state / PROMOTIONS).open("a", encoding="utf-8") as stream:
                stream.write(f"{line}\n" if self._ends_whole() else f"\n{line}\n")
                stream.flush()
                os.fsync(stream.fileno())

    def history(self) -> list[dict[str, object]]:
        """Return every promotion, oldest first; a line that a kill cut off is left out."""
        path = self._state / PROMOTIONS
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def _ends_whole(self) -> bool:
        path = self._state / PROMOTIONS
        return not path.exists() or path.read_bytes()[-1:] in {b"", b"\n"}

    def _folders(self) -> list[Path]:
        return sorted(path.parent for path in (self._models / FOLDER).glob(f"*/{CARD}"))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._state.mkdir(parents=True, exist_ok=True)
        with (self._state / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def aliases_of(path: Path) -> dict[str, str]:
    """Return the aliases in a file; none where there is no file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        message = f"{path}: not JSON"
        raise ArtefactInvalidError(message) from error
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        message = f"{path}: not a version for each alias"
        raise ArtefactInvalidError(message)
    return content


def replaced(path: Path, text: str) -> None:
    """Write a file so that it is the old one or the new one, whatever happens."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def store(folder: Path, models: Path) -> Path:
    """Move an artefact's folder to its place in a store; the first one becomes the champion."""
    card = artefact.read_card(folder)
    place = models / FOLDER / artefact.sha256((folder / CARD).read_bytes())
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        shutil.rmtree(folder)
    else:
        folder.replace(place)
    if not (models / ALIASES).exists():
        replaced(models / ALIASES, json.dumps({"champion": card.model_version}) + "\n")
    return place
