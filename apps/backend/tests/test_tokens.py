"""Tokens of an issuer: which are believed, and what the issuer is asked."""

import asyncio
import base64
import hmac
import logging
from typing import Any

import pytest

from mnist_backend import tokens
from mnist_backend.errors import IssuerUnavailableError, UnauthenticatedError
from mnist_backend.keys import Caller
from mnist_backend.tokens import Issuer

from . import issuers
from .issuers import AUDIENCE, DISCOVERY, KEYS, Signer, forged

issuer = issuers.issuer
REFUSED = UnauthenticatedError


def asked(checking: Issuer, *said: str) -> list[Caller | type[Exception]]:
    """Return whom each token speaks for, or how it was refused."""

    async def ask() -> list[Caller | type[Exception]]:
        found: list[Caller | type[Exception]] = []
        for token in said:
            try:
                found.append(await checking.caller(token))
            except (UnauthenticatedError, IssuerUnavailableError) as error:
                details.append(error.detail)
                found.append(type(error))
        return found

    details: list[str] = []
    found = asyncio.run(ask())
    assert {*details} <= {tokens.REFUSAL, tokens.SILENT}
    return found


@pytest.mark.parametrize("kind", ["RS256", "ES256", "PS256"])
def test_a_good_token_says_who_asks(issuer: issuers.Issuer, kind: str) -> None:
    """Subject and scopes come from the token, and scopes of other services count nothing."""
    issuer.signer = Signer("second", kind)
    issuer.publish(issuer.signer)
    (caller,) = asked(Issuer(issuer.url, AUDIENCE), issuer.token())
    assert caller == Caller("oidc:somebody", frozenset({"predict", "feedback"}))


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": None, "scp": ["admin", "other"]}, {"admin"}),
        ({"scope": None, "scp": "predict"}, {"predict"}),
        ({"scope": None}, set()),
        ({"scope": 7}, set()),
        ({"aud": ["other", AUDIENCE]}, {"predict", "feedback"}),
        ({"nbf": 1, "iat": 1}, {"predict", "feedback"}),
    ],
)
def test_scopes_are_read_in_the_usual_forms(
    issuer: issuers.Issuer, claims: dict[str, Any], scopes: set[str]
) -> None:
    """A list or a text, scope or scp, and nothing else."""
    (caller,) = asked(Issuer(issuer.url, AUDIENCE), issuer.token(**claims))
    assert isinstance(caller, Caller)
    assert caller.scopes == scopes


@pytest.mark.parametrize("subject", ["x" * 201, "\u00e9", "a\nb", "\ud800"])
def test_an_odd_subject_has_a_short_name(issuer: issuers.Issuer, subject: str) -> None:
    """What the database would not take as an owner is kept as its hash."""
    (caller,) = asked(Issuer(issuer.url, AUDIENCE), issuer.token(sub=subject))
    assert isinstance(caller, Caller)
    assert caller.id.startswith("oidc-sha256:")
    assert len(caller.id) < 255


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"nbf": 32503680000},
        {"iat": 32503680000},
        {"sub": 7},
    ],
    ids=str,
)
def test_a_token_that_says_the_wrong_thing_is_refused(
    issuer: issuers.Issuer, claims: dict[str, Any]
) -> None:
    """Another audience or issuer, a missing claim, too old or too new."""
    assert asked(Issuer(issuer.url, AUDIENCE), issuer.token(**claims)) == [REFUSED]


def forgeries(issuer: issuers.Issuer) -> dict[str, str]:
    """Return tokens that somebody else made."""
    claims, kid = issuer.claims(scope="admin"), {"kid": "first"}
    good = issuer.token()
    return {
        "none": forged({"alg": "none", **kid}, claims),
        "None": forged({"alg": "None", **kid}, claims),
        "no algorithm": forged(kid, claims),
        "another key": issuer.token(issuers.first("stranger")),
        "another kind": issuer.token(Signer("first", "ES256")),
        "no signature": good.rpartition(".")[0] + ".",
        "changed": forged({"alg": "RS256", **kid}, claims, b"x" * 256),
        "junk": "a.b.c",
        "two parts": "a.b",
        "empty": "",
        "deep header": base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.AAAA",
        "deep claims": ".".join(
            (
                good.partition(".")[0],
                base64.urlsafe_b64encode(b'{"a":' * 900).decode().rstrip("="),
                good.rpartition(".")[2],
            )
        ),
        "not ASCII": "\u00e9.\u00e9.\u00e9",
        "long": good + "A" * 9000,
    }


