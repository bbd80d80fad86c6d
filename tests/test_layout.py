# budget: the tables of layers, owners and planted faults, which are read as a whole
"""Holds the shape of the tree: layers, owners of libraries, names, budgets, and words.

Contract: a rule `violations_of_x(root)` answers with lines "path:line: what is wrong"; it finds
nothing in this repository and finds its fault in PLANTED. Standard library and pytest only; reading
and the rules about words, secrets and deploying stand in tests/layout/, so that this file is the
tables and their meaning.
Does not know: what the code does, whether it is formatted (ruff) or typed (mypy).
"""

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from layout import canaries, deploying, words
from layout.source import files, functions, imports, lines, name, nodes, parsed, trees

ROOT = Path(__file__).resolve().parents[1]

# Top to bottom: a module imports only from layers below its own, never sideways.
LAYERS = {
    "mnist_pipeline": [
        "main",
        "release",
        "verification",
        "candidate integration trial",
        "prove stages",
        "rehearsal script",
        "browsing mirror unsigned",
        "planted stack contract scan static structure load monitoring observability deploy",
        "advisories changes conformance notify registry",
        "services app",
        "containers page",
        "deliver gates hosts layers options readiness smoke",
    ],
    "mnist_backend": [
        "app",
        "document edge",
        "lifecycle",
        "admission predicting telemetry torch_predictor training",
        "pictures predictor problems quota recording registry tokens",
        "database drawings keys logs model preprocess",
        "artefact connections experiment migrations",
        "errors metrics schemas settings",
    ],
    "mnist_frontend": [
        "app",
        "pad panels",
        "chart client photograph samples",
        "drawing settings words",
    ],
    "monitoring": [
        "generated mutants compression",
        "alerts cases dashboards",
        "conditions panels",
        "recordings",
        "objectives",
    ],
    "mnist_deploy": [
        "rollout",
        "preflight",
        "arguments observing shifting site",
        "gate edge lock release shipping verdicts",
        "archive audit notifying ssh",
        "errors",
    ],
    "toolchain": [
        "launcher python_sdk",
        "bootstrap vendor",
        "contents",
        "debian programs engine",
        "registries oci surroundings",
        "steps lock",
        "progress settings",
        "errors",
    ],
}
# What is not in the standard library is imported by its owners alone.
OWNERS = {
    "mnist_pipeline": {
        "anyio": "prove stages containers verification",
        "dagger": (
            "main release verification candidate integration trial prove stages rehearsal changes "
            "stack contract scan static structure load monitoring observability deploy registry "
            "notify advisories conformance script services app containers hosts options unsigned "
            "mirror"
        ),
        "opentelemetry": "stages",
    },
    "mnist_backend": {
        "alembic": "connections migrations",
        "anyio": "app edge lifecycle tokens",
        "fastapi": "__main__ app document",
        "fastapi_offline": "app",
        "httpx2": "training",
        "jwt": "tokens",
        "kedro": "training",
        "limits": "quota",
        "matplotlib": "training",
        "msgspec": "database predicting",
        "numpy": "drawings model pictures predicting predictor preprocess torch_predictor training",
        "onnxruntime": "predictor",
        "opentelemetry": "telemetry",
        "PIL": "drawings pictures preprocess",
        "prometheus_client": "metrics",
        "psycopg": "connections",
        "pydantic": "__main__ artefact document predicting problems schemas settings training",
        "pydantic_settings": "settings",
        "safetensors": "model",
        "simdjson": "predicting",
        "sklearn": "training",
        "sqlalchemy": "connections database migrations",
        "starlette": "app edge",
        "structlog": "logs",
        "torch": "model torch_predictor training",
        "tqdm": "training",
        "uvicorn": "__main__",
    },
    "mnist_frontend": {
        "httpx": "client",
        "numpy": "drawing photograph",
        "PIL": "drawing photograph",
        "pydantic": "client pad",
        "streamlit": "app pad panels",
    },
    "monitoring": {"yaml": "generated mutants"},
    "mnist_deploy": {},
    "toolchain": dict.fromkeys(("beartype", "dagger", "gql", "httpx"), "python_sdk"),
    "daggerw": {},
}
ENVIRONMENT = (  # who reads os.environ
    "settings conftest artefacts postgres processes asking visitors toolchain daggerw scripts"
)
FOLDERS = ".ci .github apps ci deploy monitoring scripts tests toolchain"  # at the top
BANNED = "utils helpers common core base misc manager service"  # they say nothing
BUDGETS = {  # lines by path; an exception says `# budget: why` within its first three lines
    r"(.*/)?Dockerfile[^/]*": 45,
    r"\.github/workflows/[^/]+": 40,
    r"deploy/compose/compose\.[^/]+\.yaml": 40,
    r"daggerw|.*\.(py|go|sh|js|ts|css)": 300,
}
FUNCTION_BUDGET = 40  # its exception stands on the line of `def`


