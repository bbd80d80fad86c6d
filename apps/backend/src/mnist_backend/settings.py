"""The settings of the server, read once from the environment, or from files of secrets.

Contract: `Settings()` is the only reader of the environment; a variable goes before the file of its
name, in lower case, in /run/secrets. It is frozen, complete and valid, or it raises a
`pydantic.ValidationError` that names the variable and never repeats a secret. Placeholders are
refused, and so is what a public default would give away where keys are asked for.
Does not know: what the settings are used for.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, IPvAnyNetwork, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PLACEHOLDER = re.compile(r"change[-_ ]?me|placeholder|\btodo\b|\bxxx+\b|[<>{}]|\$\(", re.IGNORECASE)
SECRETS = Path("/run/secrets")  # where Docker and Kubernetes put them
PUBLIC_SALT = "mnist"  # everybody can read it here, so everybody could choose their model


def real(text: str) -> str:
    """Return the text unless it is a placeholder that somebody forgot to fill in."""
    if not text.strip() or PLACEHOLDER.search(text):
        message = "is empty or a placeholder; give the real value"
        raise ValueError(message)
    return text


def real_or_empty(text: str) -> str:
    """Return the text, which may be empty, but no placeholder."""
    return real(text) if text else text


def real_secret(secret: SecretStr) -> SecretStr:
    """Return a secret, which may be empty, but no placeholder."""
    real_or_empty(secret.get_secret_value())
    return secret


def real_path(path: Path) -> Path:
    """Return the path unless it is a placeholder that somebody forgot to fill in."""
    real(str(path))
    return path


Text = Annotated[str, AfterValidator(real)]
Optional = Annotated[str, AfterValidator(real_or_empty)]
Secret = Annotated[SecretStr, AfterValidator(real_secret)]
Place = Annotated[Path, AfterValidator(real_path)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """What an operator may decide; each is the variable `MNIST_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="MNIST_",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
    )

    host: Text = "0.0.0.0"  # noqa: S104  a container's only interface
    port: Port = 8000
    metrics_port: Port = 9100
    docs: bool = True  # the pages at /docs and the document at /openapi.json
    runtime: Literal["onnx", "torch"] = "onnx"
    models_dir: Place = Path("/models")
    state_dir: Place = Path("/state")
    database_url: Secret = SecretStr("")  # empty: SQLite in the state folder
    database_queue: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    store_images: bool = False
    auth: Literal["off", "on"] = "off"
    keys_file: Place = Path("/state/keys.json")
    oidc_issuer: Optional = ""  # empty: API keys only
    oidc_audience: Text = "mnist-backend"
    rate_limit: Optional = "6000/minute"  # as the library limits writes it; empty: no limit
    rate_store: Secret = SecretStr("memory://")  # or redis://, right across replicas
    trusted_proxies: frozenset[IPvAnyNetwork] = frozenset()  # whose X-Forwarded-For is believed
    challenger_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    challenger_shadow: bool = False  # the challenger sees every drawing and answers none
    experiment_salt: Text = PUBLIC_SALT
    access_log: Literal["off", "failures", "all"] = "failures"
    body_limit_bytes: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 64 * 1024
    body_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0  # until a body must have arrived
    drain_seconds: Annotated[float, Field(ge=0, le=300)] = 1.0  # not ready, still answering
    shutdown_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    otlp_endpoint: Optional = ""  # of an OpenTelemetry collector, as http://host:4318; empty: none
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "info"

    @model_validator(mode="after")
    def _salted(self) -> Self:
        if self.auth == "on" and self.challenger_share and self.experiment_salt == PUBLIC_SALT:
            message = (
                "MNIST_EXPERIMENT_SALT is the public default, by which callers could choose their "
                "model; give a value of your own, the same for every replica"
            )
            raise ValueError(message)
        return self
