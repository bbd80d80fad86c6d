"""Who may ask, how often, and in which order that is looked at."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from mnist_backend import keys
from mnist_backend.admission import Admission, Admitted, credential
from mnist_backend.errors import (
    BackendError,
    ForbiddenError,
    IssuerUnavailableError,
    RateLimitedError,
    SettingInvalidError,
    UnauthenticatedError,
)
from mnist_backend.keys import Scope
from mnist_backend.settings import Settings

from . import issuers

issuer = issuers.issuer
PEER = "203.0.113.9"
OPEN: dict[bytes, bytes] = {}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the keys of a test are."""
    return tmp_path / "keys.json"


def admission(path: Path, **settings: Any) -> Admission:  # noqa: ANN401  any setting
    """Return the rules of an application that asks for keys."""
    return Admission(Settings(**{"auth": "on", "keys_file": path, **settings}))


def admitted(
    rules: Admission, headers: dict[bytes, bytes], scope: Scope = "predict", peer: str = PEER
) -> Admitted:
    """Ask as a request does."""
    now = rules.admit_now(headers, peer, scope)
    return now or asyncio.run(rules.admit(headers, peer, scope))


def refused(rules: Admission, headers: dict[bytes, bytes], **asked: Any) -> BackendError:  # noqa: ANN401  as above
    """Return how a request is refused."""
    with pytest.raises(BackendError) as refusal:
        admitted(rules, headers, **asked)
    return refusal.value


def test_without_keys_anybody_may_ask_for_anything(path: Path) -> None:
    """Where authentication is off nobody says who they are, and what they send is not looked at."""
    rules = admission(path, auth="off")
    for headers in (OPEN, {b"x-api-key": b"mnist_nonsense"}, {b"authorization": b"Bearer a.b.c"}):
        assert admitted(rules, headers, "admin").caller == keys.ANYBODY


@pytest.mark.parametrize("header", [b"x-api-key", b"authorization"])
def test_a_key_is_taken_from_either_header(path: Path, header: bytes) -> None:
    """As X-API-Key or as a bearer's token, a key says who asks."""
    key = keys.make(path, "laptop", ["predict"], 1).encode()
    value = key if header == b"x-api-key" else b"bEaReR  " + key
    assert admitted(admission(path), {header: value}).caller.id == key.decode().split("_")[1]


@pytest.mark.parametrize(
    "headers",
    [
        OPEN,
        {b"x-api-key": b""},
        {b"x-api-key": b"\xff\xfe"},
        {b"x-api-key": b"mnist_0123456789ab_" + b"A" * 43},
        {b"authorization": b"Basic bWU6c2VjcmV0"},
        {b"authorization": b"Bearer"},
        {b"authorization": b"Bearer a.b.c"},
    ],
    ids=str,
)
def test_who_is_not_known_is_refused(path: Path, headers: dict[bytes, bytes]) -> None:
    """The refusal says how to say who one is, as HTTP wants it."""
    keys.make(path, "laptop", ["predict"], 1)
    refusal = refused(admission(path), headers)
    assert isinstance(refusal, UnauthenticatedError)
    assert refusal.headers["WWW-Authenticate"] == 'Bearer realm="mnist-backend"'


@pytest.mark.parametrize("needed", ["feedback", "admin"])
def test_a_scope_opens_its_own_door_only(path: Path, needed: Scope) -> None:
    """A key for predictions neither tells feedback nor promotes."""
    key = keys.make(path, "laptop", ["predict"], 1).encode()
    refusal = refused(admission(path), {b"x-api-key": key}, scope=needed)
    assert isinstance(refusal, ForbiddenError)
    assert needed in refusal.detail


def test_who_may_not_is_counted_before_being_refused(path: Path) -> None:
    """Knocking at a closed door costs as much as an open one."""
    key = keys.make(path, "laptop", ["predict"], 1).encode()
    rules = admission(path, rate_limit="3/minute")
    found = [type(refused(rules, {b"x-api-key": key}, scope="admin")) for _ in range(4)]
    assert found == [ForbiddenError] * 3 + [RateLimitedError]


def test_each_key_has_a_limit_of_its_own(path: Path) -> None:
    """Two keys behind one address do not share a limit."""
    first, second = (
        {b"x-api-key": keys.make(path, name, ["predict"], 1).encode()} for name in ("a", "b")
    )
    rules = admission(path, rate_limit="2/minute")
    for headers in (first, first, second, second):
        assert admitted(rules, headers).headers == [(b"ratelimit-policy", b'"default";q=2;w=60')]
    assert isinstance(refused(rules, first), RateLimitedError)


