"""Decisions about releases, as people and machines read them."""

import json
from dataclasses import replace

import pytest

from mnist_pipeline.gates.decision import ALL, Decision, ReleaseRefusedError, released
from mnist_pipeline.gates.policy import Ruling

GOOD = Decision("publish", "dev", False, {ALL: [Ruling("lint", "passed")]}, {"backend": "r/b@d"})
BAD = Decision(
    "verify",
    "production",
    False,
    {
        ALL: [Ruling("unit", "refused", "red: 1 failed")],
        "backend": [Ruling("signature", "refused", "none"), Ruling("sbom", "passed")],
    },
)


def test_a_green_decision_is_answered_as_it_is() -> None:
    """What is required of a green decision is the decision."""
    assert GOOD.required() is GOOD


def test_a_refusal_is_raised_with_every_reason_and_the_whole_answer() -> None:
    """The message begins with the reasons, and ends with what a machine reads."""
    with pytest.raises(ReleaseRefusedError) as raised:
        BAD.required()
    head, _, tail = str(raised.value).partition("\n\n")
    assert head.splitlines()[1:] == ["  unit: red: 1 failed", "  backend, signature: none"]
    assert json.loads(tail)["verdict"] == "red"


def test_nothing_judged_is_refused() -> None:
    """A decision without a ruling is never green, and says so."""
    nothing = Decision("verify", "dev", False, {"backend": []})
    assert not nothing.passed
    assert nothing.reasons == ["nothing was judged"]


def test_a_decision_tells_machines_its_digests() -> None:
    """The text is JSON with verdict, images and rulings."""
    told = json.loads(GOOD.text())
    assert told["verdict"] == "green"
    assert told["images"] == {"backend": "r/b@d"}
    assert told["rulings"]["all"][0]["check"] == "lint"


def test_a_release_tells_what_to_deploy() -> None:
    """Its images by name and digest, as deploy takes them."""
    assert released(GOOD.text()) == ["backend=r/b@d"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not what publish or promote prints"),
        ("[]", "not what publish or promote prints"),
        ('{"verdict": "green"}', "not what publish or promote prints"),
        (BAD.text(), "refused or only rehearsed"),
        (replace(GOOD, rehearsal=True).text(), "refused or only rehearsed"),
        (replace(GOOD, images={}).text(), "refused or only rehearsed"),
    ],
)
def test_what_was_not_released_is_not_deployed(text: str, told: str) -> None:
    """A file that is none, a refusal and a rehearsal leave nothing to deploy."""
    with pytest.raises(ReleaseRefusedError, match=told):
        released(text)
