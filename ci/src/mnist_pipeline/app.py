"""Stages that look at one application at a time: its images, model, types, tests.

Contract: an image is built once from its Dockerfile and is the same object in every stage. Does not
know the running stack.
"""

from collections.abc import Awaitable, Collection
from dataclasses import replace

import dagger
from dagger import dag

from mnist_pipeline.containers import PROMISES, base, python_tools, remembering, with_packages
from mnist_pipeline.containers.recorder import REPORTS, Recorder
from mnist_pipeline.containers.session import Outcome, Session, joined
from mnist_pipeline.gates import coverage, junit, python
from mnist_pipeline.gates.model import judge as judge_model
from mnist_pipeline.gates.model import judge_runtime
from mnist_pipeline.gates.structure import REGISTRIES

APPS = ("backend", "frontend")
FOLDERS = {
    "backend": "apps/backend",
    "backend-torch": "apps/backend",
    "frontend": "apps/frontend",
    "prometheus": "monitoring",
    "alertmanager": "monitoring",
    "probe": "monitoring",
    "edge": "deploy",
    "postgresql": "deploy",
    "deployer": "deploy",
    "postgres-exporter": "deploy",
    "node-exporter": "deploy",
    "process-exporter": "deploy",
}
TARGETS = {
    "backend": "serving",
    "backend-torch": "serving-torch",
    "frontend": "serving",
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "probe": "probe",
    "edge": "edge",
    "postgresql": "postgresql",
    "deployer": "deployer",
    "postgres-exporter": "postgres-exporter",
    "node-exporter": "node-exporter",
    "process-exporter": "process-exporter",
}
CLIENTS = {  # the locks of the client that runs the module, and of the newest one
    "pipeline": "ci/requirements.lock",
    "pipeline-newest": "ci/requirements-newest.lock",
}
CARD = "card.json"
RUNTIMES = {"backend": "onnx", "backend-torch": "torch"}  # by image
OPENAPI = f"{FOLDERS['backend']}/openapi.json"
ROOT_LOCK = "requirements.lock"
ROOT_FILES = ("pyproject.toml", "dagger.json", "daggerw")
TESTS_LIMIT_SECONDS = 2400  # a first run does everything at once: it has taken over 900
OWNER = "10001:10001"  # user and group of the images
UNSERVED = ("tests", "models")  # no served image holds a test, or a model of another training
OF_TRAINING = "tests/test_training_*.py"
PACKAGE = "src/mnist_backend"
TRAINED_WITH = ("artefact", "drawings", "errors", "metrics", "model", "preprocess", "registry")
TRAINER = (  # what the training is made of, and the tools that test it and what serves its model
    *("Dockerfile", ".dockerignore", "requirements-t*.lock", "conf", f"{PACKAGE}/training"),
    *(f"{PACKAGE}/{name}.py" for name in ("__init__", *TRAINED_WITH)),
)
TRAINING = (  # what the tests of the training read, and they
    *("conf", ".telemetry", "pyproject.toml", "tests/artefacts.py", OF_TRAINING),
    *(f"{PACKAGE}/{name}.py" for name in ("__init__", *TRAINED_WITH, "predictor")),
    *(f"{PACKAGE}/torch_predictor.py", f"{PACKAGE}/training"),
)
GIVEN = {"MODEL": "given"}  # of the stages of the backend's Dockerfile
PYTEST = ("pytest", f"--junitxml={REPORTS}/junit.xml")
COVERAGE = ("--cov", "--cov-branch", f"--cov-report=xml:{REPORTS}/coverage.xml")


class ImageUnknownError(ValueError):
    """No image of the project has that name."""


def image(session: Session, name: str) -> dagger.Container:
    """The image of a part of the stack, as it is served; its tests are not part of it.

    Nor is what only its making needed: where the toolchain made the base, that names registries.
    """
    if name not in FOLDERS:
        message = f"no image {name!r}: the name is one of {', '.join(FOLDERS)}"
        raise ImageUnknownError(message)
    given = [dagger.BuildArg(*each) for each in arguments(name).items()] or None
    built = served(session, name).docker_build(target=TARGETS[name], build_args=given)
    for variable in REGISTRIES:
        built = built.without_env_variable(variable)
    return built.without_label(PROMISES)


def arguments(name: str) -> dict[str, str]:
    """What the Dockerfile of a served image is told."""
    return GIVEN if name in RUNTIMES else {}


def served(session: Session, name: str) -> dagger.Directory:
    """What a served image is built from: no test, and the model that the training came to."""
    folder = session.folder(FOLDERS[name], exclude=UNSERVED)
    if name not in RUNTIMES:
        return folder
    return folder.with_directory("models", models(session))


