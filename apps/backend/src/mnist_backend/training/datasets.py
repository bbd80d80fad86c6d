"""Where the pipeline's results go: the store of models, and a folder of files.

Contract: a model is written beside its place and moved there whole; Kedro's catalog names the
folders. Does not know what is in the files.
"""

import tempfile
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from mnist_backend import artefact, registry
from mnist_backend.artefact import Artefact

Files = dict[str, bytes]


class StoreDataset(AbstractDataset[Artefact, Artefact]):
    """A model in a store; the store's first one becomes its champion."""

    def __init__(self, path: str) -> None:
        """Look at nothing yet."""
        self._path = Path(path)

    def save(self, data: Artefact) -> None:
        """Put a model into the store."""
        self._path.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._path))
        folder.chmod(0o755)
        (folder / artefact.NETWORK).write_bytes(data.network)
        (folder / artefact.WEIGHTS).write_bytes(data.weights)
        artefact.write(folder, data.card)
        registry.store(folder, self._path)

    def load(self) -> Artefact:
        """Return the champion."""
        return registry.Registry(self._path, self._path).read("champion")

    def _describe(self) -> dict[str, Any]:
        return {"path": self._path}


class FilesDataset(AbstractDataset[Files, Files]):
    """Some files of a folder, by name."""

    def __init__(self, path: str) -> None:
        """Look at nothing yet."""
        self._path = Path(path)

    def save(self, data: Files) -> None:
        """Write every file."""
        self._path.mkdir(parents=True, exist_ok=True)
        for name, content in data.items():
            (self._path / name).write_bytes(content)

    def load(self) -> Files:
        """Return every file."""
        return {path.name: path.read_bytes() for path in self._path.iterdir() if path.is_file()}

    def _describe(self) -> dict[str, Any]:
        return {"path": self._path}
