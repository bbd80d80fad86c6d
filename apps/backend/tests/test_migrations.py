"""The revisions of the tables, on both databases."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mnist_backend import connections, migrations
from mnist_backend.database import Database
from mnist_backend.errors import DatabaseUnavailableError
from mnist_backend.migrations.tables import TABLES

from . import postgres
from .postgres import SOURCE, make_record

database_url = postgres.database_url
database = postgres.database

MIGRATE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from mnist_backend.database import Database
Database(sys.argv[2], Path()).migrate()
"""


def shape(connection: sa.Connection) -> dict[str, Any]:
    """Describe every table as the database itself does."""
    inspector = sa.inspect(connection)
    return {
        table: (
            [{**column, "type": str(column["type"])} for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table),
            inspector.get_foreign_keys(table),
            sorted(inspector.get_indexes(table), key=str),
            sorted(inspector.get_check_constraints(table), key=str),
        )
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def test_revisions_lead_to_the_tables_in_use(database_url: str) -> None:
    """Alembic finds no difference between the migrated database and the tables."""
    with connections.moving(connections.parsed(database_url)) as connection:
        migrations.upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection), TABLES) == []


def test_constraints_are_the_same_in_both(database_url: str) -> None:
    """Columns, keys, indexes and checks of revisions and tables are the same to the database."""
    with connections.moving(connections.parsed(database_url)) as connection:
        migrations.upgrade(connection)
        migrated = shape(connection)
        migrations.downgrade(connection)
        TABLES.create_all(connection)
        assert set(migrated) == {"predictions", "feedback"}
        assert shape(connection) == migrated


def test_a_downgrade_leaves_nothing_and_can_be_undone(database_url: str) -> None:
    """Down to the base there is no table, and up again all of them."""
    with connections.moving(connections.parsed(database_url)) as connection:
        migrations.upgrade(connection)
        migrations.downgrade(connection)
        assert shape(connection) == {}
        migrations.upgrade(connection)
        assert set(shape(connection)) == {"predictions", "feedback"}


def test_a_second_migration_keeps_the_rows(database: Database) -> None:
    """A database that is where it should be stays as it is."""
    database.insert([make_record()])
    database.migrate()
    assert database.count() == 1


def test_replicas_migrate_at_once(database_url: str, tmp_path: Path) -> None:
    """Four processes that start together all find the tables made."""
    command = [sys.executable, "-c", MIGRATE, SOURCE, database_url]
    running = [subprocess.Popen(command) for _ in range(4)]  # noqa: S603  this Python
    assert [process.wait(60) for process in running] == [0] * 4
    database = Database(database_url, tmp_path)
    assert database.count() == 0
    database.close()


def test_a_migration_that_fails_leaves_nothing(database_url: str, tmp_path: Path) -> None:
    """The first table is not there when the second cannot be made."""
    address = connections.parsed(database_url)
    with connections.moving(address) as connection:
        connection.exec_driver_sql("CREATE TABLE feedback (something INTEGER)")
    database = Database(database_url, tmp_path)
    with pytest.raises(DatabaseUnavailableError):
        database.migrate()
    with connections.moving(address) as connection:
        assert sa.inspect(connection).get_table_names() == ["feedback"]


def test_a_newer_database_is_left_alone(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A release that was rolled back goes on with the tables of the newer one."""
    database = Database(database_url, tmp_path)
    database.migrate()
    with connections.moving(connections.parsed(database_url)) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.migrate()
    database.insert([make_record()])
    assert database.count() == 1
    assert "9999" in caplog.text
    database.close()
