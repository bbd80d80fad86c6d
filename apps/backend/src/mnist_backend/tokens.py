"""Tokens of an OpenID Connect issuer: who a bearer is, by a signature that is checked here.

Contract: the issuer's keys are fetched when they are needed and kept; a token whose key is unknown
has them fetched again, at most every `REFRESH_SECONDS`, so that junk cannot make this process call
the issuer. Keys that cannot be renewed stay in force for `STALE_SECONDS`. Only asymmetric
signatures count; issuer, audience, end and subject must be there.
Does not know: API keys, limits, or what a scope allows.
"""

import hashlib
import json
import logging
import time
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import anyio
import jwt

from mnist_backend.errors import IssuerUnavailableError, UnauthenticatedError
from mnist_backend.keys import SCOPES, Caller

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
REQUIRED = ("iss", "aud", "exp", "sub")  # nbf and iat are checked where they are
REFRESH_SECONDS = 30.0
KEEP_SECONDS = 3600.0
STALE_SECONDS = 86_400.0
FETCH_SECONDS = 3.0  # for each of two answers, to their last byte
FETCH_BYTES = 1 << 20
CHUNK_BYTES = 1 << 14
LEEWAY_SECONDS = 30
SUBJECT_LENGTH = 200
TOKEN_LENGTH = 8192
LOOPBACK = ("127.0.0.1", "localhost", "::1")
REFUSAL = "the token is not valid"
SILENT = "the issuer of tokens does not answer as it should"

Keys = dict[str, jwt.PyJWK]  # by their id; the empty one is of a key without


class NoRedirects(HTTPRedirectHandler):
    """An issuer that sends elsewhere is not followed."""

    def redirect_request(self, *_: object) -> Request | None:
        """Follow nothing."""
        return None


class Issuer:
    """An issuer of tokens by its address; an empty one issues nothing."""

    def __init__(self, url: str, audience: str) -> None:
        """Ask for nothing yet.

        Raises:
            ValueError: the address is neither https nor on this machine.
        """
        if url and not is_safe(url):
            message = f"{url}: must be an https address"
            raise ValueError(message)
        self.url = url
        self._audience = audience
        self._keys: Keys = {}
        self._tried = self._fetched = float("-inf")
        self._lock = anyio.Lock()

    async def caller(self, token: str) -> Caller:
        """Return who a token speaks for.

        Raises:
            UnauthenticatedError: it is not valid; which part is wrong is not told.
            IssuerUnavailableError: the issuer's keys are needed and cannot be had.
        """
        if len(token) > TOKEN_LENGTH:
            raise UnauthenticatedError(REFUSAL)
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise UnauthenticatedError(REFUSAL)
            key = await self._key(str(header.get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self.url,
                leeway=LEEWAY_SECONDS,
                options={"require": [*REQUIRED]},
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise UnauthenticatedError(REFUSAL) from error
        return Caller(owner_of(claims["sub"]), scopes_of(claims))

    async def _key(self, identity: str) -> jwt.PyJWK:
        key = chosen(self._keys, identity)
        if key is None or self._age() > KEEP_SECONDS:
            async with self._lock:  # whoever waited finds what the first one fetched
                await self._renew(identity)
            key = chosen(self._keys, identity)
        if self._age() > STALE_SECONDS:
            raise IssuerUnavailableError(SILENT)
        if key is None:
            if self._tried != self._fetched:  # the key may be new, and nobody could ask for it
                raise IssuerUnavailableError(SILENT)
            raise UnauthenticatedError(REFUSAL)
        return key

    def _age(self) -> float:
        return time.monotonic() - self._fetched

    async def _renew(self, identity: str) -> None:
        needed = chosen(self._keys, identity) is None or self._age() > KEEP_SECONDS
        if not needed or time.monotonic() - self._tried < REFRESH_SECONDS:
            return
        self._tried = time.monotonic()
        try:
            self._keys = await anyio.to_thread.run_sync(self._fetch)
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            log.error("%s: %s", SILENT, error)
            return
        self._fetched = self._tried

    def _fetch(self) -> Keys:
        about = fetched(f"{self.url.rstrip('/')}/.well-known/openid-configuration")
        address = str(about["jwks_uri"])
        if about["issuer"] != self.url or not is_safe(address, self.url):
            message = "it describes itself as another, or its keys are elsewhere in the clear"
            raise ValueError(message)
        found = jwt.PyJWKSet.from_dict(fetched(address)).keys
        fit = [k for k in found if k.algorithm_name in ALGORITHMS and k.public_key_use != "enc"]
        return {key.key_id or "": key for key in fit}


def chosen(keys: Keys, identity: str) -> jwt.PyJWK | None:
    """Return the key of that id; where a token or the only key names none, that key."""
    only = next(iter(keys.values())) if len(keys) == 1 else None
    return keys.get(identity) or (only if not identity or "" in keys else None)


def fetched(address: str) -> dict[str, Any]:
    """Return a JSON object from an address, of bounded length and time; follow no redirect."""
    until = time.monotonic() + FETCH_SECONDS
    content = bytearray()
    try:
        answer = build_opener(NoRedirects).open(address, timeout=FETCH_SECONDS)
    except HTTPError as error:
        with error:  # it holds the connection
            raise URLError(str(error)) from error
    with answer:
        while chunk := answer.read1(CHUNK_BYTES):
            content += chunk
            if len(content) > FETCH_BYTES or time.monotonic() > until:
                message = f"more than {FETCH_BYTES} bytes or {FETCH_SECONDS:g} s"
                raise URLError(message)
    try:
        told = json.loads(content)
    except RecursionError as error:
        message = "JSON too deep to be meant"
        raise URLError(message) from error
    if not isinstance(told, dict):
        message = "not a JSON object"
        raise URLError(message)
    return told


def is_safe(address: str, issuer: str = "") -> bool:
    """Whether nobody on the way can change what an address answers: https, or this machine.

    An issuer elsewhere cannot send us to this machine.
    """
    parts = urlsplit(address)
    if parts.hostname in LOOPBACK and issuer and urlsplit(issuer).hostname not in LOOPBACK:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return secure and bool(parts.hostname)


def owner_of(subject: str) -> str:
    """Return the name under which a subject's predictions are kept, short and printable."""
    if len(subject) <= SUBJECT_LENGTH and subject.isascii() and subject.isprintable():
        return f"oidc:{subject}"
    return f"oidc-sha256:{hashlib.sha256(subject.encode('utf-8', 'replace')).hexdigest()}"


def scopes_of(claims: dict[str, Any]) -> frozenset[str]:
    """Return the scopes of this API that a token grants, in either of the usual claims."""
    said = claims.get("scope", claims.get("scp", ""))
    names = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    return frozenset(str(name) for name in names) & {*SCOPES}