def module_of(path: Path) -> tuple[str, ...]:
    """A file's module name in parts; empty for tests and for what no package owns."""
    parts = path.with_suffix("").parts
    parts = parts[parts.index("src") + 1 :] if "src" in parts else parts
    return parts if parts and parts[0] in OWNERS and "tests" not in parts else ()


def violations_of_syntax(root: Path) -> list[str]:
    """The oldest Python that runs the tree's tools reads every file."""
    faults = [(p, e) for p, e in parsed(root).items() if isinstance(e, SyntaxError)]
    return [f"{path}:{fault.lineno}: {fault.msg}" for path, fault in faults]


def violations_of_layers(root: Path) -> list[str]:
    """An import goes down, never up or sideways, and every module has a layer."""
    found = []
    for path, tree in trees(root):
        package, module, *_ = (*module_of(path), "", "")
        if package not in LAYERS:
            continue
        levels = {m: i for i, layer in enumerate(LAYERS[package]) for m in layer.split()}
        levels |= {"__init__": -1, "__main__": -1}
        if module not in levels:
            found.append(f"{path}:1: {module} is in no layer of {package}")
        for line, target in imports(tree, module_of(path)):
            other = target[1] if target[0] == package and target[1:] else module
            if other != module and levels.get(other, 99) <= levels.get(module, 99):
                found.append(f"{path}:{line}: {module} imports {other}, which is not below it")
    return list(dict.fromkeys(found))


def violations_of_owners(root: Path) -> list[str]:
    """A library is imported by its owners alone; toolchain and daggerw have none."""
    found = []
    for path, tree in trees(root):
        package, *rest = module_of(path) or ("",)
        if not package:
            continue
        free = {*sys.stdlib_module_names, "toolchain" if package == "daggerw" else package}
        for line, (library, *_) in imports(tree, module_of(path)):
            owners = OWNERS[package].get(library, "").split()
            if library not in free and not {*rest[:1]} & {*owners}:
                found.append(f"{path}:{line}: {library} belongs to {owners or 'nobody'} here")
    return list(dict.fromkeys(found))


def violations_of_environment(root: Path) -> list[str]:
    """Settings alone read the environment of the process."""
    used = [(p, n.lineno, n.attr) for p, n in nodes(root, ast.Attribute) if name(n.value) == "os"]
    froms = [(p, n) for p, n in nodes(root, ast.ImportFrom) if n.module == "os"]
    used += [(p, n.lineno, alias.name) for p, n in froms for alias in n.names]
    return [
        f"{path}:{line}: reads the environment outside settings"
        for path, line, what in used
        if what in {"environ", "environb", "getenv"}
        and not {path.stem, path.parts[0]} & {*ENVIRONMENT.split()}
    ]


def violations_of_names(root: Path) -> list[str]:
    """A module's name says what it holds."""
    modules = (p for p in files(root) if p.suffix in {".py", ".go", ".js", ".ts", ".sh"})
    return [
        f"{p}:1: banned name" for p in modules if {*BANNED.split()} & {*p.with_suffix("").parts}
    ]


def violations_of_folders(root: Path) -> list[str]:
    """A folder at the top is one that the layout names."""
    tops = {p.parts[0] for p in files(root) if p.parts[1:]}
    return [f"{top}:1: is not in the layout" for top in sorted(tops - {*FOLDERS.split()})]


def has_reason(candidates: list[str]) -> bool:
    """Whether a line says why it is over its budget."""
    return any(re.search(r"(#|//) budget: \S.{8,}", line) for line in candidates)


def violations_of_budgets(root: Path) -> list[str]:
    """A file and a function can be read in one go, or say why not."""
    found = []
    for path in files(root):
        budgets = (b for pattern, b in BUDGETS.items() if re.fullmatch(pattern, str(path)))
        size, budget = len(lines(root / path)), next(budgets, None)
        if budget and size > budget and not has_reason(lines(root / path)[:3]):
            found.append(f"{path}:1: {size} lines, of {budget}")
    for path, node in functions(root):
        size = (node.end_lineno or 0) - node.lineno + 1
        if size > FUNCTION_BUDGET and not has_reason([lines(root / path)[node.lineno - 1]]):
            found.append(f"{path}:{node.lineno}: {node.name} has {size} lines")
    return found


