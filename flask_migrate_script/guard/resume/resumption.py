"""A run on MySQL or MariaDB in which interrupted migrations go on: one database, from its first step to its last."""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Callable, Iterator, List, Optional, Tuple

from ...errors import MigrateError
from ...seam.database import Call, find_revision
from ...seam.driver import driver_connection, is_autocommit, run
from ...seam.driver_errors import get_error_class
from .interrupted import group_by_revision, refuse_to_turn_round
from .replay import Resumable
from .table import Entry, JournalTable, find_table

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationStep
    from sqlalchemy.engine import Connection

_FIRST_ATOMIC = {"MariaDB": (10, 6), "MySQL": (8, 0)}
"""The releases whose DDL statements each take effect as a whole or not at all."""


@dataclass
class Resumption:
    """The journal of one database during one run.

    :param shown: its URL without the password.
    :param say: tells the person at the command line what is not a result.

    ``not_met`` is, after a failure, what had taken effect in an earlier run and was not come to in this one.
    """

    connection: Connection
    shown: str
    say: Callable[[str], None]
    running: Optional[Resumable] = None
    entries: List[Entry] = field(default_factory=list)
    table: Optional[JournalTable] = None
    begun: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    autocommit: bool = False
    opened: bool = False
    moving: bool = False
    warned: bool = False
    not_met: List[str] = field(default_factory=list)

    def handle(self, call: Call) -> Optional[bool]:
        """Make the driver's call, or skip it; return None where it is SQLAlchemy's to make."""
        return self.running.handle(call) if self.running else None

    @contextmanager
    def around_step(self, step: MigrationStep, schema: Optional[str]) -> Iterator[None]:
        """Journal what a script does, from when it begins until the version is about to move.

        :param schema: that of the version table.
        """
        from alembic.runtime.migration import StampStep

        self._open(schema)
        if self.table is None:
            yield
        elif isinstance(step, StampStep):
            self._forget_all(self.table)
            yield
        else:
            direction = "upgrade" if step.is_upgrade else "downgrade"
            self.running = self._make_resumable(find_revision(step), direction)
            yield  # after an error, keep() has to know what was running
            self._begin_to_move(self.running.always_autocommit)
            self.running.finish()
            self.running = None

    def keep(self) -> None:
        """After a failure, write down what took effect; where the connection is lost, what is there has to do."""
        if self.running:
            self.not_met = [" ".join(entry.text.split()) for entry in self.running.not_met]
            with suppress(Exception):
                self.running.keep()
            self.running = None

    @property
    def skipped(self) -> bool:
        """Whether the last statement was skipped, because it had taken effect in an earlier run."""
        return bool(self.running and self.running.skipped)

    def _begin_to_move(self, always_autocommit: bool) -> None:
        """In autocommit, begin the transaction in which the version moves and the journal goes."""
        if always_autocommit or is_autocommit(self.connection):
            run(driver_connection(self.connection), "START TRANSACTION")
            self.moving = True

    def end_move(self) -> None:
        """The version has moved."""
        if self.moving:
            self.table.commit() if self.table else driver_connection(self.connection).commit()
            self.moving = False

    def _forget_all(self, table: JournalTable) -> None:
        """Whoever stamps says where the database is: what was interrupted is then over."""
        self._begin_to_move(self.autocommit)
        for revision in sorted({entry.revision for entry in self.entries}):
            table.forget(revision)
            self.say(f"{self.shown}: the journal of revision {revision} is removed, as the database is stamped.")
        self.entries = []

    def _make_resumable(self, revision: str, direction: str) -> Resumable:
        assert self.table is not None
        found = {e.position: e for e in self.entries if (e.revision, e.direction) == (revision, direction)}
        if found:
            self.say(f"{self.shown}: revision {revision} was interrupted; it goes on after statement {max(found)}.")
        self.entries = [entry for entry in self.entries if entry.revision != revision]
        refuse_to_turn_round(group_by_revision(self.entries), direction)
        self._warn_of_others()
        return Resumable(
            revision, direction, self.connection, self.table, found, self.begun, always_autocommit=self.autocommit
        )

    def _warn_of_others(self) -> None:
        """Say once what else is half done in the database: what runs now may not expect it."""
        others = sorted({f"the {entry.direction} of {entry.revision}" for entry in self.entries})
        if others and not self.warned:
            self.say(f"{self.shown}: {' and '.join(others)} was interrupted and is not finished.")
            self.warned = True

    def _open(self, schema: Optional[str]) -> None:
        """Read the journal, and make it where there is none; once in a run."""
        if self.opened:
            return
        self.opened = True
        driver = driver_connection(self.connection)
        ((version, self.autocommit, database),) = run(driver, "SELECT VERSION(), @@SESSION.autocommit, DATABASE()")
        if not is_resumable(str(version)):
            self.say(f"{self.shown}: {version} is too old to go on with an interrupted migration: no journal is kept.")
            return
        table = find_table(self.connection, schema or database)  # a script may USE another one
        try:
            self.entries = table.open()
        except get_error_class(self.connection) as exc:  # a user who may not create tables
            self.say(f"{self.shown}: no journal is kept, because it cannot be opened: {exc}")
        else:
            self.table = table


def is_resumable(version: str) -> bool:
    """Return whether a server of this version, as it names it itself, has atomic DDL."""
    numbers = re.search(r"(\d+)\.(\d+)", re.sub(r"^5\.5\.5-", "", version))
    release: Tuple[int, ...] = tuple(map(int, numbers.groups())) if numbers else ()
    return release >= _FIRST_ATOMIC["MariaDB" if "mariadb" in version.lower() else "MySQL"]


@contextmanager
def wait_for_last_session(connection: Connection, timeout: float) -> Iterator[None]:
    """Run the block once the server is through with a session that a killed migration has left behind.

    The lock of :mod:`..lock` is on a connection of its own: it is free as soon as a process is killed, while the server
    is still at the last statement of that process. This one is on the connection of the migration.

    :param timeout: seconds to wait.
    :raises MigrateError: if it is at work still.
    """
    driver = driver_connection(connection)
    ((database,),) = run(driver, "SELECT DATABASE()")
    name = "flask_migrate_script." + hashlib.sha256(f"journal of {database}".encode()).hexdigest()[:32]
    if run(driver, f"SELECT GET_LOCK('{name}', {max(int(timeout), 0)})")[0][0] != 1:
        raise MigrateError(
            f"The server is still at a statement of a migration that was interrupted, after {timeout:g} seconds.",
            "Nothing was changed. Wait for it and run the command again, or give it longer: --lock-timeout SECONDS",
        )
    try:
        yield
    finally:
        with suppress(Exception):  # a connection that is lost has given it back already
            run(driver, f"SELECT RELEASE_LOCK('{name}')")
