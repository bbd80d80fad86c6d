"""A release is by digest, a host's state survives writing, and a configuration is linted."""

import pytest

from mnist_deploy.errors import UsageInvalidError
from mnist_deploy.release import PARTS, Release, State, findings, variables

DIGEST = "sha256:" + "a" * 64
RELEASE = Release("one", dict.fromkeys(PARTS, DIGEST))
GOOD = {
    "image": f"registry.example.org/backend@{DIGEST}",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "user": "10001:10001",
    "deploy": {"resources": {"limits": {"memory": "1", "cpus": 1, "pids": 9}}},
}


@pytest.mark.parametrize(
    "reference", ["backend:latest", "backend", "", DIGEST[:-1], "a b@" + DIGEST]
)
def test_an_image_without_digest_is_refused(reference: str) -> None:
    """A tag may name another image tomorrow."""
    with pytest.raises(UsageInvalidError, match="digest"):
        Release("one", {"backend": reference})


def test_a_release_knows_what_it_lacks() -> None:
    """What watches needs images of its own."""
    assert RELEASE.needs(watched=False) == []
    assert "prometheus" in RELEASE.needs(watched=True)


def test_the_state_survives_writing() -> None:
    """What is read is what was written, and an empty file is a new host."""
    state = State("green", "idle", {"green": RELEASE, "blue": None}, (RELEASE,))
    assert State.read(state.text()) == state
    assert State.read("") == State()
    assert State().idle == "blue"
    assert state.idle == "blue"


def test_each_colour_keeps_its_own_image() -> None:
    """The colour that answers is not touched by the images of the next one."""
    other = "sha256:" + "b" * 64
    new = Release("two", {**RELEASE.images, "backend": other})
    state = State("blue", "idle", {"blue": RELEASE, "green": new})
    text = variables(state, new, "production", watched=True)
    assert f"BACKEND_BLUE_IMAGE={DIGEST}\n" in text
    assert f"BACKEND_GREEN_IMAGE={other}\n" in text
    assert "COMPOSE_FILE=compose.yaml:monitoring.yaml:compose.production.yaml\n" in text


def test_a_hardened_service_has_no_finding() -> None:
    """What keeps every rule is not accused."""
    assert findings({"services": {"backend": GOOD}}) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"image": "backend:latest"}, "no image by digest"),
        ({"read_only": False}, "may write"),
        ({"cap_drop": []}, "keeps capabilities"),
        ({"cap_add": ["NET_ADMIN"]}, "keeps capabilities"),
        ({"security_opt": []}, "gain privileges"),
        ({"user": "0:0"}, "runs as root"),
        ({"user": None}, "runs as root"),
        ({"privileged": True}, "is privileged"),
        ({"network_mode": "host"}, "host's network"),
        ({"deploy": {}}, "no limit of memory"),
        ({"volumes": [{"source": "/var/run/docker.sock"}]}, "Docker's socket"),
    ],
)
def test_a_planted_weakness_is_found(change: dict[str, object], finding: str) -> None:
    """Each weakness alone is a finding."""
    assert finding in " ".join(findings({"services": {"backend": GOOD | change}}))


def test_nothing_is_a_finding() -> None:
    """A configuration without services was not looked at."""
    assert findings({}) == ["it has no services"]