RULES = {
    rule.__name__.removeprefix("violations_of_"): rule
    for source in (globals(), vars(words), vars(canaries), vars(deploying))
    for title, rule in source.items()
    if title.startswith("violations_of_")
}
LONG = "x = 1\n" * 300
ARGUMENT = '@function\ndef f(self, a: str):\n    """Helps."""\n    return a\n'
TAKING = "Key = Annotated[dagger.Secret | None, Doc('what')]\nKeys = list[Key]\n"
CANARIES = "tests/faults/canaries.py"
PIPELINE, BACKEND = "ci/src/mnist_pipeline", "apps/backend/src/mnist_backend"
GIVEN, MEMORY = ".with_mounted_secret('/key', s)", ".with_mounted_temp('/work')"
PLANTED = [  # rule, file, what is wrong in it
    ("syntax", f"{BACKEND}/app.py", "x = ("),
    ("layers", f"{PIPELINE}/gates.py", "from mnist_pipeline import main"),  # upward
    ("layers", f"{PIPELINE}/scan.py", "def f():\n    from .stack import Stack"),  # sideways, late
    ("layers", f"{PIPELINE}/extra.py", ""),
    ("owners", f"{PIPELINE}/gates.py", "import dagger"),
    ("owners", f"{BACKEND}/app.py", "import importlib\nimportlib.import_module('torch.nn')"),
    ("owners", f"{BACKEND}/app.py", "import mnist_frontend"),
    ("owners", "toolchain/engine.py", "import requests"),
    ("owners", "daggerw", "import requests"),
    ("environment", f"{BACKEND}/app.py", "import os\nos.environ['A']"),
    ("environment", f"{BACKEND}/app.py", "from os import getenv"),
    ("names", f"{BACKEND}/utils.py", ""),
    ("names", "toolchain/common/__init__.py", ""),
    ("folders", "stuff/a.txt", ""),
    ("budgets", "tests/long.py", LONG + "y = 2"),
    ("budgets", "apps/backend/Dockerfile", "RUN true\n" * 46),
    ("budgets", ".github/workflows/ci.yml", "#\n" * 41),
    ("budgets", "ci/long.py", "def f():\n" + "    print()\n" * 40),
    ("budgets", "ci/excuse.py", "def f():  # budget:\n" + "    print()\n" * 40),
    ("tests", "tests/test_a.py", "def test_a():\n    assert f()"),
    ("tests", "tests/test_a.py", 'def test_a():\n    """One. Two."""\n    assert f()'),
    ("tests", "tests/test_a.py", 'def test_a():\n    """Runs."""\n    f()'),
    ("tests", "tests/test_a.py", 'def test_a():\n    """Holds."""\n    assert True'),
    ("stubs", "Makefile", "# TO" + "DO: all of it"),
    ("stubs", "ci/a.py", "def f():\n    raise NotImplementedError"),
    ("stubs", "ci/a.py", "def f() -> None:\n    ..."),
    ("stubs", "ci/a.py", "def f() -> str:\n    'Answers.'"),
    ("stubs", "ci/a.py", "try:\n    f()\nexcept:\n    g()"),
    ("stubs", "ci/a.py", "try:\n    f()\nexcept Exception:\n    pass"),
    ("stubs", "ci/a.py", "with suppress(Exception):\n    f()"),
    ("help", f"{PIPELINE}/main.py", "@dagger.function\ndef f(self):\n    return 1"),
    ("help", f"{PIPELINE}/main.py", ARGUMENT),
    ("help", f"{PIPELINE}/main.py", ARGUMENT.replace("str", "Annotated[str, Doc('')]")),
    ("canaries", f"{PIPELINE}/main.py", ARGUMENT.replace("str", "dagger.Secret")),
    ("canaries", f"{PIPELINE}/main.py", TAKING + ARGUMENT.replace("str", "Keys")),
    ("canaries", f"{PIPELINE}/main.py", TAKING + "@object_type\nclass A:\n    a: Key"),
    ("canaries", CANARIES, "CANARIES = {'f': ('a',)}"),
    ("twins", "deploy/src/mnist_deploy/release.py", "WATCHING = ('probe',)"),
    ("aliases", f"{PIPELINE}/main.py", "where = env or environment"),
    ("copies", "ci/a.py", "def f(s):\n    return image(s, 'deployer')" + GIVEN),
    ("copies", "ci/a.py", f"def f(s):\n    return image(s, 'deployer'){GIVEN}{MEMORY}"),
    ("alerts", "monitoring/alerts.yaml", "groups:\n  - rules:\n      - alert: BackendDown\n"),
    ("locks", "Makefile", "env:\n\tpip install --require" + "-hashes -r a.lock"),
    ("hosts", "apps/backend/Dockerfile", "RUN pip install -i https://mirror.example.org/simple a"),
    ("findings", "deploy/k8s/a.yaml", "runAsUser: 0  # trivy:" + "ignore:KSV-0012"),
    ("findings", "ci/a.py", "eval(x)  # no" + "sec B307"),
    ("findings", "ci/a.py", "eval(x)  # no" + "sem"),
    ("findings", "ci/a.js", "eval(x)  // no" + "semgrep: eval"),
    ("findings", "ci/a.py", "KEY = '0123'  # gitleaks:" + "allow"),
    ("findings", "apps/backend/Dockerfile", "# hadolint " + "ignore=DL3008\nRUN true"),
    ("findings", "apps/backend/Dockerfile", "# hadolint global " + "ignore=DL3008"),
    ("findings", ".github/workflows/a.yml", "uses: a/b@v1  # zizmor: " + "ignore[unpinned-uses]"),
    ("findings", "ci/.gitleaksignore", "0123:ci/a.py:generic-api-key:1"),
    ("findings", ".trivyignore.yaml", "vulnerabilities: []"),
    ("paths", "Makefile", "up:\n\tcd /ro" + "ot/mnist && make"),
]
KEPT = {  # a tree without a fault
    "ci/placeholders.py": "FORBIDDEN = ['/TO" + "DO']  # a value, not a remark",
    f"{PIPELINE}/main.py": "from . import gates\nText = Annotated[str, Doc('what')]\n"
    + TAKING
    + ARGUMENT.replace("a: str", "a: Text, key: Key"),
    CANARIES: "CANARIES = {'f': ('key',)}",
    "tests/long.py": f"# budget: one table that is read as a whole\n{LONG}",
    "ci/long.py": "def f():  # budget: one table of one column\n" + "    print()\n" * 40,
    "ci/shape.py": "class Peer(Protocol):\n    def f(self): ...\ndef g() -> None:\n    'Is quiet.'",
    "ci/silent.py": "f()  # noqa: S603  ours\ng()  # type: ignore[a]  untyped\nx = 1  # no seconds",
    "ci/a.sh": "# shellcheck disable=SC2046  words are wanted",
    "ci/secret.py": f"def f(s):\n    image(s, 'deployer'){GIVEN}{MEMORY.replace('work', 'tmp')}",
    "tests/test_a.py": 'def test_a():\n    """Fails."""\n    with pytest.raises(A):\n        f()',
    "monitoring/alerts.yaml": "- alert: BackendDown",
    "monitoring/alerts_test.yaml": "alertname: BackendDown",
    "monitoring/runbook.md": "## BackendDown\n",
}