def test_forged_tokens_are_refused(issuer: issuers.Issuer) -> None:
    """No signature, another's signature and a changed text are all refused."""
    checking = Issuer(issuer.url, AUDIENCE)
    for name, token in forgeries(issuer).items():
        assert asked(checking, token) == [REFUSED], name


def test_the_public_key_is_no_secret(issuer: issuers.Issuer) -> None:
    """A token signed by HMAC with the public key as its secret is refused."""
    header = {"alg": "HS256", "kid": "first"}
    whole = forged(header, issuer.claims()).rpartition(".")[0]
    digest = hmac.new(issuer.signer.pem, whole.encode(), "sha256").digest()
    token = f"{whole}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    assert asked(Issuer(issuer.url, AUDIENCE), token) == [REFUSED]


def test_keys_are_asked_for_once(issuer: issuers.Issuer) -> None:
    """A hundred tokens cost the issuer two questions."""
    found = asked(Issuer(issuer.url, AUDIENCE), *[issuer.token() for _ in range(100)])
    assert all(isinstance(caller, Caller) for caller in found)
    assert issuer.asked == [DISCOVERY, KEYS]


def test_junk_does_not_make_the_server_ask(issuer: issuers.Issuer) -> None:
    """Tokens with a hundred unknown keys have the keys fetched once."""
    signer = issuer.signer
    signer.key_id = "first"
    good = issuer.token()
    junk = []
    for number in range(100):
        signer.key_id = f"junk-{number}"
        junk.append(issuer.token())
    assert set(asked(Issuer(issuer.url, AUDIENCE), good, *junk)[1:]) == {REFUSED}
    assert issuer.asked == [DISCOVERY, KEYS]


