"""Brings the tables of a database to the state this code expects, revision by revision.

Contract: each function works in the transaction of the connection it is given, so a database is
moved wholly or not at all; replicas that do it at once wait for each other. A database that a newer
release has moved further is left alone: revisions only ever add, until no older release runs.
Does not know: what the tables are for, or how a database is reached.
"""

import logging
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

log = logging.getLogger(__name__)

MOVING = threading.Lock()  # Alembic has one context for the whole process
MOVING_KEY = 0x6D6E697374  # of PostgreSQL's advisory lock


def upgrade(connection: Connection) -> None:
    """Move the database to the newest revision this code knows."""
    config = _config(connection)
    scripts = ScriptDirectory.from_config(config)
    with MOVING:
        if connection.dialect.name == "postgresql":  # SQLite's writers wait for each other anyway
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MOVING_KEY})
        present = {*MigrationContext.configure(connection).get_current_heads()}
        unknown = present - {script.revision for script in scripts.walk_revisions()}
        if unknown:
            log.warning("the database is at %s, newer than this release", ", ".join(unknown))
        elif present != {*scripts.get_heads()}:
            command.upgrade(config, "head")


def downgrade(connection: Connection, revision: str = "base") -> None:
    """Move the database back to a revision; base is an empty one."""
    with MOVING:
        command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
