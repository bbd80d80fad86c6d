"""From the body of a request to the body of its answer: what every prediction goes through.

Contract: a body that holds 784 numbers from 0 to 1 is read the quick way, anything else by its
schema, which says what is wrong; both ways give the same answer. The careful way may take long and
may run in any thread. Every answer is counted and offered to the recorder, whose trouble never
reaches the caller. Models may be exchanged at any time; a request is answered by one of them.
Does not know: routes, headers, or who may ask.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar, cast

import msgspec
import numpy as np
import simdjson
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from mnist_backend import problems
from mnist_backend.database import PredictionRecord, shadow_of
from mnist_backend.errors import ArtefactError
from mnist_backend.experiment import Experiment, Variant
from mnist_backend.metrics import Metrics, PredictionSeries
from mnist_backend.pictures import grey_of_base64
from mnist_backend.predictor import Predictor, Recognition
from mnist_backend.preprocess import normalise
from mnist_backend.recording import Recorder
from mnist_backend.schemas import PIXELS, BatchRequest, PredictRequest

Wanted = TypeVar("Wanted", bound=BaseModel)
Values = NDArray[np.float32]
Recognised = tuple[Values, Recognition, float]  # a drawing, what was seen in it, seconds
Encode = Callable[[object], bytes]

ID_RANDOM_BYTES = 10


class Answer(msgspec.Struct):
    """A prediction on its way out; `schemas.Prediction` describes it."""

    id: str
    digit: int
    probabilities: Sequence[float]
    model_version: str
    time_ms: float


class Answers(msgspec.Struct):
    """Predictions on their way out; `schemas.Batch` describes them."""

    predictions: list[Answer]


encode: Encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Model:
    """A model in use, with the series that its predictions are counted in."""

    predictor: Predictor
    version: str
    series: PredictionSeries


class Unit(NamedTuple):
    """For whom a prediction is made: its owner, and what an experiment keeps together."""

    owner: str
    session: str


class Predicting:
    """The models in use and everything around an answer of theirs."""

    def __init__(
        self,
        metrics: Metrics,
        recorder: Recorder,
        experiment: Experiment,
        *,
        shadow: bool,
        store_images: bool,
    ) -> None:
        """Begin without a model."""
        self._metrics = metrics
        self._recorder = recorder
        self.experiment = experiment
        self._shadow = shadow
        self._store_images = store_images
        self.models: Mapping[Variant, Model] | ArtefactError = ArtefactError("not loaded yet")

    def use(self, predictors: Mapping[Variant, Predictor]) -> None:
        """Answer with these models from now on."""
        self.models = {
            variant: Model(p, p.card.model_version, self._metrics.series(p.card.model_version))
            for variant, p in predictors.items()
        }
        cards = {variant: p.card for variant, p in predictors.items()}
        self._metrics.name_models(
            {variant: (card.model_version, card.files.network) for variant, card in cards.items()}
        )
        self._metrics.name_references(
            {
                card.model_version: {
                    feature: dict(zip(seen.bins, seen.ratios, strict=True))
                    for feature, seen in card.reference.items()
                }
                for card in cards.values()
            }
        )

    @property
    def champion(self) -> Model:
        """The model that answers by default, or the reason why there is none, raised."""
        return self._in_use()["champion"]

    def one(self, body: bytes, unit: Unit) -> tuple[bytes, str]:
        """Return the answer to a body, and the version of the model that gave it."""
        return self.at_once(body, unit) or self.carefully(body, unit)

    def at_once(self, body: bytes, unit: Unit) -> tuple[bytes, str] | None:
        """Return the answer to a body in the form that nearly all have; None for another."""
        models = self._in_use()
        start = time.perf_counter()
        values = quick(body)
        return None if values is None else self._answered(models, values, unit, start)

    def carefully(self, body: bytes, unit: Unit) -> tuple[bytes, str]:
        """Return the answer to a body in any form; a picture takes its time."""
        models = self._in_use()
        start = time.perf_counter()
        values = greys(parsed(PredictRequest, body).image)
        return self._answered(models, values, unit, start)

    def _answered(
        self, models: Mapping[Variant, Model], values: Values, unit: Unit, start: float
    ) -> tuple[bytes, str]:
        variant = self._variant(models, unit)
        seen = models[variant].predictor.recognise(values)
        seconds = time.perf_counter() - start
        answer = self._noted(models[variant], variant, unit, (values, seen, seconds))
        if self._shadow and "challenger" in models:
            self._compare(models["challenger"], unit, answer, values)
        return encode(answer), answer.model_version

    def many(self, body: bytes, unit: Unit) -> tuple[bytes, str]:
        """Return the answers to a body of several drawings, and the version that gave them."""
        models = self._in_use()
        drawings = [greys(image) for image in parsed(BatchRequest, body).images]
        variant = self._variant(models, unit)
        start = time.perf_counter()
        found = models[variant].predictor.recognise_many(np.stack(drawings))
        each = (time.perf_counter() - start) / len(drawings)
        answers = []
        for values, seen in zip(drawings, found, strict=True):
            answers.append(self._noted(models[variant], variant, unit, (values, seen, each)))
            if self._shadow and "challenger" in models:
                self._compare(models["challenger"], unit, answers[-1], values)
        return encode(Answers(answers)), models[variant].version

    def _in_use(self) -> Mapping[Variant, Model]:
        if isinstance(self.models, ArtefactError):
            raise self.models
        return self.models

    def _variant(self, models: Mapping[Variant, Model], unit: Unit) -> Variant:
        if "challenger" not in models or self._shadow:
            return "champion"
        return self.experiment.variant(unit.session)

    def _noted(self, model: Model, variant: Variant, unit: Unit, what: Recognised) -> Answer:
        _, seen, seconds = what
        confidence = seen.probabilities[seen.digit]
        model.series.count(seen.digit, confidence, seen.ink, seconds)
        answer = Answer(
            new_id(),
            seen.digit,
            seen.probabilities,
            model.version,
            round(seconds * 1000, 3),
        )
        self._record(answer, variant, unit, what, shadow=False)
        return answer

    def _compare(self, model: Model, unit: Unit, first: Answer, values: Values) -> None:
        """Let the challenger see a drawing too; nobody waits for what it says."""
        start = time.perf_counter()
        second = model.predictor.recognise(values)
        seconds = time.perf_counter() - start
        self._metrics.shadow.labels(str(second.digit == first.digit).lower()).inc()
        identity = shadow_of(first.id)
        answer = Answer(identity, second.digit, second.probabilities, model.version, 0.0)
        self._record(answer, "challenger", unit, (values, second, seconds), shadow=True)

    def _record(
        self, answer: Answer, variant: Variant, unit: Unit, what: Recognised, *, shadow: bool
    ) -> None:
        values, seen, seconds = what
        self._recorder.offer(
            PredictionRecord(
                id=answer.id,
                created=time.time(),
                owner=unit.owner,
                model_version=answer.model_version,
                variant=variant,
                shadow=shadow,
                digit=seen.digit,
                confidence=seen.probabilities[seen.digit],
                probabilities=tuple(seen.probabilities),
                ink=seen.ink,
                seconds=seconds,
                image=(values * 255).astype(np.uint8).tobytes() if self._store_images else None,
            )
        )


def new_id() -> str:
    """Return 32 digits that sort by time, so that an index grows at its end; 80 bits are random."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(ID_RANDOM_BYTES).hex()}"


