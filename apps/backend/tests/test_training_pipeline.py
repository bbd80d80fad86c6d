"""The whole training as Kedro runs it, from parameters to files."""

import subprocess
import sys
from pathlib import Path

import pytest
from kedro.framework.project import configure_project

from mnist_backend import artefact
from mnist_backend.errors import ModelUnknownError
from mnist_backend.predictor import OnnxPredictor, check_golden
from mnist_backend.registry import Registry
from mnist_backend.training import __main__ as command
from mnist_backend.training import pipeline_registry, settings
from mnist_backend.training.datasets import FilesDataset, StoreDataset

from .artefacts import write_artefact

PROJECT = Path(__file__).parents[1]
# Kedro registers its resolvers in a way that OmegaConf is about to give up.
pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver:UserWarning")
SHORT = "epochs=1,drawings_each=1,batch=256"


@pytest.fixture(scope="module", autouse=True)
def configured() -> None:
    """Let Kedro set its logging up before the first test, which listens to it."""
    configure_project(command.PACKAGE)


def train(folder: Path, parameters: str = SHORT) -> int:
    """Run the command in this process."""
    output, reports = folder / "models", folder / "reports"
    return command.main(
        ["--params", parameters, "--output", str(output), "--reports", str(reports)]
    )


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two short trainings with the same parameters."""
    once, again = tmp_path_factory.mktemp("once"), tmp_path_factory.mktemp("again")
    assert (train(once), train(again)) == (0, 0)
    return once, again


def files(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): artefact.sha256(p.read_bytes()) for p in found}


def test_a_training_is_repeatable(twice: tuple[Path, Path]) -> None:
    """The second run writes the same files as the first: weights, network, card, and reports."""
    once, again = map(files, twice)
    assert once == again
    assert len(once) == 6
    assert {Path(name).name for name in once} == {
        *("aliases.json", "card.json", "model.onnx", "model.safetensors"),
        *("model-card.md", "model-card.png"),
    }


def test_what_a_training_writes_can_be_served(twice: tuple[Path, Path]) -> None:
    """The store's champion is read by hash, runs, and answers as its card says."""
    store = Registry(twice[0] / "models", twice[0])
    found = store.read("champion")
    check_golden(OnnxPredictor(found), found.card)
    assert found.card.configuration["epochs"] == 1
    assert found.card.configuration["seed"] == 7


def test_another_training_joins_the_store(twice: tuple[Path, Path]) -> None:
    """The champion stays who it was until somebody promotes another."""
    store = Registry(twice[1] / "models", twice[1])
    before = store.aliases()
    assert train(twice[1], f"{SHORT},seed=8") == 0
    assert store.aliases() == before
    assert sorted(int(card.configuration["seed"]) for card in store.cards()) == [7, 8]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ("epoch=3", "epoch: there is no such parameter; parameters are source, seed, epochs"),
        ("epochs=three", "epochs=three: Input should be a valid integer"),
        ("epochs", "epochs: give NAME=VALUE"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_runs(
    parameters: str, told: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The exit code is 1, one line says what is wrong, and nothing is written."""
    assert train(tmp_path, parameters) == 1
    assert f"The configuration cannot be used: {told}" in caplog.text
    assert not list(tmp_path.iterdir())


def test_data_that_cannot_be_had_end_the_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The message names the mirror, why it did not help, and the way out."""
    nobody = "http://127.0.0.1:1/mnist"
    assert train(tmp_path, f"source=mnist,mirrors={nobody},cache={tmp_path}/cache") == 1
    told = caplog.text
    assert f"No mirror gave the data: train-images-idx3-ubyte.gz is not to be had: {nobody}" in told
    assert "train with source=digits" in told
    assert not (tmp_path / "models").exists()


def test_kedro_runs_the_same_pipeline(tmp_path: Path, twice: tuple[Path, Path]) -> None:
    """`kedro run --params` in the project's folder writes the store that the command writes."""
    parameters = f"{SHORT},output={tmp_path}/models,reports={tmp_path}/reports"
    done = subprocess.run(  # noqa: S603  the project's own command
        [sys.executable, "-m", "kedro", "run", "--params", parameters],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "epoch  1/1  loss" in done.stdout
    assert files(tmp_path) == files(twice[0])


def test_every_step_of_the_pipeline_is_used() -> None:
    """From the parameters alone come the model and the report, and nothing else is left over."""
    (pipeline,) = pipeline_registry.register_pipelines().values()
    assert pipeline.inputs() == {"parameters"}
    assert pipeline.outputs() == {"model", "report"}
    names = [node.name for node in pipeline.nodes]
    order = ["data", "split", "augment", "train", "evaluate", "card"]
    assert [name for name in names if name in order] == order


def test_nothing_is_reported_to_anybody() -> None:
    """Kedro's telemetry is switched off in the project itself, in both of its ways."""
    assert "kedro-telemetry" in settings.DISABLE_HOOKS_FOR_PLUGINS
    assert (PROJECT / ".telemetry").read_text() == "consent: false\n"


def test_results_can_be_read_back(tmp_path: Path) -> None:
    """The catalog's own kinds of data give back what was put in, and say where it is."""
    store, reports = StoreDataset(str(tmp_path / "models")), FilesDataset(str(tmp_path / "reports"))
    with pytest.raises(Exception, match="no model champion in the store") as raised:
        store.load()
    assert isinstance(raised.value.__cause__, ModelUnknownError)
    found = artefact.read(write_artefact(tmp_path / "new"))
    store.save(found)
    assert store.load() == found
    reports.save({"a.txt": b"one"})
    assert reports.load() == {"a.txt": b"one"}
    assert str(tmp_path) in str(store)
    assert str(tmp_path) in str(reports)
