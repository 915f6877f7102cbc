"""Runs the migrations on the connection that `database.migrate` lends."""

from __future__ import annotations

from alembic import context

from storygen.jobs.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
