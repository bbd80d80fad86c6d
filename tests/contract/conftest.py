"""What the tests of the contract share: callers with keys, drawings, the database, the metrics.

Contract: every answer that a caller's client gets is held to the document at once, in a hook.
Addresses come from BACKEND_URL, METRICS_URL, PROMETHEUS_URL and DATABASE_URL, keys from the files
NAME.key in KEYS_DIR; the defaults are the names inside the pipeline. Where one of them is empty,
the tests that need it are skipped and say so. Does not start the service.
"""

import json
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
    """Return the document as the service gives it out; where it gives none, as it is committed."""
    answer = httpx.get(f"{stack.backend}/openapi.json", trust_env=False, timeout=PATIENCE_SECONDS)
    committed = os.environ.get("OPENAPI")
    if answer.status_code == 404 and committed:
        return Document(json.loads(Path(committed).read_text(encoding="utf-8")))
    return Document(answer.raise_for_status().json())


@pytest.fixture(scope="session")
def known() -> dict[str, str]:
    """Return the keys by the names of their files; none where there is no folder of them."""
    folder = os.environ.get("KEYS_DIR", "/keys")
    if not folder:
        return {}
    found = {path.stem: path.read_text().strip() for path in Path(folder).glob("*.key")}
    assert {*found} == {"first", "second", "admin"}, f"{folder} holds {sorted(found)}"
    return found


@pytest.fixture(scope="session")
def keys(known: dict[str, str]) -> dict[str, str]:
    """Return the keys by the names of their files."""
    if not known:
        pytest.skip("no keys were given")
    return known


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Return a copy of the environment, for a program that a test starts."""
    return dict(os.environ)


@pytest.fixture(scope="session")
def caller(stack: Stack, document: Document, known: dict[str, str]) -> Iterator[Caller]:
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
        headers = {"X-API-Key": known[name]} if name in known else {}
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
def first(caller: Caller, known: dict[str, str]) -> httpx.Client:
    """Return a client that may predict and give feedback; without keys, where nobody needs one."""
    client = caller("first")
    if not known and client.get("/api/v1/models").status_code == 401:
        pytest.skip("the service asks for a key, and no keys were given")
    return client


@pytest.fixture(scope="session")
def second(caller: Caller, keys: dict[str, str]) -> httpx.Client:
    """Return another client that may do the same."""
    assert "second" in keys
    return caller("second")


@pytest.fixture(scope="session")
def admin(caller: Caller, keys: dict[str, str]) -> httpx.Client:
    """Return a client that may do everything."""
    assert "admin" in keys
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
    if not address:
        pytest.skip("no address of the database was given")
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def service_log() -> Path:
    """Return the file with everything that the service has printed."""
    return Path(os.environ.get("SERVICE_LOG", "/service-logs/backend.log"))
