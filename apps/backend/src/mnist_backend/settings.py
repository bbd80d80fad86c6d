"""The settings of the server, read from the environment once.

Contract: `Settings()` is the only reader of the environment; it is frozen, complete and valid, or
it raises a `pydantic.ValidationError` that names the variable. Placeholders are refused.
Does not know: what the settings are used for.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PLACEHOLDER = re.compile(r"change[-_ ]?me|placeholder|\btodo\b|\bxxx+\b|[<>{}]|\$\(", re.IGNORECASE)


def real(text: str) -> str:
    """Return the text unless it is a placeholder that somebody forgot to fill in."""
    if not text.strip() or PLACEHOLDER.search(text):
        message = "is empty or a placeholder; give the real value"
        raise ValueError(message)
    return text


def real_path(path: Path) -> Path:
    """Return the path unless it is a placeholder that somebody forgot to fill in."""
    real(str(path))
    return path


class Settings(BaseSettings):
    """What an operator may decide; each is the variable `MNIST_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="MNIST_", frozen=True, extra="forbid")

    host: Annotated[str, AfterValidator(real)] = "0.0.0.0"  # noqa: S104  a container's only interface
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    metrics_port: Annotated[int, Field(ge=1, le=65535)] = 9100
    runtime: Literal["onnx", "torch"] = "onnx"
    model_dir: Annotated[Path, AfterValidator(real_path)] = Path("/model")
    models_dir: Annotated[Path, AfterValidator(real_path)] = Path("/models")
    state_dir: Annotated[Path, AfterValidator(real_path)] = Path("/state")
    database_url: SecretStr = SecretStr("")  # empty: SQLite in the state folder
    database_queue: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    store_images: bool = False
    auth: Literal["off", "on"] = "off"
    keys_file: Annotated[Path, AfterValidator(real_path)] = Path("/state/keys.json")
    oidc_issuer: str = ""  # empty: API keys only
    oidc_audience: str = "mnist-backend"
    rate_limit: str = "6000/minute"  # in the notation of the library limits; empty: no limit
    rate_store: SecretStr = SecretStr("memory://")  # or redis://, right across replicas
    trusted_proxies: frozenset[str] = frozenset()  # whose X-Forwarded-For is believed
    challenger_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    challenger_shadow: bool = False  # the challenger sees every drawing and answers none
    experiment_salt: str = "mnist"
    access_log: Literal["off", "failures", "all"] = "failures"
    body_limit_bytes: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 64 * 1024
    shutdown_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "info"