def models(session: Session) -> dagger.Directory:
    """The store that the training came to, taken out of its container by a command.

    For where one container's folder goes into another, the engine reads every file of a container
    that a Dockerfile made: here of torch.
    """
    taken = base().with_mounted_directory("/trained", training(session).directory("/models"))
    return taken.with_exec(["cp", "--archive", "/trained", "/models"]).directory("/models")


def tarball(session: Session, name: str) -> dagger.File:
    """An image of the project as a file, as scanners read it."""
    return archived(image(session, name))


def archived(container: dagger.Container) -> dagger.File:
    """An image as a file, all layers packed alike: Trivy takes the first one's packing for all."""
    return container.as_tarball(forced_compression=dagger.ImageLayerCompression.UNCOMPRESSED)


def training(session: Session, parameters: str = "") -> dagger.Container:
    """What trains the model, and has: the store in /models, reports in /reports.

    From a folder of its own, for in one call the engine finds no layer of another folder again,
    and the tests are made of the same layers.
    """
    arguments = [dagger.BuildArg("PARAMETERS", parameters)] if parameters else None
    folder = session.folder(FOLDERS["backend"], include=TRAINER)
    return folder.docker_build(target="train", build_args=arguments)


def trained(session: Session, parameters: str) -> dagger.Directory:
    """The store of a training, and beside it what the training reports of its model."""
    container = training(session, parameters)
    store = dag.directory().with_directory("models", container.directory("/models"))
    return store.with_directory("reports", container.directory(REPORTS))


async def model(session: Session) -> Outcome:
    """Model: what the training of the served image reached, and that both images answer so."""
    parts = {name: answering(session, name, runtime) for name, runtime in RUNTIMES.items()}
    return await joined({"card": reached(session), **parts})


async def reached(session: Session) -> Outcome:
    """What the card tells of pictures that the model never saw."""
    recorder = await Recorder.around(session, training(session))
    keep = ["sh", "-c", f"cp /models/sha256/*/{CARD} {REPORTS}"]
    answers = await recorder.run("card", keep).answers()
    replaced = session.text(f"{FOLDERS['backend']}/replaced.json")
    beside = answers.texts("model-card.*")
    return answers.judged(judge_model(answers.text(CARD), replaced, beside))


async def answering(session: Session, name: str, runtime: str) -> Outcome:
    """Whether a served image loads the model and answers its golden images."""
    served = image(session, name)
    served = served.with_mounted_directory(REPORTS, dag.directory(), owner=await served.user())
    recorder = await Recorder.around(session, served)
    answers = await recorder.run("check", ["python", "-m", "mnist_backend", "check"]).answers()
    return answers.judged(judge_runtime(runtime, answers.exit_code("check"), answers.log("check")))


def with_tests(session: Session, name: str, parts: Collection[str] = ()) -> dagger.Container:
    """An application's tools, with its code and tests beside them, or with some parts of those.

    The backend's come from the folder of the training, the page's from that of its image: in one
    call the engine finds no layer of another folder again, and would install everything twice.
    """
    whole = {"include": TRAINER} if name in RUNTIMES else {"exclude": UNSERVED}
    tools = session.folder(FOLDERS[name], **whole).docker_build(target="tools")
    code = session.folder(FOLDERS[name], include=parts)
    return tools.with_mounted_directory("/app", code, owner=OWNER).with_user(OWNER)


def with_model(session: Session, parts: Collection[str] = ()) -> dagger.Container:
    """The backend with its tests, or some of them, and the model that the served image has."""
    return with_tests(session, "backend", parts).with_mounted_directory("/models", models(session))


def beside_tools(session: Session, *parts: str, package: str = "") -> dagger.Container:
    """Some parts of the tree beside the locked tools, what configures both, and a package."""
    tools = python_tools(session.file(ROOT_LOCK))
    tools = with_packages(tools, package) if package else tools
    tree = session.folder(include=[*ROOT_FILES, *parts])
    return tools.with_mounted_directory("/src", tree).with_workdir("/src")


async def types(session: Session) -> Outcome:
    """Types: mypy over each application, what watches and deploys them, and this module."""
    parts: dict[str, Awaitable[Outcome]] = {name: types_of_app(session, name) for name in APPS}
    parts["monitoring"] = types_of_monitoring(session)
    parts["deployer"] = types_of_deployer(session)
    parts |= {name: types_of_pipeline(session, name) for name in CLIENTS}
    return await joined(parts)


async def types_of_app(session: Session, name: str) -> Outcome:
    """Mypy over an application, beside the libraries it uses."""
    return await types_of(session, name, with_tests(session, name))


