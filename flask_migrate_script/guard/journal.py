"""The journal: where DDL cannot be rolled back, an interrupted migration goes on where it stopped."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Callable, Iterator, Optional

from ..seam.database import Call, Database
from ..seam.parts import Part
from .resume import has_journal

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationStep

    from .resume.resumption import Resumption


class Journal(Part):
    """Lets an interrupted migration go on where it stopped, on MySQL and MariaDB.

    :param timeout: seconds to wait for a session that a killed migration has left behind; None to wait for none.
    """

    def __init__(self, timeout: Optional[float]) -> None:
        self.timeout = timeout

    def configuring(self, database: Database) -> None:
        if has_journal(database.connection):
            from .resume.resumption import Resumption

            database.state[Journal] = Resumption(database.connection, database.shown, database.say)

    @contextmanager
    def around_step(self, database: Database, step: MigrationStep) -> Iterator[None]:
        resumption = find_resumption(database)
        if resumption is None:
            yield
            return
        assert database.context is not None
        with resumption.around_step(step, database.context.version_table_schema):
            yield

    def step_over(self, database: Database, step: MigrationStep) -> None:
        resumption = find_resumption(database)
        if resumption is not None:
            resumption.end_move()

    @contextmanager
    def around_run(self, database: Database) -> Iterator[None]:
        resumption = find_resumption(database)
        if resumption is None:
            yield
            return
        from .resume.resumption import wait_for_last_session

        alone = nullcontext() if self.timeout is None else wait_for_last_session(database.connection, self.timeout)
        with alone:
            try:
                yield
            except BaseException:
                resumption.keep()
                raise

    def execute(self, database: Database, call: Call) -> Optional[bool]:
        resumption = find_resumption(database)
        return resumption.handle(call) if resumption else None


class HiddenJournal(Part):
    """Keeps the journal's table out of autogenerate's sight."""

    def configuring(self, database: Database) -> None:
        if has_journal(database.connection):
            database.arguments["include_object"] = hide_journal(database.arguments.get("include_object"))


def find_resumption(database: Database) -> Optional[Resumption]:
    """Return the journal of a database during this run; None where it keeps none."""
    found: Optional[Resumption] = database.state.get(Journal)
    return found


def hide_journal(include_object: Optional[Callable[..., bool]]) -> Callable[..., bool]:
    """Return env.py's ``include_object``, which never sees the journal."""

    from .resume.table import NAME

    def include(thing: Any, name: Any, kind: str, *others: Any, **named: Any) -> bool:
        if kind == "table" and name == NAME:
            return False
        return include_object is None or bool(include_object(thing, name, kind, *others, **named))

    return include
