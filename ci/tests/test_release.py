"""Versions, tags, addresses and layouts of a release, and what a registry's refusal means."""

import json
from hashlib import sha256

import pytest

from mnist_pipeline.gates.release import (
    MOST_CHANGES,
    HistoryUnusableError,
    LayoutMalformedError,
    Origin,
    RegistryAddressError,
    absent,
    address,
    changes,
    explained,
    fixed_tags,
    layout,
    origin,
    reference,
    sums,
    version_of,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ANSWERS = {
    "commit": f"{COMMIT}\n",
    "shallow": "false\n",
    "describe": "v1.2.3-0-g0123456\n",
    "count": "9\n",
    "status": "",
    "subject": "Why\n",
    "committed": "2026-11-25T10:00:00+00:00\n",
    "changes": "Why\nWhat came before\n",
}
MANIFEST = json.dumps({"config": {"digest": "sha256:" + "c" * 64}})
DIGEST = f"sha256:{sha256(MANIFEST.encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("described", "clean", "version"),
    [
        ("v1.2.3-0-g0123456", True, "1.2.3"),
        ("v1.2.3-0-g0123456", False, "1.2.4-dev.0.g0123456789ab.dirty"),
        ("v1.2.3-5-g0123456", True, "1.2.4-dev.5.g0123456789ab"),
        ("v1.3.0-rc.1-0-g0123456", True, "1.3.0-rc.1"),
        ("v1.3.0-rc.1-2-g0123456", True, "1.3.0-rc.1.dev.2.g0123456789ab"),
        ("0123456", True, "0.0.0-dev.9.g0123456789ab"),
        ("version1-0-g0123456", False, "0.0.0-dev.9.g0123456789ab.dirty"),
    ],
)
def test_the_version_follows_from_git(described: str, clean: bool, version: str) -> None:
    """A tagged commit has its tag's version, any other one a pre-release of the next patch."""
    assert version_of(described, 9, COMMIT, clean=clean) == version


def test_what_git_answers_is_read() -> None:
    """Commit, version, message, time and changes of a clean tree are known."""
    known = origin(ANSWERS)
    assert (known.commit, known.version, known.clean) == (COMMIT, "1.2.3", True)
    assert (known.subject, known.committed) == ("Why", "2026-11-25T10:00:00+00:00")
    assert known.changes == ("Why", "What came before")


def test_a_long_history_is_told_in_part() -> None:
    """The newest changes are told, and how many more there are; a message may be empty."""
    assert changes("\n") == ()
    assert changes("a change\n" * MOST_CHANGES)[-1] == "a change"
    told = changes("\n".join(f"change {number}" for number in range(MOST_CHANGES + 3)))
    assert told[0] == "change 0"
    assert told[MOST_CHANGES - 1 :] == (f"change {MOST_CHANGES - 1}", "and 3 more")


def test_a_changed_file_makes_the_tree_unclean() -> None:
    """One line of git's status is enough."""
    assert not origin({**ANSWERS, "status": " M README.md\n"}).clean


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"shallow": "true\n"}, "fetch-depth: 0"),
        ({"commit": "fatal: not a git repository\n"}, "not a git repository"),
        ({"commit": ""}, "it is empty"),
    ],
)
def test_a_history_that_tells_no_version_is_an_error(changed: dict[str, str], told: str) -> None:
    """Half a history, or none, is refused with the way out."""
    with pytest.raises(HistoryUnusableError, match=told):
        origin({**ANSWERS, **changed})


def test_a_changed_tree_has_no_tag_of_its_commit() -> None:
    """Only the very tree of a commit is named after it."""
    assert fixed_tags(Origin(COMMIT, "1.2.3", True)) == ["1.2.3", "commit-0123456789ab"]
    assert fixed_tags(Origin(COMMIT, "1.2.4-dev.0.g0.dirty", False)) == ["1.2.4-dev.0.g0.dirty"]


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("ghcr.io/owner/", "ghcr.io/owner"),
        ("localhost:5000", "localhost:5000"),
        ("registry.local:5000/a/b", "registry.local:5000/a/b"),
    ],
)
def test_a_registry_is_a_host_with_a_namespace(given: str, known: str) -> None:
    """A port and a namespace may follow the host."""
    assert address(given) == known


