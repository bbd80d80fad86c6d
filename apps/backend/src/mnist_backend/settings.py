"""The settings of the server, read from the environment once.

Contract: `Settings()` is the only reader of the environment; it is frozen, complete and valid, or
it raises a `pydantic.ValidationError` that names the variable. Placeholders are refused.
Does not know: what the settings are used for.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
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
    model_dir: Annotated[Path, AfterValidator(real_path)] = Path("/model")
    body_limit_bytes: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 64 * 1024
    shutdown_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "info"