def plant(root: Path, tree: dict[str, str]) -> Path:
    """Write a tree of files."""
    for path, content in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, encoding="utf-8")
    return root


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose one registry is mirror.example.org."""
    monkeypatch.setattr(words, "configured_hosts", lambda: {"mirror.example.org"})


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_repository_keeps_the_rule(rule: Callable[[Path], list[str]]) -> None:
    """This repository has no violation of the rule."""
    assert rule(ROOT) == []


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(("rule", "path", "content"), PLANTED)
def test_a_planted_fault_is_found(rule: str, path: str, content: str, tmp_path: Path) -> None:
    """The rule names the file in which its fault was planted."""
    found = RULES[rule](plant(tmp_path, {path: content}))
    assert [v for v in found if v.startswith(Path(path).parts[0])]


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_clean_tree_passes(rule: Callable[[Path], list[str]], tmp_path: Path) -> None:
    """A tree that keeps every rule, by right or with a reason, is not accused."""
    assert rule(plant(tmp_path, KEPT)) == []


def test_every_rule_has_a_planted_fault() -> None:
    """No rule is without proof that it finds something."""
    assert {rule for rule, _, _ in PLANTED} == {*RULES}


def test_hosts_are_read_from_configurations() -> None:
    """Addresses give their hosts, without credentials, ports or this machine itself."""
    clients = (
        "global.index-url='https://me:secret@pip.example.org:8443/simple'\n"
        "URIs: http://apt.example.org/debian\nhttps://go.example.org,direct\nhttp://127.0.0.1:4873/"
    )
    assert words.hosts_in(clients) == {f"{name}.example.org" for name in ("pip", "apt", "go")}
