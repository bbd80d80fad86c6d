"""Who may ask, and how often: before anything of a request is read.

Contract: `admit` returns the caller or raises 401, 403 or 429, each with the headers that go with
it. Whoever fails to say who they are is counted by address and soon answered 429 alone; a valid key
passes even then, so that nobody locks a neighbour out (256 random bits are not guessed). Who is
known is counted before what they may do is looked at. `admit_now` does the same without waiting,
and answers None where it would have to wait.
Does not know: what is asked for, beyond the scope it takes.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from mnist_backend.errors import (
    BackendError,
    ForbiddenError,
    RateLimitedError,
    SettingInvalidError,
    UnauthenticatedError,
)
from mnist_backend.keys import ANYBODY, Caller, KeyRing, Scope
from mnist_backend.quota import Quota
from mnist_backend.settings import Settings
from mnist_backend.tokens import Issuer

log = logging.getLogger(__name__)

Headers = Mapping[bytes, bytes]
RawHeaders = list[tuple[bytes, bytes]]

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="mnist-backend"'}
FAILURES_LIMIT = "20/minute"
ADDRESSES_REMEMBERED = 4096
NOT_SAID = "send an API key as X-API-Key, or a key or token as Authorization: Bearer"


class Admitted(NamedTuple):
    """A caller who may go on, and what to tell them about their limit."""

    caller: Caller
    headers: RawHeaders


class Admission:
    """The rules of one application."""

    def __init__(self, settings: Settings) -> None:
        """Take what the operator decided.

        Raises:
            SettingInvalidError: it makes no sense; the message names the variable.
        """
        self._open = settings.auth == "off"
        self._ring = KeyRing(settings.keys_file)
        self._proxies = settings.trusted_proxies
        self._trusts = lru_cache(ADDRESSES_REMEMBERED)(self._looks_trusted)
        with naming("OIDC_ISSUER"):
            self._issuer = Issuer(settings.oidc_issuer, settings.oidc_audience)
        with naming("RATE_STORE"):
            Quota("", settings.rate_store.get_secret_value())
        with naming("RATE_LIMIT"):
            self.quota = Quota(settings.rate_limit, settings.rate_store.get_secret_value())
        self._failures = Quota(FAILURES_LIMIT, "memory://")
        policy = self.quota.policy
        self._told: RawHeaders = [(b"ratelimit-policy", policy.encode())] if policy else []

    def begin(self) -> None:
        """Look at the keys, so that the log tells at the start what is wrong with them."""
        if not self._open and not self._ring.load(time.time()):
            instead = "tokens alone open the door" if self._issuer.url else "nobody can ask"
            log.error("there is no API key: %s; make one with `mnist_backend.keys make`", instead)

    async def end(self) -> None:
        """Close the connections to a shared store of the limit."""
        await self.quota.close()

    def admit_now(self, headers: Headers, peer: str, needed: Scope) -> Admitted | None:
        """Return who asks, if that is known at once; None where it takes a wait."""
        if not self.quota.local:
            return None
        caller = ANYBODY
        if not self._open:
            said = credential(headers)
            if not said.startswith("mnist_"):
                return None
            caller = self._of_key(said, headers, peer)
        self.quota.hit(caller.id or self.address(headers, peer))
        return self._allowed(caller, needed)

    async def admit(self, headers: Headers, peer: str, needed: Scope) -> Admitted:
        """Return who asks.

        Raises:
            UnauthenticatedError: nobody known asks.
            ForbiddenError: the caller lacks the scope.
            RateLimitedError: the caller asked too often, or failed too often.
            IssuerUnavailableError: the issuer of tokens does not answer.
        """
        caller = ANYBODY
        if not self._open:
            said = credential(headers)
            if said.startswith("mnist_"):
                caller = self._of_key(said, headers, peer)
            else:
                caller = await self._of_token(said, headers, peer)
        unit = caller.id or self.address(headers, peer)
        if self.quota.local:
            self.quota.hit(unit)
        else:
            await self.quota.hit_shared(unit)
        return self._allowed(caller, needed)

    def address(self, headers: Headers, peer: str) -> str:
        """Return the client's address: the last one that no trusted proxy added."""
        if not self._proxies or not self._trusts(peer):
            return peer
        hops = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
        for hop in map(str.strip, reversed(hops)):
            if hop and not self._trusts(hop):
                return hop
        return peer

    def _looks_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)

    def _of_key(self, said: str, headers: Headers, peer: str) -> Caller:
        try:
            return self._ring.check(said, time.time())
        except UnauthenticatedError as error:
            raise self._counted(error, headers, peer) from error

    async def _of_token(self, said: str, headers: Headers, peer: str) -> Caller:
        try:
            if not said or not self._issuer.url:
                raise UnauthenticatedError(NOT_SAID)
            return await self._issuer.caller(said)
        except UnauthenticatedError as error:
            raise self._counted(error, headers, peer) from error

    def _counted(
        self, error: UnauthenticatedError, headers: Headers, peer: str
    ) -> UnauthenticatedError | RateLimitedError:
        """Return what to raise for a failed attempt, once it is counted."""
        try:
            self._failures.hit(self.address(headers, peer))
        except RateLimitedError as limited:
            return limited
        error.headers = CHALLENGE
        return error

    def _allowed(self, caller: Caller, needed: Scope) -> Admitted:
        if needed not in caller.scopes:
            message = f"this needs the scope {needed}, which the caller does not have"
            raise ForbiddenError(message)
        return Admitted(caller, self._told)


@contextmanager
def naming(setting: str) -> Iterator[None]:
    """Turn what is wrong with a value into an error that names its variable."""
    try:
        yield
    except (ValueError, BackendError) as error:
        message = f"MNIST_{setting}: {error}"
        raise SettingInvalidError(message) from error


def credential(headers: Headers) -> str:
    """Return the key or token that came with a request; empty where none did."""
    key = headers.get(b"x-api-key")
    if key is not None:
        return key.decode("latin-1").strip()
    scheme, _, value = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
