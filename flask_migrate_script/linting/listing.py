"""The SQL of one migration, as PostgreSQL would be given it: written down, with no database at hand."""

from __future__ import annotations

import inspect
import logging
import os
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Iterator, List, TextIO, Tuple, cast

from ..console.stdout import divert_prints
from ..errors import MigrateError
from ..explanations.failure import named


@dataclass
class Listing:
    """SQL, and the lines of the revision file that it comes from; Alembic writes into it as into a file.

    :param path: the revision file.
    :param origins: the first line of each piece of the SQL, from 0, and the line of the file that wrote it.
    """

    path: str
    sql: str = ""
    origins: List[Tuple[int, int]] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.origins.append((self.sql.count("\n"), self._line()))
        self.sql += text

    def flush(self) -> None:
        """There is nothing behind it."""

    def origin(self, line: int) -> int:
        """Return the line of the revision file that a line of the SQL, from 0, comes from."""
        return next((wrote for first, wrote in reversed(self.origins) if first <= line), 1)

    def _line(self) -> int:
        here = (line for frame, line in traceback.walk_stack(None) if _same(frame.f_code.co_filename, self.path))
        return next(here, 1)


def listed(config: Any, scripts: Any, script: Any, names: List[str], metadata: Any) -> Listing:
    """Return the SQL of a migration.

    env.py is left out of it: the one for several databases writes into files of its own.

    :param config: an open Config.
    :param scripts: Alembic's ScriptDirectory.
    :param script: the revision, one of its Scripts.
    :param names: the databases to write it for, where its ``upgrade`` takes a name; the default one's is empty.
    :param metadata: the models' MetaData, for its naming convention.
    :raises MigrateError: if the migration cannot be written down without a database.
    """
    from alembic.operations import Operations
    from alembic.runtime.environment import EnvironmentContext

    found = Listing(os.path.abspath(script.path))
    upgrade = script.module.upgrade
    with _without_log("alembic.runtime.migration"), EnvironmentContext(config, scripts, as_sql=True) as environment:
        environment.configure(
            dialect_name="postgresql", output_buffer=cast(TextIO, found), target_metadata=metadata, literal_binds=True
        )
        with Operations.context(environment.get_context()), _no_statements(), _only_its_own_errors():
            for name in names if inspect.signature(upgrade).parameters else [None]:
                upgrade() if name is None else upgrade(name)
    return found


@contextmanager
def _without_log(name: str) -> Iterator[None]:
    """Alembic would say for every revision that static SQL is written for PostgreSQL, which is no news here."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _only_its_own_errors() -> Iterator[None]:
    """Migrations may read from the database, which is not there; what they print is no result."""
    try:
        with divert_prints():
            yield
    except (Exception, SystemExit) as error:
        raise MigrateError(error.problem if isinstance(error, MigrateError) else named(error)) from error


@contextmanager
def _no_statements() -> Iterator[None]:
    """Refuse every statement in this thread: a migration may have an engine or a session of its own."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    thread = threading.get_ident()

    def refuse(*args: Any) -> None:
        if threading.get_ident() == thread:
            raise MigrateError("it runs statements on a connection of its own")

    event.listen(Engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", refuse)


def _same(one: str, other: str) -> bool:
    return one == other or os.path.abspath(one) == other
