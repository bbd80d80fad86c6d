"""Rules about the pipeline and the deployer, which work together and import nothing of each other.

Contract: `violations_of_x(root)` answers with lines "path:line: what is wrong", none when the tree
keeps the rule. Does not know what either of them does.
"""

import ast
from pathlib import Path

from layout.source import functions, name, nodes, trees

PIPELINE = Path("ci/src/mnist_pipeline/deploy.py")
DEPLOYER = Path("deploy/src/mnist_deploy/release.py")
TWINS = ("ENVIRONMENTS", "WATCHING")  # what both of them spell


def spelled(tree: ast.Module | None) -> dict[str, str]:
    """The twins of a module, as it spells them."""
    assigned = (s for s in tree.body if isinstance(s, ast.Assign)) if tree else ()
    return {name(s.targets[0]): ast.unparse(s.value) for s in assigned}


def violations_of_twins(root: Path) -> list[str]:
    """What the pipeline and the deployer both spell is the same in both."""
    known = dict(trees(root))
    ours, theirs = spelled(known.get(PIPELINE)), spelled(known.get(DEPLOYER))
    differing = [twin for twin in TWINS if ours.get(twin) != theirs.get(twin)]
    return [f"{DEPLOYER}:1: {twin} is another one than in {PIPELINE}" for twin in differing]


def violations_of_aliases(root: Path) -> list[str]:
    """Nobody is asked for one environment and goes to the other that was named beside it."""
    return [
        f"{path}:{node.lineno}: takes one of two names of an environment; environment_of takes both"
        for path, node in nodes(root, ast.BoolOp)
        if {"env", "environment"} <= {name(value) for value in node.values}
    ]


def violations_of_copies(root: Path) -> list[str]:
    """Where the deployer is given a secret, what it copies of it is in memory alone."""
    found = []
    for path, function in functions(root):
        called = {name(n): n for n in ast.walk(function) if isinstance(n, ast.Call)}
        words = {n.value for n in ast.walk(function) if isinstance(n, ast.Constant)}
        if path.parts[0] != "ci" or "deployer" not in words or "with_mounted_secret" not in called:
            continue
        temporary = called.get("with_mounted_temp")
        if temporary is None or ast.unparse(temporary.args[0]) != "'/tmp'":
            found.append(f"{path}:{function.lineno}: {function.name} keeps what is in /tmp")
    return found
