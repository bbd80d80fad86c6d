"""Which settings are accepted."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from mnist_backend.settings import Settings


def test_the_defaults_suit_the_image() -> None:
    """Without a variable the server serves the image's model on port 8000."""
    settings = Settings()
    assert settings.model_dir == Path("/model")
    assert settings.port == 8000
    assert settings.body_limit_bytes == 65536


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with the prefix replaces the default."""
    monkeypatch.setenv("MNIST_PORT", "9000")
    monkeypatch.setenv("PORT", "9001")
    assert Settings().port == 9000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "changeme"),
        ("HOST", ""),
        ("HOST", "<host>"),
        ("MODEL_DIR", "${MODEL_DIR}"),
        ("MODEL_DIR", "/TODO"),
        ("PORT", "0"),
        ("PORT", "many"),
        ("BODY_LIMIT_BYTES", "-1"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_or_a_placeholder_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """What was never filled in is an error at the start, not later."""
    monkeypatch.setenv(f"MNIST_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_settings_do_not_change() -> None:
    """Nobody can change a setting after the start."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]
