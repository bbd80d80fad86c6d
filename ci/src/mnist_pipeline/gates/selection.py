"""Chooses by name or by how a name begins.

Contract: what fits nothing is an error that lists what there is; the order is that of what there
is. Does not know what is chosen.
"""

from collections.abc import Iterable, Sequence


class StageUnknownError(ValueError):
    """No stage has that name, or a name that begins so."""


def chosen(wanted: Sequence[str] | None, known: Iterable[str]) -> list[str]:
    """What is wanted of what is known: a whole name, or all names that begin so; all by default.

    Raises:
        StageUnknownError: nothing has such a name.
    """
    names = list(known)
    asked = [name.strip() for name in wanted or [] if name.strip()]
    fitting = {name: [n for n in names if n == name] or starting(name, names) for name in asked}
    nothing = [name for name, found in fitting.items() if not found]
    if nothing:
        message = (
            f"no stage {nothing[0]!r}: --stages takes names of {', '.join(names)}, or how they "
            "begin, separated by commas; leave it out to run all of them"
        )
        raise StageUnknownError(message)
    found = {name for each in fitting.values() for name in each}
    return [name for name in names if not asked or name in found]


def starting(name: str, names: Iterable[str]) -> list[str]:
    """The names that begin so."""
    return [each for each in names if each.startswith(name)]
