"""Choosing stages by name or by how a name begins."""

import pytest

from mnist_pipeline.gates.selection import StageUnknownError, chosen

STAGES = ("lint", "types", "scan", "secrets", "secrets-more", "end-to-end")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (None, [*STAGES]),
        ([], [*STAGES]),
        ([" "], [*STAGES]),
        (["types", "lint"], ["lint", "types"]),
        (["s"], ["scan", "secrets", "secrets-more"]),
        (["secrets"], ["secrets"]),
        (["end", "types"], ["types", "end-to-end"]),
    ],
)
def test_names_and_their_beginnings_choose(wanted: list[str] | None, found: list[str]) -> None:
    """A whole name chooses itself alone, a beginning all that begin so, nothing all."""
    assert chosen(wanted, STAGES) == found


def test_what_fits_nothing_is_refused() -> None:
    """The message names the value, what there is, and the way out."""
    with pytest.raises(StageUnknownError, match="no stage 'lent': --stages takes names of lint,"):
        chosen(["lint", "lent"], STAGES)