def quick(body: bytes) -> Values | None:
    """Return the 784 values of a body; None for one that has another form or breaks a rule.

    The numbers never become objects of Python. What is read is flat, so the body may hold one list
    and no more, and the reader is tolerant of a byte order mark, so it begins with its brace.
    """
    if body[:1] != b"{" or body.count(b"[") != 1:
        return None
    try:
        fields = cast("simdjson.Object", simdjson.Parser().parse(body))
        image = fields["image"]
        if len(fields) != 1 or not isinstance(image, simdjson.Array):
            return None
        values = np.frombuffer(image.as_buffer(of_type="d"))  # doubles, so that a limit is one
    except (KeyError, TypeError, ValueError, RuntimeError):  # whatever the reader objects to
        return None
    if len(values) != PIXELS or np.minimum.reduce(values) < 0 or np.maximum.reduce(values) > 1:
        return None
    return values.astype(np.float32)


def parsed(schema: type[Wanted], body: bytes) -> Wanted:
    """Return what a body says.

    Raises:
        BackendError: it is not JSON, or breaks a rule of its schema.
    """
    try:
        return schema.model_validate_json(body)
    except ValidationError as error:
        raise problems.refused(error) from error


def greys(image: str | list[float] | list[list[float]]) -> Values:
    """Return the 784 values of a drawing in any of its forms."""
    if isinstance(image, str):
        return normalise(grey_of_base64(image)).reshape(PIXELS)
    return np.array(image, np.float32).reshape(PIXELS)
