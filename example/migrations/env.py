"""Run by Alembic for every command that needs the database or the models."""

import logging
from logging.config import fileConfig

from alembic import context
from flask import current_app

config = context.config
if config.config_file_name:
    fileConfig(config.config_file_name, disable_existing_loggers=False)
logger = logging.getLogger("alembic.env")

state = current_app.extensions["migrate"]
db = state.db


def database_engine():
    """The application's engine: Flask-SQLAlchemy's, or that of any object with `engine` or `get_engine()`."""
    return db.engine if hasattr(db, "engine") else db.get_engine()


def database_url():
    """The whole URL, password included: for Alembic, not for printing."""
    url = database_engine().url
    return url.render_as_string(hide_password=False) if hasattr(url, "render_as_string") else str(url)


def models():
    """The MetaData that autogenerate compares the database with."""
    return db.metadatas[None] if hasattr(db, "metadatas") else db.metadata


# A % in the file's settings begins a reference to another setting, so one in the URL is doubled.
config.set_main_option("sqlalchemy.url", database_url().replace("%", "%%"))


def write_no_empty_script(migration_context, revision, directives):
    """Where autogenerate finds nothing to do, say so and write no file."""
    if getattr(config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []
        logger.info("No changes in schema detected.")


def run_migrations_offline():
    """Write the SQL out; no database is needed, only its URL."""
    context.configure(url=database_url(), target_metadata=models(), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online():
    """Run the migrations on a connection of the application's engine."""
    arguments = dict(state.configure_args)
    if arguments.get("process_revision_directives") is None:
        arguments["process_revision_directives"] = write_no_empty_script
    with database_engine().connect() as connection:
        context.configure(connection=connection, target_metadata=models(), **arguments)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
