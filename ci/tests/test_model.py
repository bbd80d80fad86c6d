"""Verdicts on a model's card."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mnist_pipeline.gates import model
from mnist_pipeline.gates.model import judge
from mnist_pipeline.gates.verdicts import Verdict

BESIDE = {"model-card.md": "# Model", "model-card.png": "PNG"}
FIRST = json.dumps({"digits": None, "mnist": None})
EACH = 60  # pictures of each digit

Card = dict[str, Any]


def evaluation(wrong: dict[int, int] | None = None, each: int = EACH) -> Card:
    """What a card says of a set where some pictures of some digits are taken for the next digit."""
    confusion = [[each if seen == true else 0 for seen in range(10)] for true in range(10)]
    for digit, number in (wrong or {}).items():
        confusion[digit][digit] -= number
        confusion[digit][(digit + 1) % 10] += number
    right, count = sum(confusion[d][d] for d in range(10)), 10 * each
    return {
        "count": count,
        "accuracy": right / count,
        "interval": list(model.wilson(right, count)),
        "by_digit": [confusion[d][d] / each for d in range(10)],
        "calibration_error": 0.02,
        "confusion": confusion,
    }


def card(**changed: Any) -> Card:  # noqa: ANN401  JSON
    """A good card, but for what is changed."""
    good = {
        "format": 2,
        "source": "digits",
        "held_out": evaluation(),
        "drawings": evaluation({4: 2}),
    }
    return good | changed


def judged(found: Card, replaced: str = FIRST) -> Verdict:
    """The verdict on a card."""
    return judge(json.dumps(found), replaced, BESIDE)


def test_a_good_card_is_green_with_its_counts() -> None:
    """The verdict says how many of how many were recognised, on both sets."""
    verdict = judged(card())
    assert verdict.status == "green"
    assert verdict.counts == {"of 600 held-out digits": 600, "of 600 drawings right": 598}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"held_out": evaluation({3: 5, 8: 8})},
            r"held-out digits: 0.9783 recognised, 0.98 needed",
        ),
        ({"drawings": evaluation(dict.fromkeys(range(10), 5))}, r"drawings: 0.9167 recognised"),
        ({"held_out": evaluation({1: 10})}, r"held-out digits: 0.8333 of the 1s recognised, 0.8"),
        ({"drawings": evaluation({4: 10})}, r"drawings: 0.8333 of the 4s recognised, 0.85 needed"),
        ({"held_out": evaluation() | {"calibration_error": 0.3}}, r"calibration error 0.3000, at"),
        ({"drawings": evaluation() | {"calibration_error": 0.3}}, r"calibration error 0.3000, at"),
        ({"drawings": evaluation(each=29)}, r"drawings: 290 pictures are too few"),
        ({"source": "mnist", "held_out": evaluation({1: 4})}, r"held-out mnist: 0.9933 recogn"),
    ],
)
def test_a_planted_fault_is_red(changed: Card, told: str) -> None:
    """The reason names the set, what was reached, and what is needed."""
    verdict = judged(card(**changed))
    assert verdict.status == "red"
    assert told in "\n".join(verdict.reasons)
    assert len(verdict.counts) == 2


def test_limits_are_good_enough() -> None:
    """Just good enough is good enough, in every figure at once."""
    floor = evaluation({9: 9}) | {"calibration_error": model.CALIBRATION}
    assert floor["by_digit"][9] == model.EACH_DIGIT
    assert judged(card(held_out=floor, drawings=floor)).status == "green"
    least = evaluation(each=30)
    assert least["count"] == model.LEAST_PICTURES
    assert judged(card(held_out=least)).status == "green"


@pytest.mark.parametrize(("name", "reached"), [("held_out", 0.9999), ("drawings", 0.99999)])
def test_a_model_that_is_worse_than_the_last_is_red(name: str, reached: float) -> None:
    """What the replaced model reached lies above the new one's interval."""
    worse = evaluation({5: 3, 6: 3, 7: 3})
    before = {"digits": {"held_out": 0.99, "drawings": 0.98, name: reached}, "mnist": None}
    verdict = judged(card(**{name: worse}), json.dumps(before))
    assert verdict.status == "red"
    assert verdict.reasons[0].startswith(f"{name}: 0.9850 right, at most 0.9")
    assert f"replaces reached {reached:.4f}" in verdict.reasons[0]


def test_a_model_within_its_interval_is_not_worse() -> None:
    """A difference that chance explains turns nothing red."""
    before = {"digits": {"held_out": 0.999, "drawings": 0.999}, "mnist": None}
    few = evaluation({5: 2})
    assert few["accuracy"] < 0.999 < few["interval"][1]
    assert judged(card(held_out=few, drawings=few), json.dumps(before)).status == "green"