def test_a_rotated_key_is_found(issuer: issuers.Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of a new key has the keys fetched again; one of a withdrawn key is refused then."""
    checking, old = Issuer(issuer.url, AUDIENCE), issuer.token()
    assert isinstance(asked(checking, old)[0], Caller)
    issuer.signer = Signer("second")
    issuer.publish(issuer.signer)
    assert asked(checking, issuer.token()) == [REFUSED]  # too soon to ask again
    monkeypatch.setattr(tokens, "REFRESH_SECONDS", 0.0)
    found = asked(checking, issuer.token(), old)
    assert isinstance(found[0], Caller)
    assert found[1] == REFUSED


def test_a_key_without_an_id_serves_alone(issuer: issuers.Issuer) -> None:
    """An issuer with one key need not name it, and a token need not name the only key."""
    issuer.signer = Signer(None)
    issuer.publish(issuer.signer)
    (caller,) = asked(Issuer(issuer.url, AUDIENCE), issuer.token())
    assert isinstance(caller, Caller)
    named = Signer("named")
    issuer.publish(named)
    nameless = Signer(None)
    nameless.private = named.private
    (caller,) = asked(Issuer(issuer.url, AUDIENCE), issuer.token(nameless))
    assert isinstance(caller, Caller)
    issuer.publish(named, Signer("other"))
    assert asked(Issuer(issuer.url, AUDIENCE), issuer.token(nameless)) == [REFUSED]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (DISCOVERY, 500),
        (DISCOVERY, b"no JSON"),
        (DISCOVERY, b"[]"),
        (DISCOVERY, b"{}"),
        (DISCOVERY, b'{"issuer": "https://elsewhere.example", "jwks_uri": "https://a.example"}'),
        (DISCOVERY, b"[" * 100_000),
        (KEYS, 404),
        (KEYS, b'{"keys": []}'),
        (KEYS, b'{"keys": [{"kty": "oct", "k": "AAAA", "kid": "first"}]}'),
        (KEYS, b'{"keys": ["a"]}'),
        (KEYS, b" " * (tokens.FETCH_BYTES + 1)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_issuer_that_answers_oddly_is_unavailable(
    issuer: issuers.Issuer, path: str, answer: bytes | int
) -> None:
    """Its answer is bounded and checked, and nobody is let in by a mistake of it."""
    issuer.answers[path] = answer
    (found,) = asked(Issuer(issuer.url, AUDIENCE), issuer.token())
    assert found in {IssuerUnavailableError, REFUSED}
    if b"oct" not in (answer if isinstance(answer, bytes) else b""):
        assert found == IssuerUnavailableError


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
def test_a_redirect_is_not_followed(issuer: issuers.Issuer, path: str) -> None:
    """An issuer that sends elsewhere is not believed, and elsewhere is not asked."""
    issuer.answers["/elsewhere"] = issuer.answers[path]
    issuer.answers[path] = issuer.url + "/elsewhere"
    assert asked(Issuer(issuer.url, AUDIENCE), issuer.token()) == [IssuerUnavailableError]
    assert "/elsewhere" not in issuer.asked


def test_an_issuer_that_is_down_is_said_to_be(
    issuer: issuers.Issuer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without its keys nobody is known: 503, asked for once, until it answers."""
    issuer.answers[DISCOVERY] = 500
    checking, token = Issuer(issuer.url, AUDIENCE), issuer.token()
    assert asked(checking, token, token, token) == [IssuerUnavailableError] * 3
    assert issuer.asked == [DISCOVERY]
    assert token not in caplog.text
    issuer.publish(issuer.signer)
    monkeypatch.setattr(tokens, "REFRESH_SECONDS", 0.0)
    assert isinstance(asked(checking, token)[0], Caller)


def test_known_keys_outlive_an_outage(
    issuer: issuers.Issuer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Keys that could not be renewed stay in force for a day, and not for ever."""
    checking, token = Issuer(issuer.url, AUDIENCE), issuer.token()
    assert isinstance(asked(checking, token)[0], Caller)
    issuer.answers[DISCOVERY] = 500
    monkeypatch.setattr(tokens, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(tokens, "REFRESH_SECONDS", 0.0)
    with caplog.at_level(logging.ERROR):
        assert isinstance(asked(checking, token)[0], Caller)
    assert tokens.SILENT in caplog.text
    monkeypatch.setattr(tokens, "STALE_SECONDS", 0.0)
    assert asked(checking, token) == [IssuerUnavailableError]


@pytest.mark.parametrize("url", ["http://issuer.example", "ftp://127.0.0.1", "issuer", "https://"])
def test_an_issuer_in_the_clear_is_refused(url: str) -> None:
    """What anybody on the way could change is no issuer."""
    with pytest.raises(ValueError, match="must be an https address"):
        Issuer(url, AUDIENCE)


@pytest.mark.parametrize(
    ("address", "issuing", "safe"),
    [
        ("https://keys.example/k", "https://issuer.example", True),
        ("http://keys.example/k", "https://issuer.example", False),
        ("http://127.0.0.1/k", "https://issuer.example", False),
        ("https://localhost/k", "https://issuer.example", False),
        ("http://127.0.0.1/k", "http://127.0.0.1", True),
        ("file:///etc/passwd", "https://issuer.example", False),
    ],
)
def test_keys_are_fetched_from_safe_places(address: str, issuing: str, safe: bool) -> None:
    """An issuer may keep its keys on another https host, and cannot send us to ourselves."""
    assert tokens.is_safe(address, issuing) == safe


def test_an_answer_that_drips_is_given_up(
    issuer: issuers.Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time for an answer is for all of it, not for each byte."""
    monkeypatch.setattr(tokens, "CHUNK_BYTES", 1)
    moments = iter(range(0, 1000, 2))
    monkeypatch.setattr("mnist_backend.tokens.time.monotonic", lambda: float(next(moments)))
    with pytest.raises(OSError, match="more than"):
        tokens.fetched(issuer.url + DISCOVERY)
