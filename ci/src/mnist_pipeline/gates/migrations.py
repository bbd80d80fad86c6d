"""Judges migrations by their source: each only expands, so the release before it goes on working.

Contract: an upgrade may make tables, indexes and columns that old code can leave out; whatever else
it calls of Alembic's is told. Does not know databases.
"""

import ast
from collections.abc import Mapping

from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

EXPANDING = {"create_table", "create_index", "add_column", "f"}


def judge(revisions: Mapping[str, str]) -> Verdict:
    """The verdict on the sources of all revisions, by file name."""
    found: list[str] = []
    for name, source in sorted(revisions.items()):
        try:
            upgrades = [n for n in ast.parse(source).body if getattr(n, "name", "") == "upgrade"]
        except SyntaxError as error:
            return not_run(f"{name} cannot be read: {error}")
        if not upgrades:
            return not_run(f"{name} has no upgrade")
        found += [f"{name}:{line}: {fault}" for line, fault in contractions(upgrades[0])]
    if not revisions:
        return not_run("there are no migrations to judge")
    return red(*found) if found else green(migrations=len(revisions))


def contractions(upgrade: ast.AST) -> list[tuple[int, str]]:
    """What the code before would stumble over, each with its line."""
    found = []
    for call in ast.walk(upgrade):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if getattr(call.func.value, "id", "") != "op":
            continue
        action = call.func.attr
        if action not in EXPANDING:
            found.append((call.lineno, f"{action} is more than an expansion"))
        elif action == "add_column" and not optional(call):
            found.append((call.lineno, "add_column without nullable or a server's default"))
        elif action == "create_index" and any(k.arg == "unique" for k in call.keywords):
            found.append((call.lineno, "a unique index refuses what old code may write"))
    return found


def optional(add_column: ast.Call) -> bool:
    """Whether old code may leave a new column out."""
    column = add_column.args[1] if add_column.args[1:] else None
    for keyword in column.keywords if isinstance(column, ast.Call) else ():
        if keyword.arg == "server_default":
            return True
        if keyword.arg == "nullable" and getattr(keyword.value, "value", None) is True:
            return True
    return False
