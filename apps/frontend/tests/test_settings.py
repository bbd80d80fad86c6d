"""Settings come from the environment, are checked once and cannot be changed."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from mnist_frontend.settings import SettingInvalidError, Settings


def test_an_empty_environment_gives_the_defaults() -> None:
    """Without any variable the page looks for its neighbour `backend`."""
    settings = Settings.from_environment({})
    assert settings == Settings(backend_url="http://backend:8000", timeout_seconds=5.0)


def test_variables_replace_the_defaults() -> None:
    """Both settings can be given, and a trailing slash of the address does not matter."""
    settings = Settings.from_environment(
        {"MNIST_BACKEND_URL": "https://api.test:1/", "MNIST_BACKEND_TIMEOUT_SECONDS": "0.5"}
    )
    assert settings == Settings(backend_url="https://api.test:1", timeout_seconds=0.5)


@pytest.mark.parametrize(
    "url",
    ["", "backend:8000", "ftp://backend", "http://", "http://a:x", "http://${HOST}", "http://a b"],
)
def test_an_address_without_host_or_with_a_placeholder_is_refused(url: str) -> None:
    """A wrong address stops the page and names the variable."""
    with pytest.raises(SettingInvalidError, match="MNIST_BACKEND_URL"):
        Settings.from_environment({"MNIST_BACKEND_URL": url})


def test_an_address_with_credentials_is_refused_without_showing_them() -> None:
    """Credentials do not belong into an address, nor into the message about it."""
    with pytest.raises(SettingInvalidError, match="credentials") as caught:
        Settings.from_environment({"MNIST_BACKEND_URL": "http://user:hush@backend"})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("seconds", ["soon", "0", "-1", "nan", "inf", ""])
def test_a_timeout_that_is_not_a_positive_number_is_refused(seconds: str) -> None:
    """A wait without an end, or of no length, is a mistake."""
    with pytest.raises(SettingInvalidError, match="MNIST_BACKEND_TIMEOUT_SECONDS"):
        Settings.from_environment({"MNIST_BACKEND_TIMEOUT_SECONDS": seconds})


def test_a_key_may_be_a_file(tmp_path: Path) -> None:
    """The page's key comes from a file of secrets, unless a variable gives another."""
    file = tmp_path / "mnist_api_key"
    file.write_text("mnist_0123_kept\n")
    assert Settings.from_environment({}, file).api_key == "mnist_0123_kept"
    given = Settings.from_environment({"MNIST_API_KEY": "mnist_0123_given"}, file)
    assert given.api_key == "mnist_0123_given"


def test_a_key_is_taken_without_being_shown() -> None:
    """The page's API key comes from the environment and stands in no text about the settings."""
    settings = Settings.from_environment({"MNIST_API_KEY": "mnist_0123_secret\n"})
    assert settings.api_key == "mnist_0123_secret"
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("key", ["<your key>", "${KEY}", "two words", "a\x00b"])
def test_a_key_that_is_a_placeholder_is_refused_without_being_shown(key: str) -> None:
    """What cannot be a key stops the page, names the variable and repeats nothing of the value."""
    with pytest.raises(SettingInvalidError, match="MNIST_API_KEY") as caught:
        Settings.from_environment({"MNIST_API_KEY": key})
    assert key not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    """Settings are frozen: who has them can trust them."""
    with pytest.raises(FrozenInstanceError):
        Settings().timeout_seconds = 1  # type: ignore[misc]
