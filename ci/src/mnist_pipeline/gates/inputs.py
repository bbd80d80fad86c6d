"""What each stage looks at, as patterns of paths, and so which stages a change concerns.

Contract: a stage is never left out by mistake: one that the table does not know is always needed,
what changes the pipeline itself concerns all, and a folder that is handed over whole counts whole.
A pattern after `!` takes paths away. Does not know how the changed paths were found.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

PIPELINE = ("ci/src/*", "ci/pyproject.toml", "ci/requirements.lock", "dagger.json")
BACKEND = ("apps/backend/*", "!apps/backend/tests/*")  # no image has a test
APPS = (*BACKEND, "apps/frontend/*", "!apps/frontend/tests/*")
WATCHING = ("monitoring/*", "!monitoring/tests/*")
SERVED = (*APPS, *WATCHING)  # most images are made of these
DEPLOYER = ("deploy/*", "!deploy/tests/*")  # and the others of this
BROWSED = (  # by every stage with a browser: all of tests but what browsing.py leaves out
    "ci/flaky-tests.toml",
    "tests/*",
    "!tests/test_layout.py",
    "!tests/test_workflows.py",
    "!tests/layout/*",
    "!tests/load/*",
    "!tests/faults/*",
    "!tests/jobs/*",
    "!tests/cluster/*",
    "!tests/contract/*",
    "!tests/observability/*",
    "!tests/rehearsal/*",
)
REHEARSED = ("tests/rehearsal/*", "tests/load/vegeta/*", "monitoring/runbook.md")
PYTHON = ("*.py", "*.pyi", "*pyproject.toml", "*ruff.toml", "daggerw")
LINTED = ("*Dockerfile", "*Dockerfile.*", "*.sh", ".ci/*", ".github/workflows/*", "ci/analysers/*")
TOOLS = ("pyproject.toml", "requirements.lock")  # of the tree
TYPED = ("apps/*", "ci/*", "deploy/src/*", "deploy/pyproject.toml", "monitoring/requirements.lock")
INPUTS: Mapping[str, Sequence[str]] = {
    "lint": (*PYTHON, *LINTED, "requirements.lock"),
    "types": (*TYPED, "monitoring/*.py", "!monitoring/tests/*", *TOOLS),
    "unit": ("*",),  # the layout test reads every file
    "dependencies": ("apps/*/src/*", "deploy/src/*", "*/pyproject.toml", "*requirements*.lock"),
    "sast": ("*.py", "*.js", "ci/analysers/*"),
    "secrets": ("*",),
    "image-structure": (*SERVED, *DEPLOYER, "ci/image-sizes.toml"),
    "model": BACKEND,
    "accessibility": (*SERVED, *BROWSED),
    "scan": ("*",),
    "contract": (*BACKEND, *WATCHING, "tests/contract/*", "tests/conftest.py", "tests/pytest.ini"),
    "monitoring": ("monitoring/*", "pyproject.toml"),
    "observability": (
        *(*APPS, "monitoring/*", *DEPLOYER),
        *("tests/observability/*", "tests/pytest.ini"),
    ),
    "end-to-end": (*SERVED, *BROWSED),
    "deployment": (*APPS, "deploy/*", *REHEARSED, *TOOLS),
    "rehearsal": (
        *(*SERVED, "deploy/*", "!deploy/tests/*.py", *REHEARSED, "requirements.lock"),
        *("ci/apiserver/*", "ci/cosign/*", "tests/cluster/*", "tests/pytest.ini"),
    ),
}


def listed(text: str) -> list[str]:
    """The paths of a list in which a NUL ends each, for a name may hold anything else."""
    return [path for path in text.split("\0") if path]


def fits(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path is one of these and was not taken away; `*` stands for slashes, too."""
    found = [pattern for pattern in patterns if fnmatchcase(path, pattern.removeprefix("!"))]
    return bool(found) and not any(pattern.startswith("!") for pattern in found)


def concerned(stage: str, changed: Sequence[str]) -> str:
    """Why a stage is needed after these paths changed; empty where it is not."""
    if not changed:
        return ""
    own = [path for path in changed if fits(path, PIPELINE)]
    if own:
        return f"{own[0]} is part of the pipeline itself"
    if stage not in INPUTS:
        return "it is not known what this stage looks at"
    found = [path for path in changed if fits(path, INPUTS[stage])]
    more = f" and {len(found) - 1} more" if found[1:] else ""
    return f"looks at {found[0]}{more}" if found else ""


def plan(stages: Iterable[str], changed: Sequence[str]) -> str:
    """Which stages a change needs and why, and the call that runs them."""
    reasons = {stage: concerned(stage, changed) for stage in stages}
    needed = [stage for stage, reason in reasons.items() if reason]
    width = max((len(stage) for stage in reasons), default=0)
    lines = [
        f"{stage:{width}}  {'needed' if reason else '-':6}  {reason}".rstrip()
        for stage, reason in reasons.items()
    ]
    call = f"./daggerw call test --stages {','.join(needed)}" if needed else "Nothing is needed."
    return "\n".join([f"{len(changed)} files changed.", "", *lines, "", call])


def foreign(committed: Sequence[str], there: Sequence[str]) -> str:
    """Why a history is of another tree; empty where most files of its last commit are there."""
    shared = len({*committed} & {*there})
    if 2 * shared >= len(committed):
        return ""
    return (
        f"the history is of another tree: {shared} of {len(committed)} files of its last commit "
        "are in the source; give --history (to publish --git-dir), the .git of the source"
    )
