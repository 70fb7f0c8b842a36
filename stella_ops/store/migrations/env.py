"""Run by Alembic: migrates the connection that ``store.schema.migrate`` hands over."""

from alembic import context

from stella_ops.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
