"""Which addresses and keys of a running stack are taken, and what they become in a container."""

import pytest

from mnist_pipeline.gates.addresses import (
    HOLDERS,
    KeysIncompleteError,
    StackUnreachableError,
    holders,
    reachable,
)


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("http://localhost:8000", "http://here-8000:8000"),
        ("http://127.0.0.1:9100/metrics", "http://here-9100:9100/metrics"),
        ("http://localhost/", "http://here-80:80"),
        ("https://digits.example/", "https://digits.example"),
        ("", ""),
    ],
)
def test_an_address_leads_there_from_a_container(url: str, reached: str) -> None:
    """This machine has another name inside; every other host is left as it is."""
    assert reachable("frontend", url, {8000, 9100, 80}) == reached


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("backend", "", "--backend-url=: an address begins with"),
        ("backend", "localhost:8000", "an address begins with http:// or https:// and a host"),
        ("frontend", "ftp://a.example", "an address begins with http:// or https:// and a host"),
        ("frontend", "http://", "an address begins with http:// or https:// and a host"),
        ("metrics", "http://localhost:9100", "add --here=tcp://localhost:9100"),
        ("metrics", "https://[::1]", "add --here=tcp://::1:443"),
    ],
)
def test_what_a_container_cannot_reach_is_refused(name: str, url: str, told: str) -> None:
    """The error names the option, the address, and the way out."""
    with pytest.raises(StackUnreachableError, match=f"--{name}-url") as refused:
        reachable(name, url, {8000})
    assert told in str(refused.value)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_some_of_the_keys_are_refused(count: int) -> None:
    """A caller who forgot a key is told whose are asked for, before anything is run."""
    with pytest.raises(KeysIncompleteError, match=f"--keys has {count}, .*first, second, admin"):
        holders(count)


@pytest.mark.parametrize(("count", "whose"), [(0, ()), (3, HOLDERS)])
def test_all_keys_or_none_are_taken(count: int, whose: tuple[str, ...]) -> None:
    """Each key has its holder by its place, and no key has none."""
    assert holders(count) == whose
