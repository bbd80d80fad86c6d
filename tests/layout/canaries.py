"""The rule about secrets: whatever takes one is given a canary by the planted faults.

Contract: as in words. What takes a secret is told by the annotations of what users call, through
their aliases; what has a canary by the literal CANARIES in TABLE. Does not know what becomes of a
canary.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from layout.source import functions, name, nodes

PIPELINE = ("ci", "src", "mnist_pipeline")
TABLE = Path("tests/faults/canaries.py")
CALLED = {"function", "object_type"}  # decorators of what users call, and of what they call it on
Argument = tuple[str, str]  # the name of what is called, and the argument's own


def mentions(annotation: ast.AST | None, aliases: set[str]) -> bool:
    """Whether a type is, or holds, one of these."""
    used = ast.walk(annotation) if annotation else ()
    return any(name(n) in aliases for n in used if isinstance(n, ast.Name | ast.Attribute))


def aliases_of_secrets(root: Path) -> set[str]:
    """The names by which the pipeline's modules call what is, or holds, a secret."""
    found = {"Secret"}
    assigned = [n for p, n in nodes(root, ast.Assign) if p.parts[:3] == PIPELINE]
    while more := {name(n.targets[0]) for n in assigned if mentions(n.value, found)} - found:
        found |= more
    return found


def annotated(root: Path) -> Iterator[tuple[str, Argument, ast.AST | None]]:
    """Every argument of what users call, with its place and its type."""
    for path, node in functions(root):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        if path.parts[:3] == PIPELINE and CALLED & {name(d) for d in node.decorator_list}:
            for a in arguments:
                yield f"{path}:{a.lineno}", (node.name, a.arg), a.annotation
    for path, owner in nodes(root, ast.ClassDef):
        fields = [n for n in owner.body if isinstance(n, ast.AnnAssign)]
        if path.parts[:3] == PIPELINE and CALLED & {name(d) for d in owner.decorator_list}:
            for n in fields:
                yield f"{path}:{n.lineno}", (owner.name, name(n.target)), n.annotation


def canaries(root: Path) -> dict[Argument, str]:
    """Every argument that has a canary, with the table's place."""
    tables = [
        (path, node)
        for path, node in nodes(root, ast.Assign)
        if path == TABLE and name(node.targets[0]) == "CANARIES"
    ]
    return {
        (called, argument): f"{path}:{node.lineno}"
        for path, node in tables
        for called, arguments in ast.literal_eval(node.value).items()
        for argument in arguments
    }


def violations_of_canaries(root: Path) -> list[str]:
    """What takes a secret has a canary, and nothing else has one."""
    aliases = aliases_of_secrets(root)
    taking = {a: place for place, a, kind in annotated(root) if mentions(kind, aliases)}
    having = canaries(root)
    found = [
        f"{taking[a]}: {' --'.join(a)} takes a secret, and {TABLE} has no canary for it"
        for a in sorted(taking.keys() - having.keys())
    ]
    return found + [
        f"{having[a]}: {' --'.join(a)} has a canary, and takes no secret"
        for a in sorted(having.keys() - taking.keys())
    ]
