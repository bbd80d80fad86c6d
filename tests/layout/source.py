"""Reads the source tree: its files, their lines, their syntax and their imports.

Contract: the files are those git tracks or would track, or all of them where git is absent; every
answer is computed once a tree. Does not know any rule.
"""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)
CACHES = {".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__"}
NOT_SOURCE = {".git", ".venv", "node_modules", "sdk"} | CACHES


def answer(*command: str) -> str:
    """What a program prints, or nothing where it is absent or refuses."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603  commands stand in this package
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


@cache
def files(root: Path) -> list[Path]:
    """Every file of the tree, relative to its root."""
    listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    git = answer("git", "-C", str(root), *listed)
    walked = (p.relative_to(root) for p in root.rglob("*"))
    found = [Path(n) for n in git.split("\0") if n] or [
        p for p in walked if not NOT_SOURCE & {*p.parts}
    ]
    return sorted(p for p in found if (root / p).is_file())


@cache
def lines(path: Path) -> list[str]:
    """A file's lines; none for a file that is not text."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []


def text(root: Path) -> Iterator[tuple[str, str]]:
    """Every line of the tree with its place, `path:line`."""
    for path in files(root):
        yield from ((f"{path}:{n}", line) for n, line in enumerate(lines(root / path), 1))


@cache
def parsed(root: Path) -> dict[Path, ast.Module | SyntaxError]:
    """Every Python file with its syntax, or with what this Python does not understand in it."""
    python = [p for p in files(root) if p.suffix == ".py" or p.name == "daggerw"]
    return {p: parse("\n".join(lines(root / p))) for p in python}


def parse(source: str) -> ast.Module | SyntaxError:
    """The syntax of a source, or the error in it."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        return error


def trees(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Every Python file with its syntax; the rule about syntax reports the others."""
    yield from ((p, t) for p, t in parsed(root).items() if isinstance(t, ast.Module))


def nodes(root: Path, *kinds: type[Node]) -> Iterator[tuple[Path, Node]]:
    """Every syntax node of these kinds, with its file."""
    for path, tree in trees(root):
        yield from ((path, n) for n in within(tree) if isinstance(n, kinds))


@cache
def within(tree: ast.Module) -> list[ast.AST]:
    """Every syntax node of a file."""
    return [*ast.walk(tree)]


def functions(root: Path) -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function and method, with its file."""
    yield from nodes(root, ast.FunctionDef)
    yield from nodes(root, ast.AsyncFunctionDef)


def name(node: ast.AST) -> str:
    """The last name of an expression: that of `pytest.raises(...)` is `raises`."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return str(getattr(node, "attr", None) or getattr(node, "id", ""))


def imports(tree: ast.Module, module: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """What a module imports, anywhere in it, by full name in parts."""
    for node in within(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name.split(".")) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = list(module[: -node.level]) if node.level else []
            start += node.module.split(".") if node.module else []
            yield from ((node.lineno, [*start, a.name]) for a in node.names)
        elif isinstance(node, ast.Call) and name(node.func) in {"import_module", "__import__"}:
            yield node.lineno, str(getattr(node.args[0], "value", "?")).split(".")
