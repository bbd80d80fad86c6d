"""The parameters of a training: what there is, and what each may be.

Contract: values come from Kedro's configuration, changed by the command line; one that is unknown,
or not of its kind, is refused with the list of all. There are no defaults here: those stand in
conf/base/parameters.yml. Does not know how a parameter is used.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mnist_backend.errors import ConfigurationError


def number(value: object) -> object:
    """Refuse what Python would take for a number, but nobody else."""
    if isinstance(value, bool):
        message = "should be a number"
        raise ValueError(message)  # which pydantic turns into a broken rule
    return value


def addresses(value: object) -> object:
    """Part a text at its blanks: a command line has no lists."""
    return value.split() if isinstance(value, str) else value


Number = BeforeValidator(number)
Share = Annotated[float, Number, Field(ge=0, lt=1)]
Folder = Annotated[str, Field(min_length=1)]
Mirror = Annotated[str, Field(pattern=r"^https?://[^/]")]


class Parameters(BaseModel):
    """Everything that decides how a training goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["digits", "mnist"]
    seed: Annotated[int, Number, Field(ge=0, lt=2**31)]
    epochs: Annotated[int, Number, Field(ge=1, le=1000)]
    batch: Annotated[int, Number, Field(ge=1, le=4096)]
    peak_rate: Annotated[float, Number, Field(gt=0, le=1)]
    weight_decay: Share
    smoothing: Share
    held_out_ratio: Annotated[float, Number, Field(ge=0.05, le=0.5)]
    drawings_each: Annotated[int, Number, Field(ge=1, le=100)]
    mirrors: Annotated[tuple[Mirror, ...], BeforeValidator(addresses)]
    cache: Folder
    output: Folder
    reports: Folder

    def numbers(self) -> dict[str, int | float]:
        """Return those that are numbers, for the card: folders are one machine's own."""
        return {name: v for name, v in self.model_dump().items() if isinstance(v, int | float)}


LIST = "parameters are " + ", ".join(Parameters.model_fields)


def configured(values: Mapping[str, object]) -> Parameters:
    """Return the parameters of these values.

    Raises:
        ConfigurationError: one is unknown, missing, or not of its kind.
    """
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        told = []
        for fault in error.errors(include_url=False):
            name = str(fault["loc"][0])
            if fault["type"] == "extra_forbidden":
                told.append(f"{name}: there is no such parameter")
            elif fault["type"] == "missing":
                told.append(f"{name}: is missing")
            else:
                told.append(f"{name}={fault['input']}: {fault['msg']}")
        message = f"{'; '.join(told)}; {LIST}"
        raise ConfigurationError(message) from error


def changes(text: str) -> dict[str, str]:
    """Return the changes in a text such as epochs=26,seed=8.

    Raises:
        ConfigurationError: a part of it is no NAME=VALUE.
    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not (name.strip() and equals):
            message = f"{part}: give NAME=VALUE, several parted by commas; {LIST}"
            raise ConfigurationError(message)
        found[name.strip()] = value.strip()
    return found
