"""How often a caller may ask: a sliding window, in this process or in a store that replicas share.

Contract: `hit` counts a request and raises when the limit is reached; the error carries the headers
that tell when to come again. While a shared store does not answer, each replica counts for itself,
asks the store again every `PAUSE_SECONDS`, logs the outage once and counts it: an outage of the
limiter is no outage of the service. Does not know: who the caller is, or HTTP beyond its headers.
"""

import logging
import math
import time
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter as SharedWindow
from limits.errors import ConfigurationError, StorageError

from mnist_backend.errors import RateLimitedError

log = logging.getLogger(__name__)

MEMORY = "memory://"
STORES = ("redis", "rediss")
STORE_SECONDS = 0.5  # a store that takes longer than this is taken to be down
PAUSE_SECONDS = 1.0  # between two looks at a store that is down


class Window:
    """A sliding window in this process: hits of the window before weigh less, the older they are.

    It counts as the library does in a shared store. The library's own store of a process starts a
    thread for every hundredth of a second in which there are requests.
    """

    def __init__(self, item: RateLimitItem) -> None:
        """Begin with nothing."""
        self._amount = item.amount
        self._seconds = item.get_expiry()
        self._number = 0
        self._now: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def hit(self, key: str) -> bool:
        """Count a hit, if there were not too many; say whether it counts."""
        elapsed_ratio = self._turned()
        count = self._now.get(key, 0)
        if self._before.get(key, 0) * (1 - elapsed_ratio) + count >= self._amount:
            return False
        self._now[key] = count + 1
        return True

    def wait_seconds(self, key: str) -> float:
        """Return how long it takes until a hit counts again."""
        elapsed_ratio = self._turned()
        room, before = self._amount - self._now.get(key, 0), self._before.get(key, 0)
        until_ratio = 1 - room / before if 0 < room < before else float(room <= 0)
        return max(0.0, (until_ratio - elapsed_ratio) * self._seconds)

    def _turned(self) -> float:
        """Go on to the window of this moment and return how much of it is over."""
        number, elapsed = divmod(time.monotonic(), self._seconds)
        if number != self._number:
            self._before = self._now if number == self._number + 1 else {}
            self._now, self._number = {}, int(number)
        return elapsed / self._seconds


class Quota:
    """A limit and where it is counted; an empty limit lets everything pass."""

    def __init__(self, limit: str, store: str) -> None:
        """Take a limit in the notation of the library, for example 600/minute.

        Raises:
            ValueError: the limit or the store's address cannot be understood.
        """
        self.item: RateLimitItem | None = parse(limit) if limit else None
        self.local = store == MEMORY
        self.failures = 0
        self._down_until = float("-inf")
        self._down = False
        self._window = Window(self.item) if self.item else None
        if not self.local:
            self._storage = shared(store)
            self._shared = SharedWindow(self._storage)

    @property
    def policy(self) -> str:
        """The limit as the header RateLimit-Policy tells it."""
        if self.item is None:
            return ""
        return f'"default";q={self.item.amount};w={self.item.get_expiry()}'

    def hit(self, key: str) -> None:
        """Count a request in this process.

        Raises:
            RateLimitedError: there were too many.
        """
        if self._window and not self._window.hit(key):
            raise self._refusal(self._window.wait_seconds(key))

    async def hit_shared(self, key: str) -> None:
        """Count a request where all replicas count.

        Raises:
            RateLimitedError: there were too many.
        """
        if not self.item:
            return
        if time.monotonic() < self._down_until:
            self.failures += 1
            self.hit(key)
            return
        try:
            passes = await self._shared.hit(self.item, key)
            wait = 0.0
            if not passes:
                stats = await self._shared.get_window_stats(self.item, key)
                wait = stats.reset_time - time.time()
        except (StorageError, OSError) as error:
            self._note_outage(error)
            self.hit(key)
            return
        self._down = False
        if not passes:
            raise self._refusal(wait)

    async def close(self) -> None:
        """Close the connections to a shared store."""
        if not self.local:
            await self._storage.bridge.storage.aclose()  # type: ignore[attr-defined]  # a client of redis

    def _note_outage(self, error: Exception) -> None:
        self.failures += 1
        self._down_until = time.monotonic() + PAUSE_SECONDS
        if not self._down:
            log.error("the store of the rate limit does not answer: %s", type(error).__name__)
        self._down = True

    def _refusal(self, wait_seconds: float) -> RateLimitedError:
        wait = max(1, math.ceil(wait_seconds))
        error = RateLimitedError(f"the limit of {self.item} is reached; come again in {wait} s")
        limit = f'"default";r=0;t={wait}'
        error.headers = {
            "Retry-After": str(wait),
            "RateLimit": limit,
            "RateLimit-Policy": self.policy,
        }
        return error


def shared(address: str) -> RedisStorage:
    """Return a store by its address; it is not asked for anything yet.

    Raises:
        ValueError: the address cannot be understood; it is not repeated, for it holds a password.
    """
    scheme, _, place = address.partition("://")
    message = "must be memory:// or redis://HOST:PORT/NUMBER"
    if scheme not in STORES or not place:
        raise ValueError(message)
    waits: dict[str, Any] = {
        "socket_timeout": STORE_SECONDS,
        "socket_connect_timeout": STORE_SECONDS,
    }
    try:
        return RedisStorage(f"async+{scheme}://{place}", True, "redispy", **waits)
    except (ConfigurationError, ValueError) as error:
        raise ValueError(message) from error
