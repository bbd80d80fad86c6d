"""The page's settings, read once from the environment and then passed on as an argument.

Contract: `Settings` is frozen and valid; a missing variable takes its default, a wrong one raises
`SettingInvalidError` naming the variable. Knows neither HTTP nor Streamlit.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

URL_VARIABLE = "MNIST_BACKEND_URL"
TIMEOUT_VARIABLE = "MNIST_BACKEND_TIMEOUT_SECONDS"
KEY_VARIABLE = "MNIST_API_KEY"
KEY_FILE = Path("/run/secrets/mnist_api_key")  # where Docker and Kubernetes put secrets
DEFAULT_URL = "http://backend:8000"
DEFAULT_TIMEOUT_SECONDS = 5.0
PLACEHOLDER_MARKS = frozenset("$<>{} ")


class SettingInvalidError(ValueError):
    """A setting was given, but the page cannot work with it."""

    def __init__(self, variable: str, rule: str) -> None:
        super().__init__(f"{variable}: {rule}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the backend is, how long the page waits for it, and who the page says it is."""

    backend_url: str = DEFAULT_URL
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    api_key: str = field(default="", repr=False)  # empty where the backend asks nobody

    def __post_init__(self) -> None:
        if PLACEHOLDER_MARKS & set(self.backend_url):
            raise SettingInvalidError(URL_VARIABLE, "still holds a placeholder or a blank")
        _check_address(self.backend_url)
        if not (math.isfinite(self.timeout_seconds) and self.timeout_seconds > 0):
            raise SettingInvalidError(TIMEOUT_VARIABLE, "must be a positive number of seconds")
        if not self.api_key.isprintable() or PLACEHOLDER_MARKS & set(self.api_key):
            raise SettingInvalidError(KEY_VARIABLE, "is a placeholder, or no key at all")

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, key_file: Path = KEY_FILE
    ) -> "Settings":
        """Build the settings from environment variables; absent ones keep their defaults.

        The page's key may be a file instead of a variable.
        """
        kept = key_file.read_text(encoding="utf-8") if key_file.is_file() else ""
        return cls(
            backend_url=environment.get(URL_VARIABLE, DEFAULT_URL).rstrip("/"),
            timeout_seconds=_seconds(environment.get(TIMEOUT_VARIABLE)),
            api_key=environment.get(KEY_VARIABLE, kept).strip(),
        )


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    try:
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is not a number
        usable = False
    if not usable:
        raise SettingInvalidError(URL_VARIABLE, "must be an http(s) address with a host")
    if parts.username is not None:
        raise SettingInvalidError(URL_VARIABLE, "must not carry credentials")


def _seconds(text: str | None) -> float:
    if text is None:
        return DEFAULT_TIMEOUT_SECONDS
    try:
        return float(text)
    except ValueError:
        raise SettingInvalidError(TIMEOUT_VARIABLE, f"{text!r} is not a number") from None
