"""The command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_backend import __main__ as command

from .artefacts import BUILT_MODELS


def test_the_document_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The OpenAPI document comes as JSON on standard output."""
    assert command.main(["openapi"]) == 0
    assert json.loads(capsys.readouterr().out)["info"]["title"] == "MNIST backend"


def test_a_setting_that_contradicts_another_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule about several variables names the one to change."""
    monkeypatch.setenv("MNIST_AUTH", "on")
    monkeypatch.setenv("MNIST_CHALLENGER_SHARE", "0.5")
    assert command.main([]) == 2
    assert capsys.readouterr().err.startswith("Value error, MNIST_EXPERIMENT_SALT is the public")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "many", "MNIST_PORT: Input should be a valid integer"),
        ("RATE_LIMIT", "often", "MNIST_RATE_LIMIT: couldn't parse"),
        ("RATE_STORE", "http://a:s3cr3t@b", "MNIST_RATE_STORE: must be memory:// or redis://"),
        ("OIDC_ISSUER", "http://a.example", "MNIST_OIDC_ISSUER: http://a.example: must be an"),
        ("DATABASE_URL", "mysql://me:s3cr3t@b/c", "MNIST_DATABASE_URL: the address of the"),
        ("OTLP_ENDPOINT", "collector:4318", "MNIST_OTLP_ENDPOINT: collector:4318: must be http"),
        ("EXPERIMENT_SALT", "<salt>", "MNIST_EXPERIMENT_SALT: Value error, is empty or a"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    told: str,
) -> None:
    """Exit code 2 and one line that names the variable, without a secret."""
    monkeypatch.setenv("MNIST_STATE_DIR", "/nowhere")
    monkeypatch.setenv(f"MNIST_{name}", value)
    assert command.main(["openapi"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(told)
    assert said.err.count("\n") == 1
    assert "s3cr3t" not in said.err + said.out


def test_the_database_is_migrated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command makes the tables and ends with 0; where it cannot, with 1 and the reason."""
    monkeypatch.setenv("MNIST_STATE_DIR", str(tmp_path))
    assert command.main(["migrate"]) == 0
    assert (tmp_path / "predictions.sqlite3").stat().st_size > 0
    monkeypatch.setenv("MNIST_DATABASE_URL", "postgresql://me:s3cr3t@127.0.0.1:1/none")
    assert command.main(["migrate"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("The database does not answer: ")
    assert "s3cr3t" not in told


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_the_model_is_checked(
    runtime: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The built champion answers its golden images in either runtime, and the command says so."""
    monkeypatch.setenv("MNIST_MODELS_DIR", str(BUILT_MODELS))
    monkeypatch.setenv("MNIST_RUNTIME", runtime)
    assert command.main(["check"]) == 0
    assert capsys.readouterr().out.endswith(f"answers as its card says, in {runtime}\n")


def test_a_model_that_is_not_there_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty store has no champion: exit code 1, and the reason."""
    monkeypatch.setenv("MNIST_MODELS_DIR", str(tmp_path))
    assert command.main(["check"]) == 1
    assert capsys.readouterr().err.startswith("The model is not available: ")


def test_serving_needs_no_library_of_the_training() -> None:
    """The server imports neither torch nor scikit-learn, though both are installed here."""
    code = "import sys, mnist_backend.__main__; print(*sys.modules)"
    command_line = [sys.executable, "-c", code]
    source = Path(command.__file__).parents[1]
    done = subprocess.run(command_line, cwd=source, capture_output=True, text=True, check=True)  # noqa: S603  our own interpreter
    loaded = set(done.stdout.split())
    assert "onnxruntime" in loaded
    assert (
        not {"torch", "mnist_backend.training", "sklearn", "scipy", "safetensors", "onnx"} & loaded
    )
