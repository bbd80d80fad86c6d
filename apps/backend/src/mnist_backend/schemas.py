"""The bodies that cross the wire.

Contract: strict, frozen, closed to unknown fields; what a model accepts is exactly what the OpenAPI
document says.
Does not know: HTTP, the model that predicts, or where the numbers come from.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

SIDE = 28
PIXELS = SIDE * SIDE
BATCH_LIMIT = 64


def whole(value: object) -> object:
    """Return a number without a fraction as the integer that it is in JSON Schema, too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Digit = Annotated[int, Field(ge=0, le=9), BeforeValidator(whole)]
PredictionId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

Grey = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Body(BaseModel):
    """What all bodies have in common."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


Greys = Annotated[list[Grey], Field(min_length=PIXELS, max_length=PIXELS)]
Rows = Annotated[
    list[Annotated[list[Grey], Field(min_length=SIDE, max_length=SIDE)]],
    Field(min_length=SIDE, max_length=SIDE),
]
Png = Annotated[
    str,
    Field(
        min_length=1,
        description="A PNG of any size, in base64.",
        json_schema_extra={
            "contentEncoding": "base64",
            "contentMediaType": "image/png",
            "format": "png",
        },
    ),
]


def form_of(image: object) -> str:
    """Return which of the three forms a drawing has, or is meant to have."""
    if isinstance(image, str):
        return "png"
    nested = isinstance(image, list) and image and isinstance(image[0], list)
    return "rows" if nested else "greys"


Drawing = Annotated[
    Annotated[Greys, Tag("greys")] | Annotated[Rows, Tag("rows")] | Annotated[Png, Tag("png")],
    Discriminator(form_of),
    Field(
        description="784 grey values row by row, or 28 rows of 28, 1 is ink and 0 is paper; "
        "or a PNG of any size in base64."
    ),
]


class PredictRequest(Body):
    """A drawing of one digit."""

    image: Drawing


class BatchRequest(Body):
    """Drawings of one digit each."""

    images: Annotated[list[Drawing], Field(min_length=1, max_length=BATCH_LIMIT)]


class Prediction(Body):
    """The digit that was recognised."""

    id: Annotated[str, Field(description="To ask for the prediction, or to tell the true digit.")]
    digit: Digit
    probabilities: Annotated[list[float], Field(min_length=10, max_length=10)]
    model_version: str
    time_ms: Annotated[float, Field(ge=0, description="Preparing the image and recognising it.")]


class Batch(Body):
    """One prediction a drawing, in their order."""

    predictions: list[Prediction]


class FeedbackRequest(Body):
    """The digit that was meant."""

    prediction_id: PredictionId
    digit: Digit


class Feedback(Body):
    """What was told about a prediction."""

    prediction_id: PredictionId
    predicted: Digit
    digit: Digit
    right: bool


class StoredPrediction(Body):
    """A prediction as it was written down."""

    id: PredictionId
    created: Annotated[datetime, Field(description="In UTC.")]
    digit: Digit
    probabilities: Annotated[list[float], Field(min_length=10, max_length=10)]
    model_version: str
    variant: Literal["champion", "challenger"]
    feedback: Annotated[Digit | None, Field(description="The true digit, once it was told.")]


class Model(Body):
    """A model of the store: its card, and the aliases that name it."""

    aliases: list[str]
    card: dict[str, object]


class Models(Body):
    """Every model of the store."""

    models: list[Model]


class PromoteRequest(Body):
    """The role that a model shall have."""

    alias: Literal["champion", "challenger"]


class Promotion(Body):
    """Which model an alias names now, and which one it named before."""

    alias: Literal["champion", "challenger"]
    model_version: str
    before: str | None


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
