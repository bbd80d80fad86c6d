"""What the tests of the contract share: callers with keys, drawings, the database, the metrics.

Contract: every answer that a caller's client gets is held to the document at once, in a hook.
Addresses come from BACKEND_URL, METRICS_URL, PROMETHEUS_URL and DATABASE_URL, keys from the files
NAME.key in KEYS_DIR; the defaults are the names inside the pipeline. Does not start the service.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from document import Document
from metrics import Metrics

from conftest import Stack

PATIENCE_SECONDS = 60.0
DATABASE_URL = "postgresql://postgres@postgresql/mnist"

Caller = Callable[[str], httpx.Client]


@pytest.fixture(scope="session")
def document(stack: Stack) -> Document:
    """Return the document as the service gives it out."""
    answer = httpx.get(f"{stack.backend}/openapi.json", trust_env=False, timeout=PATIENCE_SECONDS)
    return Document(answer.raise_for_status().json())


@pytest.fixture(scope="session")
def keys() -> dict[str, str]:
    """Return the keys by the names of their files."""
    folder = Path(os.environ.get("KEYS_DIR", "/keys"))
    found = {path.stem: path.read_text().strip() for path in folder.glob("*.key")}
    assert {*found} == {"first", "second", "admin"}, f"{folder} holds {sorted(found)}"
    return found


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Return a copy of the environment, for a program that a test starts."""
    return dict(os.environ)


@pytest.fixture(scope="session")
def caller(stack: Stack, document: Document, keys: dict[str, str]) -> Iterator[Caller]:
    """Make a client for the holder of a key, or for nobody."""
    made: list[httpx.Client] = []

    def hold(answer: httpx.Response) -> None:
        request = answer.request
        media_type = answer.headers.get("content-type", "")
        faults = document.faults(
            request.method, request.url.path, answer.status_code, media_type, answer.read()
        )
        assert faults == [], answer.text[:500]

    def make(name: str) -> httpx.Client:
        headers = {"X-API-Key": keys[name]} if name in keys else {}
        hooks = {"response": [hold]}
        options = {"trust_env": False, "timeout": PATIENCE_SECONDS}
        made.append(
            httpx.Client(base_url=stack.backend, headers=headers, event_hooks=hooks, **options)
        )
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="session")
def first(caller: Caller) -> httpx.Client:
    """Return a client that may predict and give feedback."""
    return caller("first")


@pytest.fixture(scope="session")
def second(caller: Caller) -> httpx.Client:
    """Return another client that may do the same."""
    return caller("second")


@pytest.fixture(scope="session")
def admin(caller: Caller) -> httpx.Client:
    """Return a client that may do everything."""
    return caller("admin")


@pytest.fixture(scope="session")
def nobody(caller: Caller) -> httpx.Client:
    """Return a client without a key."""
    return caller("nobody")


@pytest.fixture(scope="session")
def metrics(stack: Stack) -> Callable[[], Metrics]:
    """Read what the service counts, on the port that is for that."""

    def read() -> Metrics:
        answer = httpx.get(stack.metrics, trust_env=False, timeout=PATIENCE_SECONDS)
        return Metrics(answer.raise_for_status().text)

    return read


@pytest.fixture(scope="session")
def database() -> Iterator[psycopg.Connection]:
    """Return a connection to the service's own database."""
    address = os.environ.get("DATABASE_URL", DATABASE_URL)
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def service_log() -> Path:
    """Return the file with everything that the service has printed."""
    return Path(os.environ.get("SERVICE_LOG", "/service-logs/backend.log"))
