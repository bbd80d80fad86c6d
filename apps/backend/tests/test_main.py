"""The command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from mnist_backend import __main__ as command


def test_the_document_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The OpenAPI document comes as JSON on standard output."""
    assert command.main(["openapi"]) == 0
    assert json.loads(capsys.readouterr().out)["info"]["title"] == "MNIST backend"


def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name of the variable and what is wrong, and exit code 2."""
    monkeypatch.setenv("MNIST_PORT", "many")
    assert command.main([]) == 2
    assert capsys.readouterr().err.startswith("MNIST_PORT: Input should be a valid integer")


def test_the_server_runs_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Host, port and the time to stop come from the environment."""
    told: dict[str, Any] = {}
    monkeypatch.setenv("MNIST_HOST", "127.0.0.1")
    monkeypatch.setenv("MNIST_PORT", "9000")
    monkeypatch.setenv("MNIST_SHUTDOWN_SECONDS", "3")
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: told.update(options, app=app))
    assert command.main([]) == 0
    assert told["host"] == "127.0.0.1"
    assert told["port"] == 9000
    assert told["timeout_graceful_shutdown"] == 3
    assert told["app"].title == "MNIST backend"


def test_serving_needs_no_library_of_the_training() -> None:
    """The server imports neither torch nor scikit-learn, though both are installed here."""
    code = "import sys, mnist_backend.__main__; print(*sys.modules)"
    command_line = [sys.executable, "-c", code]
    source = Path(command.__file__).parents[1]
    done = subprocess.run(command_line, cwd=source, capture_output=True, text=True, check=True)  # noqa: S603  our own interpreter
    loaded = set(done.stdout.split())
    assert "onnxruntime" in loaded
    assert not {"torch", "sklearn", "scipy", "safetensors", "onnx"} & loaded
