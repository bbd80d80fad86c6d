"""Rules about what stands in the files: tests, stubs, help, alerts, locks, hosts, paths, findings.

Contract: `violations_of_x(root)` answers with lines "path:line: what is wrong", none when the tree
keeps the rule. Does not know where a module belongs; tests/test_layout.py does.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from layout.source import answer, files, functions, lines, name, nodes, text

UNDONE = re.compile(r"(?<![\w/])(TO" + r"DO|FIX" + r"ME)\b")
MACHINE = re.compile(r"(?<![\w.})$-])/(root|work|home/\w+|Users/\w+)/")
SILENCED = re.compile(  # what a scanner reads as: pass this line over
    r"\b(trivy|tfsec):" + r"ignore|\bno" + r"sem(grep)?\b|gitleaks:" + r"allow|#\s*no" + r"sec\b"
    r"|hadolint\s+(global\s+)?" + r"ignore\s*=|zizmor:\s*" + r"ignore"
)
SILENCING = (".trivyignore", ".gitleaksignore", ".semgrepignore")  # files that do so, by beginning
ASSERTING = re.compile(r"_*(assert|expect|raises|warns|fail)")


def asserts(node: ast.AST) -> bool:
    """Whether a statement or call can fail its test."""
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant | ast.Tuple)
    return isinstance(node, ast.Call) and bool(ASSERTING.match(name(node.func)))


def violations_of_tests(root: Path) -> list[str]:
    """A test states one fact in one sentence, and can fail."""
    found = []
    for path, node in functions(root):
        if not (path.name.startswith("test_") and node.name.startswith("test_")):
            continue
        place = f"{path}:{node.lineno}: {node.name}"
        fact = ast.get_docstring(node) or ""
        if not fact.endswith(".") or "\n\n" in fact or re.search(r"[.!?]\s+[A-Z]", fact):
            found.append(f"{place} has no docstring of one sentence")
        if not any(asserts(n) for n in ast.walk(node)):
            found.append(f"{place} asserts nothing")
    return found


def is_empty(body: list[ast.stmt]) -> bool:
    """Whether nothing but docstrings, dots and passes stands there."""
    return all(
        isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in body
    )


def is_stub(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function does nothing, without a docstring that says so and answering None."""
    says_so = len(node.body) == 1 and bool(ast.get_docstring(node))
    silent = says_so and isinstance(node.returns, ast.Constant)
    return is_empty(node.body) and not silent and not is_declaration(node)


