"""Told exactly: what ran in a database since its last commit, kept in memory, and what is true after a failure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Optional, Tuple

from ..invocation import current
from ..seam.driver import driver_connection, in_transaction, is_autocommit, run
from ..sql import mysql as statements

if TYPE_CHECKING:
    from .resume.resumption import Resumption

_READS = ("SELECT", "SHOW", "PRAGMA", "EXPLAIN", "DESCRIBE", "DESC", "SET", "SAVEPOINT", "RELEASE")
_ENDS = re.compile(r"\s*(?:BEGIN|COMMIT|END|ROLLBACK|ABORT)\b", re.I)
_ROLLS_BACK = re.compile(r"\s*(?:ROLLBACK|ABORT)\b(?!.*\bTO\b)", re.I | re.S)
ROLLS_BACK_DDL = ("postgresql", "sqlite", "mssql")
"""Dialects whose DDL is part of the transaction; SQLite's is under the guard."""

SHOWN_STATEMENTS = 20


@dataclass
class Journal:
    """One database during one run of a verb.

    :param name: ``"default"`` or the bind key, empty where the repository has one database.
    :param shown: its URL without the password.
    :param version_table: its name as it stands in statements.
    :param external: a transaction was open before Alembic came.
    :param transaction: the one of SQLAlchemy's that Alembic or env.py is to end.
    :param resumption: its journal on disk, where it has one.
    """

    name: str
    shown: str
    connection: Any
    version_table: str = "alembic_version"
    schema: Optional[str] = None
    resumption: Optional[Resumption] = None
    external: bool = False
    transaction: Any = None
    running: str = ""
    direction: str = "upgrade"
    executed: List[str] = field(default_factory=list)
    lasting: List[str] = field(default_factory=list)
    finished: List[str] = field(default_factory=list)
    committed: List[str] = field(default_factory=list)
    before: Tuple[str, ...] = ()
    lost: List[str] = field(default_factory=list)
    begun: bool = False

    def attach(self) -> None:
        """Follow the connection's statements and transactions from now on."""
        from sqlalchemy import event

        event.listen(self.connection, "before_cursor_execute", self._before_execute)
        event.listen(self.connection, "after_cursor_execute", self._after_execute)
        event.listen(self.connection, "commit", self._commit)
        event.listen(self.connection, "rollback", self._rollback)

    def steps(self, fn: Callable[..., Iterable[Any]]) -> Callable[..., Iterator[Any]]:
        """Return Alembic's function that yields the steps, so that it is known which one is running."""

        def noted(heads: Any, context: Any) -> Iterator[Any]:
            self.before = tuple(heads)
            for step in fn(heads, context):
                self.running, self.begun = _revision_of(step), True
                self.direction = "upgrade" if step.is_upgrade else "downgrade"
                self.executed, self.lasting = [], []
                if self.resumption:
                    self.resumption.follow(step, self.schema)
                yield step
                self._finish()
                if self.resumption:
                    self.resumption.moved()

        return noted

    def outcome(self) -> List[str]:
        """Return what is true of this database now, as lines for a person; nothing where it was not touched."""
        versions = self.versions_now()
        at = _at(versions)
        if self.resumption:
            self.lasting += self.resumption.not_met
        if versions is None:
            return [f"{self._label}The database does not answer, so it is not known where it is now."]
        if self.lasting or (self.committed and not self._rolled_back_whole(versions)):
            return self._partly(at)
        if self.dialect not in ROLLS_BACK_DDL and self.lost:
            return [f"{self._label}What it did stays, because {_title(self.dialect)} cannot roll back DDL. {at}"]
        if self.dialect not in ROLLS_BACK_DDL and self.running:
            return [f"{self._label}None of its statements took effect. {at}"]
        return [f"{self._label}Rolled back, nothing changed. {at}"]

    @property
    def dialect(self) -> str:
        return str(self.connection.dialect.name)

    @property
    def remembers(self) -> bool:
        """Whether a later run skips what took effect."""
        return bool(self.resumption and self.resumption.table)

    @property
    def _label(self) -> str:
        return f"{self.name}: " if self.name else ""

    def _rolled_back_whole(self, versions: Tuple[str, ...]) -> bool:
        return set(versions) == set(self.before)

    def _partly(self, at: str) -> List[str]:
        lines = []
        if self.committed:
            lines.append(f"{self._label}Applied before it, and kept: {', '.join(self.committed)}.")
        if self.lasting:
            why = (
                "it left or ended the transaction"
                if self.dialect in ROLLS_BACK_DDL
                else f"{_title(self.dialect)} cannot roll back DDL"
            )
            lines.append(f"{self._label}Of revision {self.running} these statements took effect, because {why}:")
            lines += [f"  {statement}" for statement in self.lasting[:SHOWN_STATEMENTS]]
            if len(self.lasting) > SHOWN_STATEMENTS:
                lines.append(f"  and {len(self.lasting) - SHOWN_STATEMENTS} more")
            lines += self._remembered()
        elif self.running:
            lines.append(f"{self._label}Revision {self.running} was rolled back.")
        return [*lines, f"{self._label}{at}"]

    def _remembered(self) -> List[str]:
        if not self.remembers:
            return []
        return [
            f"{self._label}They are remembered: once the cause is mended, {current().words} {self.direction}"
            " goes on after them."
        ]

    def versions_now(self) -> Optional[Tuple[str, ...]]:
        """Return the version table's rows on a new connection, or None where the database does not answer."""
        pool = None
        try:
            pool = self.connection.engine.pool.recreate()
            pooled = pool.connect()
            try:
                rows = run(driver_connection(pooled), f"SELECT version_num FROM {self.version_table}")
            finally:
                pooled.invalidate()
            return tuple(sorted(row[0] for row in rows))
        except Exception as exc:  # whatever the driver raises: the failure that is being explained matters more
            # Another connection sees neither a database in memory nor this one's search_path.
            return self.before if _no_such_table(exc) and not self.committed else None
        finally:
            if pool is not None:
                pool.dispose()

    def _before_execute(self, connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        if self._commits_implicitly(statement):
            self._commit(connection)

    def _after_execute(self, connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        if not self.running or self._is_read(statement):
            return
        if self._moves_the_version(statement):
            self._finish()
        elif self.resumption and self.resumption.skipped:
            self.lasting.append(" ".join(statement.split()))
            return
        elif self.dialect not in ROLLS_BACK_DDL or not _ENDS.match(statement):
            self.executed.append(" ".join(statement.split()))
        self._end(connection, statement)

    def _end(self, connection: Any, statement: str) -> None:
        """Note what lasts from now on; nothing while the transaction is open, nor what a script rolls back."""
        if self.dialect in ROLLS_BACK_DDL and _ROLLS_BACK.match(statement):
            self._rollback(connection)
        elif self._commits_implicitly(statement) or is_autocommit(connection) or self._is_over(connection):
            self._commit(connection)

    def _is_over(self, connection: Any) -> bool:
        return self.dialect in ROLLS_BACK_DDL and not in_transaction(driver_connection(connection))

    def _moves_the_version(self, statement: str) -> bool:
        pattern = rf"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:\S+\.)?{re.escape(self.version_table)}(?=\s|$)"
        return re.search(pattern, statement) is not None

    def _commits_implicitly(self, statement: str) -> bool:
        """On MySQL and Oracle DDL commits what came before it, and then itself."""
        return self.dialect not in ROLLS_BACK_DDL and statements.commits(statement)

    def _is_read(self, statement: str) -> bool:
        if self.dialect in ROLLS_BACK_DDL:
            return _word(statement) in _READS
        return statements.is_read(statement)

    def _finish(self) -> None:
        """The version moves last, in the step's own transaction: from then on the step is done or undone as a whole."""
        if self.running:
            self.finished.append(self.running)
        self.running, self.executed, self.lasting = "", [], []

    def _commit(self, connection: Any) -> None:
        self.lasting += self.executed
        self.committed += self.finished
        self.executed, self.finished = [], []

    def _rollback(self, connection: Any) -> None:
        self.lost += self.finished
        self.executed, self.finished = [], []


def _revision_of(step: Any) -> str:
    revision = getattr(step, "revision", None)
    return str(getattr(revision, "revision", "") or "")


def _word(statement: str) -> str:
    return statement.lstrip("( \t\r\n").partition(" ")[0].strip().upper()


def _title(dialect: str) -> str:
    return {"mysql": "MySQL", "mariadb": "MariaDB", "oracle": "Oracle"}.get(dialect, dialect)


def _at(versions: Optional[Tuple[str, ...]]) -> str:
    return f"The database is at {', '.join(versions)}." if versions else "The database is at no revision yet."


def _no_such_table(exc: Exception) -> bool:
    text = str(exc).lower()
    return "no such table" in text or "does not exist" in text or "doesn't exist" in text