@pytest.mark.parametrize("name", list(BESIDE))
def test_a_card_without_its_picture_or_words_is_red(name: str) -> None:
    """A file beside the card that is missing or empty is named."""
    for beside in ({k: v for k, v in BESIDE.items() if k != name}, BESIDE | {name: ""}):
        verdict = judge(json.dumps(card()), FIRST, beside)
        assert verdict.status == "red"
        assert verdict.reasons == (f"the card comes without its {name}",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the card is not JSON"),
        ('{"format": 2', "the card is not JSON"),
        ("[]", "the card is not a JSON object"),
        (json.dumps(card(format=1)), "the format 1, not 2"),
        (json.dumps({}), "the format None, not 2"),
        (json.dumps(card(source="letters")), "source is 'letters', not one of digits, mnist"),
        (json.dumps(card(drawings=None)), "drawings cannot be read"),
        (json.dumps(card(held_out={})), "held_out cannot be read: KeyError"),
        (json.dumps(card(held_out=evaluation() | {"interval": [1]})), "held_out cannot be read"),
        (
            json.dumps(card(held_out=evaluation() | {"accuracy": 10**400})),
            "held_out cannot be read",
        ),
    ],
)
def test_a_card_that_cannot_be_read_is_not_run(text: str, told: str) -> None:
    """Nothing is judged by a card that is no card."""
    verdict = judge(text, FIRST, BESIDE)
    assert verdict.status == "not run"
    assert told in verdict.reasons[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.update(accuracy=0.5),
        lambda found: found.update(count=found["count"] + 1),
        lambda found: found.update(interval=[0.0, 1.0]),
        lambda found: found["by_digit"].pop(),
        lambda found: found["by_digit"].__setitem__(4, 0.5),
        lambda found: found.update(calibration_error=float("nan")),
        lambda found: found.update(calibration_error=-0.1),
        lambda found: found["confusion"][4].__setitem__(4, 59),
    ],
)
def test_a_card_that_contradicts_itself_is_not_run(change: Callable[[Card], None]) -> None:
    """Figures that do not follow from the confusion matrix are not believed."""
    found = evaluation()
    change(found)
    verdict = judged(card(drawings=found))
    assert verdict.status == "not run"
    assert "drawings: the card contradicts itself" in verdict.reasons[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["confusion"].pop(),
        lambda found: found["confusion"][3].append(0),
        lambda found: found["confusion"].__setitem__(3, [0] * 10),
        lambda found: found["confusion"][3].__setitem__(3, -1),
        lambda found: found["confusion"][3].__setitem__(3, 59.5),
        lambda found: found["confusion"][3].__setitem__(4, True),
    ],
)
def test_a_confusion_that_is_none_is_not_run(change: Callable[[Card], None]) -> None:
    """Ten rows of ten counts, and no digit that was never asked for."""
    found = evaluation()
    change(found)
    assert "not 10 rows of 10 counts" in judged(card(held_out=found)).reasons[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file of replaced models is not JSON"),
        ("{}", "says nothing of digits; null says there is none"),
        ('{"digits": {"held_out": 0.9}}', "the replaced model of digits cannot be read"),
        ('{"digits": 1}', "the replaced model of digits cannot be read"),
        ('{"digits": {"held_out": NaN, "drawings": 0.9}}', "an accuracy that is no ratio"),
        ('{"digits": {"held_out": 99.7, "drawings": 97.8}}', "an accuracy that is no ratio"),
    ],
)
def test_without_what_was_replaced_nothing_is_judged(text: str, told: str) -> None:
    """A file that says nothing of the source would let any model pass."""
    verdict = judged(card(), text)
    assert verdict.status == "not run"
    assert told in verdict.reasons[0]


def test_wilson_is_what_tables_say() -> None:
    """The interval of 81 of 263 is the one in Newcombe's comparison of methods (1998)."""
    assert model.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert model.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_an_image_that_answers_as_its_card_says_is_green(runtime: str) -> None:
    """The sentence of the check, with the runtime that was asked for, is what passes."""
    log = f"model 0.1.0+ab answers as its card says, in {runtime}\n"
    assert model.judge_runtime(runtime, 0, log).passed


@pytest.mark.parametrize(
    ("exit_code", "log"),
    [
        (1, "The model's card is not valid: the network fails its golden image 0\n"),
        (1, "model 0.1.0+ab answers as its card says, in torch\n"),
        (0, "model 0.1.0+ab answers as its card says, in onnx\n"),
        (0, ""),
    ],
)
def test_an_image_that_does_not_is_red(exit_code: int, log: str) -> None:
    """Another runtime, another exit code or silence is no check that passed."""
    assert model.judge_runtime("torch", exit_code, log).status == "red"