@pytest.mark.parametrize(
    "given", ["", "https://ghcr.io/a", "ghcr.io/Owner", "a b", "x:y/z", "a//b"]
)
def test_what_is_no_registry_is_an_error(given: str) -> None:
    """Schemes, capitals, spaces and empty parts are refused with an example."""
    with pytest.raises(RegistryAddressError, match=r"registry\.example\.org"):
        address(given)


def test_an_image_is_read_from_its_reference() -> None:
    """Registry, name, and tag or digest are told apart, with a port in the host, too."""
    assert reference("r.example.org:5000/a/mnist-backend:1.2.3") == (
        "r.example.org:5000/a",
        "backend",
        ":1.2.3",
    )
    assert reference(f"r.example.org/mnist-frontend@{DIGEST}")[2] == f"@{DIGEST}"


@pytest.mark.parametrize(
    "given",
    ["mnist-backend:1", "r.example.org/mnist-backend", "r.example.org/other:1", "", "a b:1"],
)
def test_what_is_no_image_of_ours_is_an_error(given: str) -> None:
    """A reference without registry, without tag or with a foreign name is refused."""
    with pytest.raises(RegistryAddressError, match="mnist-NAME"):
        reference(given)


def test_a_layout_tells_its_digests() -> None:
    """The manifest's digest is that of its text, and it names the configuration."""
    read = layout(json.dumps({"manifests": [{"digest": DIGEST}]}), {DIGEST: MANIFEST})
    assert (read.manifest, read.configuration) == (DIGEST, "sha256:" + "c" * 64)


@pytest.mark.parametrize(
    ("index", "manifests"),
    [
        ("{}", {}),
        ('{"manifests": []}', {}),
        ("no JSON", {}),
        (json.dumps({"manifests": [{"digest": DIGEST}]}), {DIGEST: MANIFEST + " "}),
        (json.dumps({"manifests": [{"digest": DIGEST}] * 2}), {DIGEST: MANIFEST}),
    ],
)
def test_a_layout_that_was_tampered_with_is_an_error(index: str, manifests: dict[str, str]) -> None:
    """A manifest with another digest than its text's, no image or two are refused."""
    with pytest.raises(LayoutMalformedError):
        layout(index, manifests)


def test_the_sums_do_not_depend_on_the_order() -> None:
    """Files are listed by name, in the form that sha256sum reads."""
    assert sums({"b": "2", "a": "1"}) == sums({"a": "1", "b": "2"}) == "1  a\n2  b\n"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("level=fatal msg=... unauthorized: authentication required", "--password"),
        ("Error: dial tcp: lookup x on y: no such host", "--registry"),
        ("error: TOOMANYREQUESTS: slow down", "wait"),
        ("Error: write: no space left on device", "full"),
        ('Error: Get "https://a.sigstore.dev/1": dial tcp: no such host', "to sign without a key"),
    ],
)
def test_a_refusal_tells_the_way_out(said: str, hint: str) -> None:
    """What a client prints becomes one sentence with the step and what to do."""
    told = explained("pushing backend", f"copying\n{said}\nplease see the help\n")
    assert told.startswith("pushing backend failed: ")
    assert hint in told


def test_a_refusal_tells_no_address() -> None:
    """An address with a token in it does not get into the message."""
    assert "t0ken" not in explained("pushing", 'Error: Put "https://me:t0ken@r.example.org/v2/"')


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("reading manifest 1.2.4 in {repository}: manifest unknown", True),
        ("Error parsing image name: name unknown: repository name not known to registry", True),
        ("unexpected status from https://registry-404.example.org/v2: StatusCode: 404", True),
        ("pinging https://registry-404.example.org:404/v2/: connection refused", False),
        ("reading manifest {tag} in {repository}: unauthorized", False),
        ("lookup registry: Name or service not known", False),
    ],
)
def test_no_such_tag_is_told_from_any_other_refusal(said: str, found: bool) -> None:
    """Whatever numbers the names of registry and tag hold, and however long they are."""
    repository, tag = f"registry-404.example.org:404/{'a' * 300}/mnist-backend", "commit-404.404"
    assert absent(said.format(repository=repository, tag=tag), repository, tag) is found


def test_a_silent_refusal_is_told() -> None:
    """A client that prints nothing is told to have done so."""
    assert "printed nothing" in explained("pushing", "")