def test_failures_are_counted_by_address(path: Path) -> None:
    """After twenty wrong keys an address hears 429, another does not, and a right key passes."""
    key = keys.make(path, "laptop", ["predict"], 1).encode()
    rules = admission(path)
    wrong = {b"x-api-key": b"mnist_0123456789ab_" + b"A" * 43}
    found = [type(refused(rules, wrong)) for _ in range(22)]
    assert found == [UnauthenticatedError] * 20 + [RateLimitedError] * 2
    assert isinstance(refused(rules, wrong, peer="203.0.113.10"), UnauthenticatedError)
    assert admitted(rules, {b"x-api-key": key}).caller.scopes


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.2", b"198.51.100.7", "198.51.100.7"),
        ("10.0.0.2", b"1.1.1.1, 198.51.100.7, 10.0.0.3", "198.51.100.7"),
        ("10.0.0.2", b"", "10.0.0.2"),
        ("10.0.0.2", b"10.0.0.3", "10.0.0.2"),
        ("203.0.113.9", b"198.51.100.7", "203.0.113.9"),
        ("2001:db8::1", b"198.51.100.7", "198.51.100.7"),
        ("testclient", b"198.51.100.7", "testclient"),
    ],
)
def test_an_address_is_believed_from_trusted_proxies(
    path: Path, peer: str, forwarded: bytes, address: str
) -> None:
    """The last address that no trusted proxy has is the client's; other claims count nothing."""
    rules = admission(path, trusted_proxies={"10.0.0.0/8", "2001:db8::1/128"})
    assert rules.address({b"x-forwarded-for": forwarded}, peer) == address


def test_without_proxies_no_claim_is_believed(path: Path) -> None:
    """A caller cannot choose an address to be counted under."""
    rules = admission(path, auth="off", rate_limit="1/minute")
    assert admitted(rules, {b"x-forwarded-for": b"1.1.1.1"}).caller.scopes
    assert isinstance(refused(rules, {b"x-forwarded-for": b"2.2.2.2"}), RateLimitedError)


def test_tokens_and_keys_open_the_same_doors(path: Path, issuer: issuers.Issuer) -> None:
    """A token of the issuer has its own name, its scopes and its limit."""
    rules = admission(path, oidc_issuer=issuer.url, rate_limit="1/minute")
    headers = {b"authorization": f"Bearer {issuer.token()}".encode()}
    assert admitted(rules, headers).caller.id == "oidc:somebody"
    assert isinstance(refused(rules, headers), RateLimitedError)
    other = {b"authorization": f"Bearer {issuer.token(sub='other')}".encode()}
    assert isinstance(refused(rules, other, scope="admin"), ForbiddenError)


def test_a_wrong_token_counts_as_a_failure(path: Path, issuer: issuers.Issuer) -> None:
    """Twenty junk tokens a minute, and the issuer is asked for its keys once."""
    rules = admission(path, oidc_issuer=issuer.url)
    junk = {b"authorization": f"Bearer {issuer.token(aud='other')}".encode()}
    found = [type(refused(rules, junk)) for _ in range(21)]
    assert found == [UnauthenticatedError] * 20 + [RateLimitedError]
    assert len(issuer.asked) == 2


def test_an_issuer_that_is_down_is_nobodys_failure(path: Path, issuer: issuers.Issuer) -> None:
    """Callers with tokens hear 503 and are not counted as failing; keys go on opening."""
    key = keys.make(path, "laptop", ["predict"], 1).encode()
    rules = admission(path, oidc_issuer=issuer.url)
    issuer.answers.clear()
    token = {b"authorization": f"Bearer {issuer.token()}".encode()}
    assert {type(refused(rules, token)) for _ in range(25)} == {IssuerUnavailableError}
    assert admitted(rules, {b"x-api-key": key}).caller.scopes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate_limit", "often"),
        ("rate_store", "http://store.example"),
        ("oidc_issuer", "http://issuer.example"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(path: Path, name: str, value: str) -> None:
    """The message names the variable, so that it can be put right."""
    with pytest.raises(SettingInvalidError, match=f"^MNIST_{name.upper()}: "):
        admission(path, **{name: value})


@pytest.mark.parametrize("issuing", ["", "https://issuer.example"])
def test_a_server_without_keys_says_so(
    path: Path, issuing: str, caplog: pytest.LogCaptureFixture
) -> None:
    """At the start, not at the first request, and with the way out."""
    with caplog.at_level(logging.ERROR):
        admission(path, oidc_issuer=issuing).begin()
    told = "tokens alone open the door" if issuing else "nobody can ask"
    assert f"there is no API key: {told}" in caplog.text
    assert "keys make" in caplog.text
    caplog.clear()
    keys.make(path, "laptop", ["predict"], 1)
    admission(path).begin()
    admission(path.with_name("other.json"), auth="off").begin()
    assert caplog.messages == []


def test_a_key_goes_before_a_token() -> None:
    """Of two credentials the key counts."""
    both = {b"x-api-key": b" key ", b"authorization": b"Bearer token"}
    assert credential(both) == "key"
