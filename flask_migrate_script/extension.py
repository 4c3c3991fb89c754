"""Migrate: what an application registers, and the state it keeps in ``app.extensions["migrate"]``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, TypeVar, Union

from . import startup
from .registry import register

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy import MetaData

    from .config import Config

startup.explain_databases()

Callback = Callable[["Config"], Optional["Config"]]
CallbackT = TypeVar("CallbackT", bound=Callback)
PathLike = Union[str, "os.PathLike[str]"]
Database = Any
"""A Flask-SQLAlchemy object, or any object with ``metadata`` and an ``engine``."""


class MigrateState:
    """What env.py files read from ``current_app.extensions["migrate"]``.

    :param migrate: the :class:`Migrate` that was registered.
    :param db: the application's database object.
    :param configure_args: keyword arguments that env.py passes on to ``context.configure``.
    """

    def __init__(self, migrate: Migrate, db: Database, configure_args: Dict[str, object]) -> None:
        self.migrate = migrate
        self.db = db
        self.directory = migrate.directory
        self.configure_args = configure_args

    @property
    def metadata(self) -> MetaData:
        """The models' MetaData; env.py files of the first releases read it here."""
        metadata: MetaData = self.db.metadata
        return metadata


class Migrate:
    """Database migrations for a Flask application, on its own or as ``init_app`` later.

    :param app: the application, or None for an application factory.
    :param db: a Flask-SQLAlchemy object, or any object with ``metadata`` and an ``engine``.
    :param directory: the migrations folder, from the folder the command is run in.
    :param command: the name of the command group in ``flask``; of several on one application, each has its own.
    :param compare_type: autogenerate sees changed column types.
    :param render_as_batch: autogenerate writes ALTER TABLE as batch operations, which SQLite needs.
    :param kwargs: any other argument of Alembic's ``context.configure``; a keyword that env.py itself passes wins.
    """

    def __init__(
        self,
        app: Optional[Flask] = None,
        db: Database = None,
        directory: PathLike = "migrations",
        command: str = "db",
        compare_type: bool = True,
        render_as_batch: bool = True,
        **kwargs: object,
    ) -> None:
        self.configure_callbacks: List[Callback] = []
        self.db = db
        self.command = command
        self.directory = str(directory)
        self.alembic_ctx_kwargs: Dict[str, object] = {
            **kwargs,
            "compare_type": compare_type,
            "render_as_batch": render_as_batch,
        }
        if app is not None and db is not None:
            self.init_app(app)

    def init_app(
        self,
        app: Flask,
        db: Database = None,
        directory: Optional[PathLike] = None,
        command: Optional[str] = None,
        compare_type: Optional[bool] = None,
        render_as_batch: Optional[bool] = None,
        **kwargs: object,
    ) -> None:
        """Register the extension on an application; an argument that is left out keeps the constructor's value.

        :raises MigrateError: if another Migrate has the same ``command`` there, and another database or folder.
        """
        if db is not None:
            self.db = db
        self.command = command or self.command
        self.directory = str(directory or self.directory)
        defaults = {"compare_type": compare_type, "render_as_batch": render_as_batch}
        self.alembic_ctx_kwargs.update(kwargs)
        self.alembic_ctx_kwargs.update((name, value) for name, value in defaults.items() if value is not None)
        if not hasattr(app, "extensions"):
            app.extensions = {}
        register(app, self.command, MigrateState(self, self.db, dict(self.alembic_ctx_kwargs)))
        self._add_to_flask(app)

    def _add_to_flask(self, app: Flask) -> None:
        if hasattr(app, "cli"):
            from .cli import DatabaseGroup

            app.cli.add_command(DatabaseGroup(self.command), self.command)

    def configure(self, f: CallbackT) -> CallbackT:
        """Register a function that may change the Alembic Config before every verb (a decorator).

        :param f: takes the :class:`Config` and returns it, or another one.
        """
        self.configure_callbacks.append(f)
        return f

    def call_configure_callbacks(self, config: Config) -> Config:
        """Return the Config as the registered functions leave it."""
        for callback in self.configure_callbacks:
            config = callback(config) or config
        return config

    def get_config(
        self,
        directory: Optional[PathLike] = None,
        x_arg: Union[str, Sequence[str], None] = None,
        opts: Optional[Sequence[str]] = None,
    ) -> Config:
        """Return the Alembic Config for this application's migrations.

        :param directory: the migrations folder; the registered one by default.
        :param x_arg: one or more ``name=value`` for env.py's ``context.get_x_argument()``.
        :param opts: names to set to True in ``config.cmd_opts``.
        """
        from .config import make_config

        return make_config(self, str(directory or self.directory), x_arg, opts or ())
