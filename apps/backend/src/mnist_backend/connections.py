"""Opens SQLite files and PostgreSQL servers so that no call to one lasts for ever.

Contract: an address is refused at once or opened at first use; what fails inside of `faults_named`
raises a `BackendError` without address, password or values in its text. A limit that the address
itself gives is kept.
Does not know: tables, or what is asked of them.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as File
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic.util import CommandError
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import event
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
    StatementError,
)

from mnist_backend.errors import BackendError, DatabaseUnavailableError, RecordRefusedError

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 4
MIGRATION_SECONDS = 300
PRAGMAS = ("foreign_keys=ON", "synchronous=NORMAL")  # a file is left to itself in WAL mode
ODDITIES = (TypeError, ValueError, ArithmeticError)  # a driver's, about the values it was given


class BoundedConnection(psycopg.Connection[Any]):
    """Waits for a frozen server no longer than for another: its own limits froze with it."""

    wait_seconds = STATEMENT_SECONDS + 1.0

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for an answer; a connection that still owes one is of no more use."""
        try:
            return super().wait(gen, interval, timeout or self.wait_seconds)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
            raise


class MovingConnection(BoundedConnection):
    """Waits as long as a migration may take."""

    wait_seconds = MIGRATION_SECONDS + 1.0


def parsed(text: str) -> sa.URL:
    """Read an address; one of an unknown kind is refused without being repeated."""
    try:
        url = sa.make_url(text)
    except ArgumentError:
        url = sa.URL.create("unreadable")
    if url.drivername in {"postgresql", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database not in {None, "", ":memory:"}:
        return url
    message = "the address of the database is neither sqlite:///FILE nor postgresql://HOST/NAME"
    raise DatabaseUnavailableError(message)


def opened(url: sa.URL, kind: type[BoundedConnection] = BoundedConnection) -> sa.Engine:
    """Make a pool of connections, without one yet; the option `writes` is for transactions."""
    options: dict[str, Any] = {"hide_parameters": True, "json_serializer": _json}
    if url.drivername == "sqlite":
        engine = sa.create_engine(url, connect_args={"timeout": STATEMENT_SECONDS}, **options)
        event.listen(engine, "connect", _prepare_file)
        event.listen(engine, "begin", _begin_in_file)
        return engine
    engine = sa.create_engine(
        url,
        connect_args=_limits(url, kind),
        pool_pre_ping=True,
        pool_timeout=CONNECT_SECONDS,
        **options,
    )
    event.listen(engine, "do_connect", _connector(kind))
    return engine


@contextmanager
def moving(url: sa.URL) -> Iterator[sa.Connection]:
    """Open one transaction in which tables are made; it may take minutes."""
    if url.drivername == "sqlite":
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = opened(url, MovingConnection)
    try:
        if url.drivername == "sqlite":
            _write_ahead(engine)
        with engine.execution_options(writes=True).begin() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def faults_named() -> Iterator[None]:
    """Turn what drivers raise into this package's errors."""
    try:
        yield
    except (SQLAlchemyError, CommandError, OSError, *ODDITIES) as error:
        raise _named(error) from error


def _named(error: Exception) -> BackendError:
    cause = getattr(error, "orig", None) or error
    codes = (getattr(cause, name, None) for name in ("sqlstate", "sqlite_errorname"))
    reason = " ".join([type(cause).__name__, *filter(None, codes)])
    converted = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
    if converted or isinstance(error, (IntegrityError, DataError, *ODDITIES)):
        return RecordRefusedError(f"the database does not take these values ({reason})")
    return DatabaseUnavailableError(f"the database does not answer ({reason})")


def _json(value: object) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _limits(url: sa.URL, kind: type[BoundedConnection]) -> dict[str, Any]:
    settings = {
        "statement_timeout": int(kind.wait_seconds) - 1,
        "lock_timeout": STATEMENT_SECONDS - 1,
        "idle_in_transaction_session_timeout": int(kind.wait_seconds),
    }
    limits = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": STATEMENT_SECONDS * 1000,
        "keepalives_idle": STATEMENT_SECONDS,
        "keepalives_interval": 1,
        "keepalives_count": STATEMENT_SECONDS,
        "application_name": "mnist-backend",
        "options": " ".join(f"-c {name}={value}s" for name, value in settings.items()),
    }
    return {name: value for name, value in limits.items() if name not in url.query}


def _connector(kind: type[BoundedConnection]) -> Callable[..., BoundedConnection]:
    def connect(_: object, __: object, args: list[Any], named: dict[str, Any]) -> BoundedConnection:
        return kind.connect(*args, **named)

    return connect


def _prepare_file(file: File, _: object) -> None:
    file.isolation_level = None  # transactions begin where `_begin_in_file` says so
    for pragma in PRAGMAS:
        file.execute(f"PRAGMA {pragma}")


def _begin_in_file(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(engine: sa.Engine) -> None:
    file = engine.raw_connection()
    try:
        file.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        file.close()
