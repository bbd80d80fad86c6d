"""An image in a file is known by what it holds, and sent without what the host has."""

import io
import json
import tarfile
from pathlib import Path

import pytest
from near import LAYERS, written

from mnist_deploy import archive
from mnist_deploy.errors import UsageInvalidError


def test_an_image_is_known_by_its_configuration(tmp_path: Path) -> None:
    """The id is the hash of the configuration, as Docker's is."""
    one = archive.opened(written(tmp_path / "one.tar"))
    assert one.identity == f"sha256:{Path(one.configuration).name}"
    assert one.layers == tuple(LAYERS)


@pytest.mark.parametrize("fault", ["changed", "empty", "other"])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, fault: str) -> None:
    """What was changed, is empty, or is something else names the file."""
    path = tmp_path / "one.tar"
    if fault == "changed":
        written(path, named="0" * 64)
    else:
        path.write_bytes(b"" if fault == "empty" else b"something else")
    with pytest.raises(UsageInvalidError, match=r"one\.tar"):
        archive.opened(path)


def test_a_layer_counts_by_all_beneath_it(tmp_path: Path) -> None:
    """A host has a layer only if it has it above the same ones."""
    one = archive.opened(written(tmp_path / "one.tar"))
    assert archive.missing(one, []) == ["first", "second"]
    assert archive.missing(one, [one.differences[:1]]) == ["second"]
    assert archive.missing(one, [one.differences[1:]]) == ["first", "second"]
    assert archive.missing(one, [(*one.differences, "sha256:more")]) == []


def test_a_thin_archive_leaves_out_what_is_there(tmp_path: Path) -> None:
    """It holds the configuration and the missing layers, and names the image."""
    one = archive.opened(written(tmp_path / "one.tar"))
    out = io.BytesIO()
    archive.write_thin(one, ["second"], "mnist-backend:1", out)
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        assert tar.getnames() == ["manifest.json", one.configuration, "second"]
        manifest = json.load(tar.extractfile("manifest.json") or io.BytesIO())
    assert manifest[0]["RepoTags"] == ["mnist-backend:1"]
    assert manifest[0]["Layers"] == ["first", "second"]


def test_a_file_without_a_layer_is_refused(tmp_path: Path) -> None:
    """A layer that the host lacks and the file has not is named."""
    one = archive.opened(written(tmp_path / "one.tar"))
    with pytest.raises(UsageInvalidError, match="third"):
        archive.write_thin(one, ["third"], "mnist-backend:1", io.BytesIO())
