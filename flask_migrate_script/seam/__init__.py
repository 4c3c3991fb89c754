"""The seam: the only place between Alembic and the database."""