async def types_of_deployer(session: Session) -> Outcome:
    """Mypy over the deployer, which has the standard library alone."""
    container = beside_tools(session, "deploy/pyproject.toml", "deploy/src")
    return await types_of(session, "deployer", container.with_workdir("/src/deploy"))


async def types_of_pipeline(session: Session, name: str = "pipeline") -> Outcome:
    """Mypy over this module, beside a version of Dagger's client: one of CLIENTS."""
    tools = python_tools(session.file(CLIENTS[name]), session.file(ROOT_LOCK))
    tree = tools.with_mounted_directory("/src/ci", session.folder("ci"))
    return await types_of(session, name, tree.with_workdir("/src/ci"))


async def types_of_monitoring(session: Session) -> Outcome:
    """Mypy over what makes rules and dashboards."""
    tools = python_tools(session.file("monitoring/requirements.lock"))
    tree = session.folder(include=["pyproject.toml", "monitoring/*.py"])
    container = tools.with_mounted_directory("/src", tree).with_workdir("/src")
    return await types_of(session, "monitoring", container)


async def types_of(session: Session, name: str, container: dagger.Container) -> Outcome:
    """Mypy as the container's own settings say; unless asked anew, it remembers other modules."""
    if not session.fresh:
        container = remembering(container, "MYPY_CACHE_DIR", f"mypy-{name}", await container.user())
    answers = await (await Recorder.around(session, container)).run("mypy", ["mypy"]).answers()
    return answers.judged(python.judge_mypy(answers.exit_code("mypy"), answers.log("mypy")))


async def unit(session: Session) -> Outcome:
    """Unit tests: of each application, of this module and the toolchain, of the tree's layout."""
    parts: dict[str, Awaitable[Outcome]] = {
        "backend": tests_of_backend(session),
        "training": tests_of_training(session),
        "frontend": tests_of_frontend(session),
    }
    toolchain, load = beside_tools(session, "toolchain"), beside_tools(session, "tests/load")
    given = (*COVERAGE, "-m", "not host", "toolchain")
    parts["toolchain"] = pytest_in(session, toolchain, *given, covering="toolchain")
    parts["load"] = pytest_in(session, load, "tests/load")
    return await joined({**parts, **tests_of_tree(session)})


def tests_of_tree(session: Session) -> dict[str, Awaitable[Outcome]]:
    """The tests of this module, and those that hold the shape of the tree and its workflows."""
    pipeline = beside_tools(session, "ci", package="git")  # which some of its tests ask
    shape = ("tests/test_layout.py", "tests/test_workflows.py")
    return {
        "pipeline": pytest_in(session, pipeline, *COVERAGE, "ci/tests", covering="pipeline"),
        "layout": pytest_in(session, beside_tools(session, "*", ".*"), *shape),
    }


async def tests_of_backend(session: Session) -> Outcome:
    """The tests of what serves, several at a time: most of them wait for a server to start."""
    container = with_model(session).without_directory("src/mnist_backend/training")
    workers = ("-n", f"{session.limiter.total_tokens:.0f}", "--dist", "worksteal")
    given = (*COVERAGE, *workers, f"--ignore-glob={OF_TRAINING}")
    return await pytest_in(session, container, *given, covering="backend")


async def tests_of_training(session: Session) -> Outcome:
    """The tests of what trains, beside nothing else: a change in what serves leaves them known."""
    container = with_model(session, TRAINING)
    covered = ("--cov=mnist_backend.training", *COVERAGE[1:])
    return await pytest_in(session, container, *covered, covering="training")


async def tests_of_frontend(session: Session) -> Outcome:
    """The tests of the page, beside the API's document that it is held to."""
    container = with_tests(session, "frontend")
    container = container.with_file("/backend/openapi.json", session.file(OPENAPI))
    return await pytest_in(session, container, *COVERAGE, covering="frontend")


async def pytest_in(
    session: Session, container: dagger.Container, *arguments: str, covering: str = ""
) -> Outcome:
    """Pytest in a container, with its report; where it covers a part, that part's floor holds."""
    recorder = await Recorder.around(session, container)
    answers = await recorder.run("pytest", [*PYTEST, *arguments], TESTS_LIMIT_SECONDS).answers()
    xml, log = answers.text("junit.xml"), answers.log("pytest")
    verdict = junit.judge(xml, answers.exit_code("pytest"), log, may_skip=True)
    if verdict.passed and covering:
        floors = coverage.floors(session.text(coverage.FLOORS))
        reached = coverage.judge(covering, answers.text("coverage.xml"), floors)
        verdict = replace(reached, counts=verdict.counts)
    return answers.judged(verdict)
