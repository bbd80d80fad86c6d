"""From body to body: the quick way and the careful way agree, and everything is noted."""

import base64
import io
import json
import re
import time
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from mnist_backend.database import PredictionRecord
from mnist_backend.errors import ArtefactError, BackendError, RequestInvalidError
from mnist_backend.experiment import Experiment
from mnist_backend.metrics import Metrics
from mnist_backend.predicting import Predicting, Unit, quick

from .conftest import CertainPredictor

SOMEBODY = Unit("key-1", "session-1")
BLANK = json.dumps({"image": [0.0] * 784}).encode()


class Recorded(list[PredictionRecord]):
    """Keeps what would be written down."""

    def offer(self, record: PredictionRecord) -> bool:
        """Take a record."""
        self.append(record)
        return True


def predicting(
    records: Recorded, *, share: float = 0.0, shadow: bool = False, store_images: bool = False
) -> Predicting:
    """Return what makes predictions, without a model."""
    experiment = Experiment("salt", share, lambda _: None)
    return Predicting(
        Metrics(),
        records,  # type: ignore[arg-type]  # only what is offered counts here
        experiment,
        shadow=shadow,
        store_images=store_images,
    )


@pytest.fixture
def records() -> Recorded:
    """What was offered to the recorder."""
    return Recorded()


@pytest.mark.parametrize("values", [[0.0] * 784, [1] * 784, [0.25, 1e-9] * 392, [-0.0] * 784])
def test_a_plain_body_is_read_the_quick_way(values: Sequence[float]) -> None:
    """784 numbers from 0 to 1, whole or not, need no schema."""
    found = quick(json.dumps({"image": values}).encode())
    assert found is not None
    assert np.array_equal(found, np.array(values, np.float32))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"image": null}',
        b'{"image": "a"}',
        b'{"image": [[0]]}',
        b'{"image": [true]}',
        b'{"image": {"image": []}}',
        b'[{"image": []}]',
        json.dumps({"image": [0.0] * 784, "more": 1}).encode(),
        json.dumps({"image": [[0.0] * 784]}).encode(),
        json.dumps({"image": [*[0.0] * 782, [0.0] * 2]}).encode(),
        json.dumps({"image": [[], [0.0] * 2, *[0.0] * 782]}).encode(),
        json.dumps({"image": [True] * 784}).encode(),
        json.dumps({"image": [None] * 784}).encode(),
        json.dumps({"image": [2**70] * 784}).encode(),
        json.dumps({"image": [0.0] * 784}).encode() + b"x",
        json.dumps({"image": [0.0] * 784}).encode("utf-8-sig"),
        json.dumps({"image": [0.0] * 784}).encode("utf-16"),
        b'{"other": 1, "image": []}',
        b'{"\xed\xa0\x80": 1}',
        json.dumps({"image": [0.0] * 783}).encode(),
        json.dumps({"image": [0.0] * 783 + [1.0000001]}).encode(),
        json.dumps({"image": [0.0] * 783 + [-1e-12]}).encode(),
        json.dumps({"image": [0.0] * 783 + [float("nan")]}).encode(),
        json.dumps({"image": [0.0] * 783 + [float("inf")]}).encode(),
        b'{"image": [' + b"1e999," * 783 + b"0]}",
    ],
)
def test_anything_else_is_left_to_the_schema(records: Recorded, body: bytes) -> None:
    """What the quick way does not take is refused by the careful one, never guessed at."""
    model = predicting(records)
    model.use({"champion": CertainPredictor()})
    assert quick(body) is None
    with pytest.raises(BackendError) as refusal:
        model.one(body, SOMEBODY)
    assert refusal.value.status in {400, 422}
    assert records == []


def test_both_ways_and_all_forms_give_one_answer(records: Recorded) -> None:
    """The same drawing as numbers, as rows and as a PNG is the same picture."""
    model = predicting(records, store_images=True)
    model.use({"champion": CertainPredictor()})
    picture = np.zeros((28, 28))
    picture[4:24, 13:15] = 1
    png = io.BytesIO()
    Image.fromarray((255 - picture * 255).astype(np.uint8)).save(png, "PNG")
    forms = (
        picture.reshape(-1).tolist(),
        picture.tolist(),
        base64.b64encode(png.getvalue()).decode(),
    )
    for form in forms:
        model.one(json.dumps({"image": form}).encode(), SOMEBODY)
    assert len({record.image for record in records}) == 1


def test_what_is_answered_is_what_is_written_down(records: Recorded) -> None:
    """Identity, digit, version and owner of an answer stand in its record; the image does not."""
    model = predicting(records)
    model.use({"champion": CertainPredictor()})
    content, version = model.one(BLANK, SOMEBODY)
    answer = json.loads(content)
    (record,) = records
    assert (record.id, record.digit) == (answer["id"], answer["digit"])
    assert record.model_version == version == answer["model_version"]
    assert (record.owner, record.shadow, record.image) == ("key-1", False, None)


def test_identities_sort_by_time(records: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later prediction has the greater identity, so that an index grows at its end."""
    model = predicting(records)
    model.use({"champion": CertainPredictor()})
    for milliseconds in (9, 10, 2**40):
        monkeypatch.setattr(time, "time_ns", lambda now=milliseconds: now * 1_000_000)
        model.one(BLANK, SOMEBODY)
    assert [record.id for record in records] == sorted(record.id for record in records)
    assert all(re.fullmatch("[0-9a-f]{32}", record.id) for record in records)


def test_several_drawings_are_answered_in_their_order(records: Recorded) -> None:
    """A batch has one answer a drawing, each with an identity of its own."""
    model = predicting(records)
    model.use({"champion": CertainPredictor()})
    body = json.dumps({"images": [[0.0] * 784, [[1.0] * 28] * 28]}).encode()
    answers = json.loads(model.many(body, SOMEBODY)[0])["predictions"]
    assert [answer["id"] for answer in answers] == [record.id for record in records]
    assert len({answer["id"] for answer in answers}) == 2
    with pytest.raises(RequestInvalidError, match="images"):
        model.many(b'{"images": []}', SOMEBODY)


def test_without_a_model_the_reason_is_raised(records: Recorded) -> None:
    """Before a model is loaded nothing is answered, and the error says why."""
    with pytest.raises(ArtefactError, match="not loaded yet"):
        predicting(records).one(BLANK, SOMEBODY)


def test_a_session_stays_with_its_model(records: Recorded) -> None:
    """Half the sessions meet the challenger, each of them always."""
    model = predicting(records, share=0.5)
    model.use({"champion": CertainPredictor(), "challenger": CertainPredictor()})
    for session in map(str, range(20)):
        for _ in range(2):
            model.one(BLANK, Unit("", session))
    variants = [record.variant for record in records]
    assert variants[::2] == variants[1::2]
    assert set(variants) == {"champion", "challenger"}


def test_a_shadow_sees_everything_and_answers_nothing(records: Recorded) -> None:
    """In shadow mode every answer is the champion's, and the challenger's is written down too."""
    model = predicting(records, share=0.5, shadow=True)
    model.use({"champion": CertainPredictor(), "challenger": CertainPredictor()})
    answer = json.loads(model.one(BLANK, SOMEBODY)[0])
    seen, shadowed = records
    assert (seen.id, seen.variant, seen.shadow) == (answer["id"], "champion", False)
    assert (shadowed.variant, shadowed.shadow) == ("challenger", True)
    assert shadowed.id != seen.id
