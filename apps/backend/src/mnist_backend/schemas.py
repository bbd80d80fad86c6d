"""The bodies that cross the wire.

Contract: strict, frozen, closed to unknown fields; what a model accepts is exactly what the OpenAPI
document says.
Does not know: HTTP, the model that predicts, or where the numbers come from.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PIXELS = 784  # 28 rows of 28

Grey = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Body(BaseModel):
    """What all bodies have in common."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class PredictRequest(Body):
    """A drawing: 28 rows of 28 grey values, row by row, 1 is ink and 0 is paper."""

    image: Annotated[list[Grey], Field(min_length=PIXELS, max_length=PIXELS)]


class Prediction(Body):
    """The digit that was recognised."""

    digit: Annotated[int, Field(ge=0, le=9)]
    probabilities: Annotated[
        list[float], Field(min_length=10, max_length=10, description="One for each digit, 0 to 9.")
    ]
    model_version: str
    time_ms: Annotated[float, Field(ge=0, description="Preparing the image and recognising it.")]


class Health(Body):
    """The process lives."""

    status: Literal["ok"] = "ok"


class Ready(Body):
    """The model is loaded and checked; predictions are served."""

    status: Literal["ready"] = "ready"
    model_version: str


class ProblemFault(Body):
    """One rule that one field of the request breaks."""

    field: str
    rule: str
    value: Annotated[
        str | int | float | bool | None,
        Field(description="The offending value, where it is short enough to repeat."),
    ] = None


class Problem(Body):
    """Why a request failed: the problem details of RFC 9457."""

    type: Annotated[str, Field(description="A URI that names the kind of problem.")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: Annotated[str | None, Field(description="The path that was asked for.")] = None
    errors: Annotated[
        list[ProblemFault], Field(description="The fields at fault; empty where none is.")
    ] = []
