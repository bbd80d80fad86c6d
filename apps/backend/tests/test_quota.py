"""How often a caller may ask."""

import asyncio
import time

import pytest
from limits import parse

from mnist_backend import quota
from mnist_backend.errors import RateLimitedError
from mnist_backend.quota import Quota, Window

from . import valkey as stores
from .conftest import MakeClient, serving_of
from .valkey import Valkey

valkey = stores.valkey
BLANK = {"image": [0.0] * 784}
MEMORY = "memory://"


def test_the_limit_is_the_limit() -> None:
    """As many requests as were promised pass, the next one is told when to come again."""
    quota = Quota("5/minute", MEMORY)
    for _ in range(5):
        quota.hit("a")
    with pytest.raises(RateLimitedError, match="5 per 1 minute") as refusal:
        quota.hit("a")
    headers = refusal.value.headers
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert headers["RateLimit"] == f'"default";r=0;t={headers["Retry-After"]}'
    assert headers["RateLimit-Policy"] == '"default";q=5;w=60'


def test_the_window_slides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hits of the window before weigh less, the older they are, and those before it nothing."""
    window = Window(parse("10/minute"))

    def hits(seconds: float) -> int:
        monkeypatch.setattr(time, "monotonic", lambda: 600 + seconds)
        return sum(window.hit("a") for _ in range(20))

    assert hits(30) == 10
    assert window.wait_seconds("a") == 30
    assert hits(60) == 0
    assert hits(75) == 3
    assert window.wait_seconds("a") == pytest.approx(3)
    assert hits(78.1) == 1
    assert hits(300) == 10


def test_callers_do_not_share_a_limit() -> None:
    """One caller's haste is not another's."""
    quota = Quota("1/minute", MEMORY)
    quota.hit("a")
    quota.hit("b")
    with pytest.raises(RateLimitedError):
        quota.hit("a")


def test_no_limit_lets_everything_pass() -> None:
    """An empty limit is none."""
    quota = Quota("", MEMORY)
    for _ in range(100):
        quota.hit("a")
    assert quota.policy == ""


@pytest.mark.parametrize("limit", ["many", "5", "5/fortnight"])
def test_a_limit_that_is_not_understood_is_refused(limit: str) -> None:
    """A typing error is told at the start, not at the first request."""
    with pytest.raises(ValueError, match=r"couldn't parse|no granularity"):
        Quota(limit, MEMORY)


def test_replicas_share_one_limit(valkey: Valkey) -> None:
    """Two replicas let together as many requests pass as one would."""

    async def ask() -> list[RateLimitedError]:
        replicas = [Quota("10/minute", valkey.address) for _ in range(2)]
        refused = []
        for number in range(20):
            try:
                await replicas[number % 2].hit_shared("a")
            except RateLimitedError as error:
                refused.append(error)
        for replica in replicas:
            await replica.close()
        return refused

    refused = asyncio.run(ask())
    assert len(refused) == 10
    assert all(int(error.headers["Retry-After"]) >= 1 for error in refused)


def test_a_replica_counts_alone_while_the_store_is_down(
    valkey: Valkey, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outage is logged once and counted, the limit holds, and the store is used again."""
    monkeypatch.setattr(quota, "PAUSE_SECONDS", 0.05)

    async def ask() -> int:
        limited = Quota("3/minute", valkey.address)
        await limited.hit_shared("a")
        valkey.kill()
        for _ in range(3):
            await limited.hit_shared("b")
        with pytest.raises(RateLimitedError):
            await limited.hit_shared("b")
        during = limited.failures
        valkey.start()
        await asyncio.sleep(2 * quota.PAUSE_SECONDS)
        for _ in range(3):
            await limited.hit_shared("b")
        with pytest.raises(RateLimitedError):
            await limited.hit_shared("b")
        assert limited.failures == during
        await limited.close()
        return during

    assert asyncio.run(ask()) == 4
    assert len([m for m in caplog.messages if "does not answer" in m]) == 1


@pytest.mark.parametrize("store", ["redis:/nowhere", "http://h:1", "a://b"])
def test_a_store_that_is_none_is_refused(store: str) -> None:
    """The refusal says what an address looks like and does not repeat this one."""
    with pytest.raises(ValueError, match="must be memory:// or redis://") as refusal:
        Quota("1/minute", store)
    assert store not in str(refusal.value).replace("memory://", "").replace("redis://", "")


def test_two_applications_share_a_limit_over_http(valkey: Valkey, make_client: MakeClient) -> None:
    """Two replicas answer together as many predictions as one would, and refuse in words."""
    shared = {"rate_limit": "6/minute", "rate_store": valkey.address}
    replicas = [make_client(**shared) for _ in range(2)]
    answers = [replicas[n % 2].post("/api/v1/predict", json=BLANK) for n in range(10)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429] * 4
    assert answers[0].headers["ratelimit-policy"] == '"default";q=6;w=60'
    refused = answers[-1]
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"].startswith('"default";r=0;t=')
    assert refused.json()["type"] == "urn:mnist-backend:problem:rate-limited"


def test_an_outage_of_the_store_is_none_of_the_service(
    valkey: Valkey, make_client: MakeClient
) -> None:
    """With the shared store gone every prediction is answered, and the metrics say so."""
    client = make_client(rate_limit="100/minute", rate_store=valkey.address)
    valkey.kill()
    answers = [client.post("/api/v1/predict", json=BLANK).status_code for _ in range(5)]
    assert answers == [200] * 5
    page = serving_of(client).metrics.render().decode()
    assert "rate_limit_store_failures_total 5.0" in page
    assert "# TYPE rate_limit_store_failures_total counter" in page
