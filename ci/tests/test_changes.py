"""What git tells of a change, and how it is read."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mnist_pipeline import gates
from mnist_pipeline.gates.inputs import concerned, listed

SCRIPT = Path(gates.__file__).parents[1] / "changed.sh"
NAMES = ("dö cs/ä.py", "a\nb.py", '"quoted".py', "README.md")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one commit."""
    if not shutil.which("git"):
        pytest.skip("git is not here, and it is what is asked")
    git(tmp_path, "init", "--quiet")
    write(tmp_path, "apps/a.py", "x = 1\n" * 20)
    write(tmp_path, ".gitignore", "*.log\n")
    git(tmp_path, "add", "--all")
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    git(tmp_path, *who, "commit", "--quiet", "--no-gpg-sign", "--message=first")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    """Run git in a folder."""
    command = [shutil.which("git") or "git", *words]
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603  words of this file


def write(folder: Path, name: str, text: str) -> None:
    """Write a file, its folder with it."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def compared(tree: Path, since: str) -> tuple[int, list[str]]:
    """Compare a tree with a commit: the exit code, and the paths that differ."""
    output = tree.with_name("changed")
    command = ["/bin/sh", str(SCRIPT), since, str(output)]
    code = subprocess.run(command, cwd=tree, check=False).returncode  # noqa: S603  the pipeline's own
    return code, sorted(listed(output.read_text(encoding="utf-8"))) if output.exists() else []


def test_a_moved_file_changes_both_places(tree: Path) -> None:
    """The stages of the place that lost it are needed, too."""
    write(tree, "docs/a.py", (tree / "apps/a.py").read_text(encoding="utf-8"))
    (tree / "apps/a.py").unlink()
    code, paths = compared(tree, "HEAD")
    assert (code, paths) == (0, ["apps/a.py", "docs/a.py"])
    assert concerned("model", ["docs/a.py"]) == ""
    assert concerned("types", paths) == "looks at apps/a.py"


def test_names_are_told_as_they_are(tree: Path) -> None:
    """Letters, quotes and the ends of lines in a name are its own; what is ignored is left out."""
    for name in (*NAMES, "a.log"):
        write(tree, name, "new\n")
    assert compared(tree, "HEAD") == (0, sorted(NAMES))


def test_no_change_is_no_path(tree: Path) -> None:
    """A list without a path is empty, and has no nameless one."""
    assert compared(tree, "HEAD") == (0, [])


def test_a_commit_that_is_not_there_is_an_exit_code(tree: Path) -> None:
    """It is told apart from a tree that has not changed."""
    assert compared(tree, "absent") == (128, [])


def test_a_list_is_read_by_its_nuls() -> None:
    """What stands between two of them is one path."""
    assert listed("a b\0c\nd\0") == ["a b", "c\nd"]
    assert listed("") == []
