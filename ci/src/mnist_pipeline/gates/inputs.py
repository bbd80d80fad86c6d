"""What each stage looks at, as patterns of paths, and so which stages a change concerns.

Contract: a stage is never left out by mistake: one that the table does not know is always needed,
and what changes the pipeline itself concerns all. Does not know how the changed paths were found.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

PIPELINE = ("ci/src/*", "ci/pyproject.toml", "ci/requirements.lock", "dagger.json")
SERVED = ("apps/*", "monitoring/*")  # images are made of these
BROWSED = (  # by every stage with a browser
    "ci/flaky-tests.toml",
    "tests/a11y/*",
    "tests/e2e/*",
    "tests/conftest.py",
    "tests/strokes.py",
    "tests/visits.py",
    "tests/pytest.ini",
    "tests/requirements.*",
)
DEPLOYED = (*SERVED, "deploy/*", "tests/rehearsal/*", "tests/load/vegeta/*")
PYTHON = ("*.py", "*pyproject.toml", "daggerw")
ROOTS = ("tests/conftest.py", "tests/pytest.ini")
LINTED = ("*Dockerfile", "*.sh", ".ci/*", ".github/workflows/*", "ci/analysers/*")
INPUTS: Mapping[str, Sequence[str]] = {
    "lint": (*PYTHON, *LINTED, "requirements.lock"),
    "types": ("apps/*", "ci/*", "requirements.lock", "pyproject.toml"),
    "unit": ("*",),  # the layout test reads every file
    "dependencies": ("apps/*", "ci/*", "deploy/src/*", "*pyproject.toml", "*requirements*.lock"),
    "sast": ("*.py", "*.js", "ci/analysers/*"),
    "secrets": ("*",),
    "image-structure": (*SERVED, "deploy/*", "ci/image-sizes.toml"),
    "model": ("apps/backend/*",),
    "accessibility": (*SERVED, *BROWSED),
    "scan": ("*",),
    "contract": ("apps/backend/*", "monitoring/*", "tests/contract/*", *ROOTS),
    "monitoring": ("monitoring/*",),
    "observability": (*SERVED, "deploy/*", "tests/observability/*", *ROOTS, "tests/requirements.*"),
    "end-to-end": (*SERVED, *BROWSED),
    "deployment": DEPLOYED,
    "rehearsal": (*DEPLOYED, *ROOTS, "ci/apiserver/*", "ci/cosign/*", "tests/cluster/*"),
}


def fits(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path is one of these; `*` stands for slashes, too."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


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
