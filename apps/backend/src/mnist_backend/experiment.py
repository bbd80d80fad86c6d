"""Which of two models answers whom: champion and challenger, side by side.

Contract: the same caller or session always meets the same model as long as salt and share stay; the
share of callers who meet the challenger is the configured one, which `sample_ratio_p` checks. A
caller is counted once, by whichever thread. Does not know: models, HTTP, or what they answered.
"""

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

Variant = Literal["champion", "challenger"]

UNITS_REMEMBERED = 100_000
WHOLE = 1 << 64


class Experiment:
    """The assignment of callers to variants, and how many were assigned."""

    def __init__(
        self, salt: str, challenger_share: float, exposed: Callable[[Variant], None]
    ) -> None:
        """Fix salt and share; `exposed` is told of each unit that is met first."""
        self._salt = salt.encode()
        self._share = challenger_share
        self._exposed = exposed
        self._one = threading.Lock()
        self._units: OrderedDict[str, Variant] = OrderedDict()
        self.exposures: dict[Variant, int] = {"champion": 0, "challenger": 0}

    def variant(self, unit: str) -> Variant:
        """Return the variant of a caller or session."""
        if not self._share:
            return "champion"
        with self._one:
            known = self._units.get(unit)
            if known:
                self._units.move_to_end(unit)
                return known
            variant = assigned(self._salt, unit, self._share)
            self._units[unit] = variant
            if len(self._units) > UNITS_REMEMBERED:
                self._units.popitem(last=False)
            self.exposures[variant] += 1
        self._exposed(variant)
        return variant

    @property
    def sample_ratio_p(self) -> float:
        """How likely a split at least this uneven is, if the assignment is right."""
        return sample_ratio_p(self.exposures["champion"], self.exposures["challenger"], self._share)


def assigned(salt: bytes, unit: str, share: float) -> Variant:
    """Return the variant that the salted hash of a unit gives."""
    digest = hashlib.sha256(salt + b"\0" + unit.encode()).digest()
    return "challenger" if int.from_bytes(digest[:8]) < share * WHOLE else "champion"


def sample_ratio_p(champion: int, challenger: int, share: float) -> float:
    """Return the p-value of a chi-squared test, one degree of freedom, of a sample's ratio."""
    total = champion + challenger
    wanted = (total * (1 - share), total * share)
    if not min(wanted):
        return 1.0
    seen = (champion, challenger)
    square = sum((s - w) ** 2 / w for s, w in zip(seen, wanted, strict=True))
    return math.erfc(math.sqrt(square / 2))
