"""What Alembic runs around the revisions: they share the transaction of the caller's connection.

Contract: run by Alembic alone, with a connection among the attributes of its configuration.
Does not know: which revisions there are, or how a database is reached.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
