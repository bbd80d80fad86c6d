"""The typed errors and the statuses they fix."""

from collections.abc import Iterator

import pytest

from mnist_backend import problems
from mnist_backend.errors import BackendError


def kinds(root: type[BackendError] = BackendError) -> Iterator[type[BackendError]]:
    """Yield every class of error."""
    yield root
    for child in root.__subclasses__():
        yield from kinds(child)


def test_no_two_errors_share_a_slug() -> None:
    """A client can tell every kind of failure from every other."""
    slugs = [kind.slug for kind in kinds()]
    assert len(set(slugs)) == len(slugs)


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_error_is_a_problem(kind: type[BackendError]) -> None:
    """Each class has a status, a title of its own and a name that says it is an error."""
    problem = problems.of_error(kind("something"), "/path")
    assert kind.__name__.endswith("Error")
    assert 400 <= problem.status < 600
    assert problem.type.endswith(kind.slug)
    assert problem.detail == "something"
