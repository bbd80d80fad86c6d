"""Which settings are accepted."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from mnist_backend.settings import Settings


def test_the_defaults_suit_the_image() -> None:
    """Without a variable the server serves the image's model on port 8000."""
    settings = Settings()
    assert settings.models_dir == Path("/models")
    assert settings.port == 8000
    assert settings.body_limit_bytes == 65536


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with the prefix replaces the default."""
    monkeypatch.setenv("MNIST_PORT", "9000")
    monkeypatch.setenv("PORT", "9001")
    assert Settings().port == 9000


def test_a_secret_may_be_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of secrets gives the setting of its name, unless a variable does."""
    (tmp_path / "mnist_database_url").write_text("postgresql://mnist:hush@postgresql/mnist\n")
    folder = str(tmp_path)
    given = Settings(_secrets_dir=folder).database_url.get_secret_value()
    assert given == "postgresql://mnist:hush@postgresql/mnist"
    monkeypatch.setenv("MNIST_DATABASE_URL", "sqlite:////state/mnist.db")
    given = Settings(_secrets_dir=folder).database_url.get_secret_value()
    assert given == "sqlite:////state/mnist.db"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "changeme"),
        ("HOST", ""),
        ("HOST", "<host>"),
        ("MODELS_DIR", "${MODELS_DIR}"),
        ("MODELS_DIR", "/TODO"),
        ("PORT", "0"),
        ("PORT", "many"),
        ("BODY_LIMIT_BYTES", "-1"),
        ("LOG_LEVEL", "loud"),
        ("OIDC_ISSUER", "https://<tenant>.example"),
        ("RATE_STORE", "redis://changeme"),
        ("DATABASE_URL", "postgresql://user:CHANGE_ME@host/name"),
        ("EXPERIMENT_SALT", "placeholder"),
        ("EXPERIMENT_SALT", ""),
        ("OTLP_ENDPOINT", "http://${COLLECTOR}:4318"),
        ("TRUSTED_PROXIES", '["10.0.0.0/33"]'),
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


def test_a_public_salt_is_refused_where_keys_are_asked_for() -> None:
    """Whoever knows the salt can choose their model, so an experiment there needs its own."""
    with pytest.raises(ValidationError, match="MNIST_EXPERIMENT_SALT is the public default"):
        Settings(auth="on", challenger_share=0.1)
    own = Settings(auth="on", challenger_share=0.1, experiment_salt="of my own")
    assert own.experiment_salt == "of my own"
    assert Settings(auth="on").experiment_salt == Settings(challenger_share=0.1).experiment_salt


def test_a_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with an address is told without its password."""
    monkeypatch.setenv("MNIST_DATABASE_URL", "postgresql://me:s3cr3t@<host>/name")
    with pytest.raises(ValidationError) as refusal:
        Settings()
    assert "s3cr3t" not in str(refusal.value)


def test_networks_of_proxies_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address alone is a network of one."""
    monkeypatch.setenv("MNIST_TRUSTED_PROXIES", '["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]')
    assert {str(network) for network in Settings().trusted_proxies} == {
        "10.0.0.0/8",
        "192.0.2.1/32",
        "2001:db8::/32",
    }
