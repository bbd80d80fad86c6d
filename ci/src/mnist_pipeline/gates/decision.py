"""What was decided about a release, told so that people and machines can read it.

Contract: green only where every part was judged and nothing is refused; every reason is told once.
Does not know how anything was found out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mnist_pipeline.gates import policy
from mnist_pipeline.gates.policy import Ruling

ALL = "all"  # stands for every image


class ReleaseRefusedError(RuntimeError):
    """What was to be released, promoted or verified may not be; the message is every reason."""


def released(text: str) -> list[str]:
    """The images of a release, NAME=REGISTRY/NAME@DIGEST each, as `publish` printed it.

    Raises:
        ReleaseRefusedError: it is no release, was refused, or was rehearsed only.
    """
    try:
        read = json.loads(text)
        done = read["verdict"] == "green" and read["rehearsal"] is False
        images = [f"{name}={image}" for name, image in read["images"].items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"--release is not what publish or promote prints ({error!r})"
        raise ReleaseRefusedError(message) from error
    if not (done and images):
        message = "--release was refused or only rehearsed: no image of it is there to deploy"
        raise ReleaseRefusedError(message)
    return images


@dataclass(frozen=True)
class Decision:
    """What the policy says of a release, and what the release is."""

    action: str  # publish, promote or verify
    environment: str
    rehearsal: bool
    rulings: Mapping[str, Sequence[Ruling]]  # by image, or ALL
    images: Mapping[str, str] = field(default_factory=dict)  # by name, each with its digest
    known: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Nothing is refused, and something was judged."""
        verdicts = [policy.verdict(rulings) for rulings in self.rulings.values()]
        return bool(verdicts) and all(verdict.passed for verdict in verdicts)

    @property
    def reasons(self) -> list[str]:
        """Why it is refused, each reason once."""
        refused = [
            f"{ruling.check}: {ruling.reason}"
            if name == ALL
            else f"{name}, {ruling.check}: {ruling.reason}"
            for name, rulings in self.rulings.items()
            for ruling in rulings
            if ruling.outcome == "refused"
        ]
        return list(dict.fromkeys(refused)) or ([] if self.passed else ["nothing was judged"])

    def text(self) -> str:
        """The decision for machines; people can read it, too."""
        fields = {
            "schema": 1,
            "action": self.action,
            "environment": self.environment,
            "rehearsal": self.rehearsal,
            "verdict": "green" if self.passed else "red",
            "reasons": self.reasons,
            "images": dict(self.images),
            **self.known,
            "rulings": {name: policy.described(found) for name, found in self.rulings.items()},
        }
        return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"

    def required(self) -> "Decision":
        """Itself where it is green; raises `ReleaseRefusedError` with every reason where not."""
        if self.passed:
            return self
        reasons = "\n".join(f"  {reason}" for reason in self.reasons)
        message = f"{self.action} for {self.environment} is refused:\n{reasons}\n\n{self.text()}"
        raise ReleaseRefusedError(message)