def is_declaration(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a class or function only declares, and has no body by right."""
    declaring = {"Protocol", "overload", "abstractmethod"}
    return bool(declaring & {name(b) for b in [*getattr(node, "bases", []), *node.decorator_list]})


def hides_all(suppress: ast.Call) -> bool:
    """Whether it suppresses faults that nobody thought of."""
    return bool({"Exception", "BaseException"} & {name(a) for a in suppress.args})


def violations_of_stubs(root: Path) -> list[str]:
    """Nothing is left undone and no exception is swallowed."""
    found = [
        f"{place}: says that it is not done" for place, line in text(root) if UNDONE.search(line)
    ]
    for path, node in nodes(root, ast.Name, ast.ExceptHandler, ast.Call):
        if name(node) == "NotImplementedError" and isinstance(node, ast.Name):
            found.append(f"{path}:{node.lineno}: is not implemented")
        elif isinstance(node, ast.ExceptHandler) and (not node.type or is_empty(node.body)):
            found.append(f"{path}:{node.lineno}: swallows an exception")
        elif isinstance(node, ast.Call) and name(node) == "suppress" and hides_all(node):
            found.append(f"{path}:{node.lineno}: suppresses every exception")
    declared = {f for _, c in nodes(root, ast.ClassDef) if is_declaration(c) for f in c.body}
    found += [
        f"{path}:{node.lineno}: {node.name} has no body"
        for path, node in functions(root)
        if is_stub(node) and node not in declared
    ]
    return found


def is_documented(annotation: ast.AST | None, aliases: set[str]) -> bool:
    """Whether a type is `Annotated[..., Doc("words")]`, or the name of such a type."""
    if isinstance(annotation, ast.BinOp):
        return is_documented(annotation.left, aliases)
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.slice, ast.Tuple):
        first, *rest = annotation.slice.elts
        docs = [n.args[0] for n in rest if isinstance(n, ast.Call) and name(n) == "Doc" and n.args]
        return any(getattr(d, "value", d) for d in docs) or is_documented(first, aliases)
    return annotation is not None and name(annotation) in aliases


def violations_of_help(root: Path) -> list[str]:
    """Every Dagger function and every argument of it carries the text that is its help."""
    assigned = [(p, n) for p, n in nodes(root, ast.Assign) if p.parts[0] == "ci"]
    aliases = {name(n.targets[0]) for _, n in assigned if is_documented(n.value, set())}
    found = []
    for path, node in functions(root):
        if path.parts[0] != "ci" or "function" not in map(name, node.decorator_list):
            continue
        place = f"{path}:{node.lineno}: {node.name}"
        if not ast.get_docstring(node):
            found.append(f"{place} has no help")
        parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        found += [
            f"{place}: argument {p.arg} has no help"
            for p in parameters
            if p.arg != "self" and not is_documented(p.annotation, aliases)
        ]
    return found


def mentions(root: Path, pattern: str, *, of_tests: bool = False) -> Iterator[tuple[str, str]]:
    """What the files of monitoring/ name by a pattern, each with its place."""
    for place, line in text(root):
        if place.startswith("monitoring/") and of_tests == ("test" in place):
            yield from ((place, found) for found in re.findall(pattern, line))


def violations_of_alerts(root: Path) -> list[str]:
    """An alert has a rule, a test and a runbook entry."""
    tested = {n for _, n in mentions(root, r"alertname:\s*[\"']?(\w+)", of_tests=True)}
    explained = {n for place, n in mentions(root, r"^#+ +`?(\w+)") if "runbook.md" in place}
    found = []
    for place, alert in mentions(root, r"^\s*-?\s*alert:\s*[\"']?(\w+)"):
        found += [f"{place}: {alert} has no test"] if alert not in tested else []
        found += [f"{place}: {alert} has no runbook entry"] if alert not in explained else []
    return found


def hosts_in(configuration: str) -> set[str]:
    """The hosts of the addresses in a client's configuration, without this machine's own."""
    hosts = set(re.findall(r"https?://(?:[^@/\s]+@)?([\w-]+(?:\.[\w-]+)+)", configuration))
    return {h for h in hosts if not h.startswith("127.")}


@cache
def configured_hosts() -> set[str]:
    """The package registries that this machine's clients are configured with."""
    pip = (sys.executable, "-m", "pip")
    default = re.findall(r"\(default\s+(http\S+)\)", answer(*pip, "install", "--help"))
    sources = ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources")
    apt = [p for s in sources for p in Path("/etc/apt").glob(s)]
    configured = [
        *default,
        answer(*pip, "config", "list"),
        answer("go", "env", "GOPROXY"),
        "https://" + answer("go", "env", "GOSUMDB"),
        answer("npm", "config", "get", "registry"),
        *("\n".join(lines(p)) for p in apt),
    ]
    return hosts_in("\n".join(configured))


def violations_of_hosts(root: Path) -> list[str]:
    """No package registry is named: the machine's clients know theirs."""
    hosts = configured_hosts()
    return [f"{at}: names a registry" for at, line in text(root) if any(h in line for h in hosts)]


def violations_of_paths(root: Path) -> list[str]:
    """No path of one machine stands in the tree."""
    return [f"{at}: a machine's path" for at, line in text(root) if MACHINE.search(line)]


def violations_of_locks(root: Path) -> list[str]:
    """What installs a lock takes nothing else: a resolver would ask for what is newer today."""
    installs = (
        (at, line)
        for at, line in text(root)
        if re.search(r"install\b.*--require" + "-hashes", line)
    )
    return [
        f"{at}: resolves, for --no-deps is missing"
        for at, line in installs
        if "--no-deps" not in line
    ]


def violations_of_findings(root: Path) -> list[str]:
    """A finding is accepted where its reason and its end stand, never beside its line."""
    found = [
        f"{at}: accepts a finding without a reason and an end"
        for at, line in text(root)
        if SILENCED.search(line)
    ]
    return found + [
        f"{path}:1: is no file with reasons"
        for path in files(root)
        if path.name.startswith(SILENCING)
    ]
