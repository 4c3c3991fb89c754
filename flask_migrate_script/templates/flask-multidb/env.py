"""Run by Alembic for every command that needs the databases or the models: the default one, if any, and every bind."""

import logging
from contextlib import ExitStack
from logging.config import fileConfig

from alembic import context
from flask import current_app
from sqlalchemy import MetaData

# True commits all databases together, where each of them has two-phase transactions (PostgreSQL, MySQL).
USE_TWOPHASE = False

config = context.config
if config.config_file_name:
    fileConfig(config.config_file_name, disable_existing_loggers=False)
logger = logging.getLogger("alembic.env")

state = current_app.extensions["migrate"]
db = state.db


def bind_names():
    """The names of the databases beside the default one."""
    binds = current_app.config.get("SQLALCHEMY_BINDS")
    if not binds and hasattr(db, "bind_names"):
        binds = db.bind_names()
    elif not binds and hasattr(db, "engines"):
        binds = [name for name in db.engines if name != "default"]  # Flask-SQLAlchemy-Lite's name for it
    return [name for name in binds or () if name]


def has_default():
    """An application may have binds alone; Flask-SQLAlchemy before 3 gives each a default database."""
    return not hasattr(db, "engines") or None in db.engines or "default" in db.engines


def database_engine(name):
    """The engine of a bind; the default one's name is empty."""
    if hasattr(db, "engines"):
        return db.engines[name or (None if None in db.engines else "default")]
    if hasattr(db, "get_engine"):
        return db.get_engine(bind=name or None)
    return db.engine


def database_url(name):
    """The whole URL, password included: for Alembic, not for printing."""
    url = database_engine(name).url
    return url.render_as_string(hide_password=False) if hasattr(url, "render_as_string") else str(url)


def models(name):
    """The MetaData of a bind; before Flask-SQLAlchemy 3, the tables of all binds are in one."""
    if hasattr(db, "metadatas"):
        return db.metadatas[name or None]
    own = MetaData()
    for table in db.metadata.tables.values():
        if (table.info.get("bind_key") or "") == name:
            (table.to_metadata if hasattr(table, "to_metadata") else table.tometadata)(own)
    return own


NAMES = [*([""] if has_default() else []), *bind_names()]

# A % in the file's settings begins a reference to another setting, so one in a URL is doubled.
for each in NAMES:
    config.set_section_option(
        each or config.config_ini_section, "sqlalchemy.url", database_url(each).replace("%", "%%")
    )


def write_no_empty_script(migration_context, revision, directives):
    """Where autogenerate finds nothing to do in any database, say so and write no file."""
    found = directives[0].upgrade_ops_list
    compared_all = getattr(config.cmd_opts, "autogenerate", False) and len(found) == len(NAMES)
    if compared_all and all(ops.is_empty() for ops in found):
        directives[:] = []
        logger.info("No changes in schema detected.")


def run_migrations_offline():
    """Write the SQL of each database into a file of its own, named after it."""
    for name in NAMES:
        path = "%s.sql" % name
        logger.info("Writing the SQL for database %s to %s", name or "<default>", path)
        with open(path, "w") as output:
            context.configure(
                url=database_url(name), output_buffer=output, target_metadata=models(name), literal_binds=True
            )
            with context.begin_transaction():
                context.run_migrations(engine_name=name)


def run_migrations_online():
    """Run the migrations in every database, each in a transaction; a failure in one rolls all back."""
    arguments = dict(state.configure_args)
    if arguments.get("process_revision_directives") is None:
        arguments["process_revision_directives"] = write_no_empty_script
    with ExitStack() as opened:
        connections = [opened.enter_context(database_engine(name).connect()) for name in NAMES]
        transactions = [one.begin_twophase() if USE_TWOPHASE else one.begin() for one in connections]
        try:
            for name, connection in zip(NAMES, connections):
                logger.info("Migrating database %s", name or "<default>")
                context.configure(
                    connection=connection,
                    upgrade_token="%s_upgrades" % name,
                    downgrade_token="%s_downgrades" % name,
                    target_metadata=models(name),
                    **arguments,
                )
                context.run_migrations(engine_name=name)
            if USE_TWOPHASE:
                for transaction in transactions:
                    transaction.prepare()
        except BaseException:
            for transaction in transactions:
                transaction.rollback()
            raise
        for transaction in transactions:
            transaction.commit()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
