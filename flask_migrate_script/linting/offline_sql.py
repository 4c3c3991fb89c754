"""The SQL of one migration, as PostgreSQL would be given it: written down, with no database at hand."""

from __future__ import annotations

import inspect
import logging
import os
import sys
import threading
import traceback
from bisect import bisect_right
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Iterator, List, Optional, TextIO, Tuple, cast

from ..console.stdout import divert_prints
from ..errors import MigrateError
from ..explanations.failure import name_error

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy import MetaData


@dataclass
class Listing:
    """SQL, and the lines of the revision file that it comes from; Alembic writes into it as into a file.

    :param path: the revision file.
    :param pieces: the SQL, as it was written.
    :param origins: the first line of each piece of the SQL, from 0, and the line of the file that wrote it.
    """

    path: str
    pieces: List[str] = field(default_factory=list)
    origins: List[Tuple[int, int]] = field(default_factory=list)
    lines: int = 0

    @property
    def sql(self) -> str:
        return "".join(self.pieces)

    def write(self, text: str) -> None:
        self.origins.append((self.lines, self._find_line()))
        self.pieces.append(text)
        self.lines += text.count("\n")

    def flush(self) -> None:
        """There is nothing behind it."""

    def find_origin(self, line: int) -> int:
        """Return the line of the revision file that a line of the SQL, from 0, comes from."""
        place = bisect_right(self.origins, (line, sys.maxsize))
        return self.origins[place - 1][1] if place else 1

    def _find_line(self) -> int:
        here = (line for frame, line in traceback.walk_stack(None) if _is_same(frame.f_code.co_filename, self.path))
        return next(here, 1)


def list_sql(
    config: Config, scripts: ScriptDirectory, script: Script, names: List[str], metadata: Optional[MetaData]
) -> Listing:
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
    with _silence_log("alembic.runtime.migration"), EnvironmentContext(config, scripts, as_sql=True) as environment:
        environment.configure(
            dialect_name="postgresql", output_buffer=cast(TextIO, found), target_metadata=metadata, literal_binds=True
        )
        with Operations.context(environment.get_context()), _refuse_statements(), _convert_errors():
            for name in names if inspect.signature(upgrade).parameters else [None]:
                upgrade() if name is None else upgrade(name)
    return found


@contextmanager
def _silence_log(name: str) -> Iterator[None]:
    """Alembic would say for every revision that static SQL is written for PostgreSQL, which is no news here."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _convert_errors() -> Iterator[None]:
    """Migrations may read from the database, which is not there; what they print is no result."""
    try:
        with divert_prints():
            yield
    except (Exception, SystemExit) as error:
        raise MigrateError(error.problem if isinstance(error, MigrateError) else name_error(error)) from error


@contextmanager
def _refuse_statements() -> Iterator[None]:
    """Refuse every statement in this thread: a migration may have an engine or a session of its own."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    thread = threading.get_ident()

    def refuse(*args: object) -> None:
        if threading.get_ident() == thread:
            raise MigrateError("it runs statements on a connection of its own")

    event.listen(Engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", refuse)


def _is_same(one: str, other: str) -> bool:
    return one == other or os.path.abspath(one) == other
