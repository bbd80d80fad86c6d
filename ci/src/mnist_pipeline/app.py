"""Stages that look at one application at a time: its images, style, types, tests.

Contract: an image is built once from its Dockerfile and is the same object in every stage. Does not
know the running stack.
"""

from collections.abc import Awaitable, Collection

import dagger

from mnist_pipeline.containers import apart, python_tools, remembering
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session, joined
from mnist_pipeline.gates import junit, python
from mnist_pipeline.gates.verdicts import combined

APPS = ("backend", "frontend")
FOLDERS = {"backend": "apps/backend", "frontend": "apps/frontend", "prometheus": "monitoring"}
TARGETS = {"backend": "serving", "frontend": "serving", "prometheus": "prometheus"}
ROOT_LOCK = "requirements.lock"
PYTHON_FOLDERS = ("apps", "ci", "deploy", "monitoring", "scripts", "tests", "toolchain")
ROOT_FILES = {"pyproject.toml": 0o644, "dagger.json": 0o644, "daggerw": 0o755}
PYTEST = ("pytest", f"--junitxml={REPORTS}/junit.xml")
COVERAGE = ("--cov", "--cov-branch", f"--cov-report=xml:{REPORTS}/coverage.xml")


class ImageUnknownError(ValueError):
    """No image of the project has that name."""


async def image(source: dagger.Directory, name: str) -> dagger.Container:
    """The image of a part of the stack, as it is served."""
    if name not in FOLDERS:
        message = f"no image {name!r}: the name is one of {', '.join(FOLDERS)}"
        raise ImageUnknownError(message)
    folder = await apart(source, FOLDERS[name], leave_out={"tests"})
    return folder.docker_build(target=TARGETS[name])


def test_image(source: dagger.Directory, name: str) -> dagger.Container:
    """The image in which an application is tested: the served code with its tests and tools."""
    return source.directory(FOLDERS[name]).docker_build(target="test").with_workdir("/app")


async def lint(session: Session) -> Outcome:
    """Style: ruff's rules and its formatter over the whole tree."""
    tools = python_tools(await session.text(ROOT_LOCK))
    tree = await part_of_tree(session, tools, PYTHON_FOLDERS)
    check = ("ruff", "check", "--no-cache", "--output-format=sarif")
    answers = await (
        Recorder.around(session, tree)
        .run("ruff", [*check, f"--output-file={REPORTS}/ruff.sarif", "."])
        .run("format", ["ruff", "format", "--no-cache", "--check", "."])
        .answers("ruff.sarif")
    )
    sarif, log = answers.texts["ruff.sarif"], answers.log("ruff")
    verdicts = {
        "check": python.judge_ruff(sarif, answers.exit_code("ruff"), log),
        "format": python.judge_format(answers.exit_code("format"), answers.log("format")),
    }
    return answers.judged(combined(verdicts))


async def part_of_tree(
    session: Session, container: dagger.Container, folders: Collection[str]
) -> dagger.Container:
    """A container with some folders of the tree, those that are there, and its settings."""
    for entry in await session.source.entries():
        name = entry.rstrip("/")
        if name in folders:
            folder = session.source.directory(name)
            container = container.with_mounted_directory(f"/src/{name}", folder)
        elif name in ROOT_FILES:
            text, mode = await session.text(name), ROOT_FILES[name]
            container = container.with_new_file(f"/src/{name}", text, permissions=mode)
    return container.with_workdir("/src")


async def types(session: Session) -> Outcome:
    """Types: mypy in each application's test image, and over this module."""
    parts: dict[str, Awaitable[Outcome]] = {
        name: types_of(session, name, test_image(session.source, name)) for name in APPS
    }
    return await joined({**parts, "pipeline": types_of_pipeline(session)})


async def types_of_pipeline(session: Session) -> Outcome:
    """Mypy over this module, beside the client it is written for."""
    locks = await session.text("ci/requirements.lock"), await session.text(ROOT_LOCK)
    folder = session.source.directory("ci")
    tools = python_tools(*locks).with_mounted_directory("/src/ci", folder)
    return await types_of(session, "pipeline", tools.with_workdir("/src/ci"))


async def types_of(session: Session, name: str, container: dagger.Container) -> Outcome:
    """Mypy as the container's own settings say; unless asked anew, it remembers other modules."""
    if not session.fresh:
        container = remembering(container, "MYPY_CACHE_DIR", f"mypy-{name}", await container.user())
    answers = await Recorder.around(session, container).run("mypy", ["mypy"]).answers()
    return answers.judged(python.judge_mypy(answers.exit_code("mypy"), answers.log("mypy")))


async def unit(session: Session) -> Outcome:
    """Unit tests: of each application, of this module and the toolchain, of the tree's layout."""
    parts: dict[str, Awaitable[Outcome]] = {
        name: tests_of(session, test_image(session.source, name), *COVERAGE) for name in APPS
    }
    parts["pipeline"] = tree_tests(session, "ci", *COVERAGE, "ci/tests")
    parts["toolchain"] = tree_tests(session, "toolchain", *COVERAGE, "-m", "not host", "toolchain")
    return await joined({**parts, "layout": layout_tests(session)})


async def tree_tests(session: Session, folder: str, *arguments: str) -> Outcome:
    """The tests of one folder of the tree, which see that folder alone."""
    tools = python_tools(await session.text(ROOT_LOCK))
    return await tests_of(session, await part_of_tree(session, tools, {folder}), *arguments)


async def layout_tests(session: Session) -> Outcome:
    """The tests that hold the shape of the whole tree."""
    tools = python_tools(await session.text(ROOT_LOCK))
    tree = tools.with_mounted_directory("/src", session.source).with_workdir("/src")
    return await tests_of(session, tree, "tests/test_layout.py")


async def tests_of(session: Session, container: dagger.Container, *arguments: str) -> Outcome:
    """Pytest in a container, with its report."""
    recorder = Recorder.around(session, container).run("pytest", [*PYTEST, *arguments])
    answers = await recorder.answers("junit.xml")
    xml, log = answers.texts["junit.xml"], answers.log("pytest")
    return answers.judged(junit.judge(xml, answers.exit_code("pytest"), log, may_skip=True))
