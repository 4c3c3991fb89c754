"""The table ``alembic_journal``: what has been run of the revisions that are not finished."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, List, Optional, Set, Tuple

from ...seam.driver import OtherConnection, driver_connection, run
from ...seam.driver_errors import read_driver_error
from . import has_journal

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection

NAME = "alembic_journal"
STARTED, DONE, FAILED = "started", "done", "failed"
KEPT_TEXT = 10_000
"""Characters of a statement that are kept to be shown; its digest is of all of it."""

_NO_SUCH_TABLE = 1146

_CREATE = """
CREATE TABLE IF NOT EXISTS {table} (
    revision VARCHAR(255) NOT NULL, direction VARCHAR(9) NOT NULL, position INT NOT NULL, digest CHAR(64) NOT NULL,
    text MEDIUMTEXT NOT NULL, state VARCHAR(7) NOT NULL, lastrowid BIGINT UNSIGNED, affected BIGINT,
    returned MEDIUMTEXT, definition VARCHAR(64), error TEXT, time DATETIME NOT NULL,
    PRIMARY KEY (revision, direction, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
"""


@dataclass(frozen=True)
class Entry:
    """One statement of a revision that is not finished.

    :param direction: ``"upgrade"`` or ``"downgrade"``.
    :param position: its place among the statements of the revision that are not reads, from 1.
    :param digest: of its text and of its values, 32 hexadecimal digits each.
    :param text: its text, with placeholders for values, at most ``KEPT_TEXT`` characters.
    :param state: ``"started"``, ``"done"``, or ``"failed"`` where the script went on after its error.
    :param lastrowid: the key that the server gave to an inserted row.
    :param affected: how many rows it changed.
    :param returned: the rows that it returned, of :mod:`.returned`.
    :param definition: a digest of what the table was before, for an ALTER TABLE.
    :param error: class, number and text of the error, as JSON; of one that was started, what it failed with in part.
    :param time: when it was run, in UTC.
    """

    revision: str
    direction: str
    position: int
    digest: str
    text: str
    state: str
    lastrowid: Optional[int] = None
    affected: Optional[int] = None
    returned: Optional[str] = None
    definition: Optional[str] = None
    error: Optional[str] = None
    time: Optional[datetime] = None


_COLUMNS = ", ".join(one.name for one in fields(Entry))


@dataclass
class JournalTable:
    """The table in one database, on the driver's connection that the migration runs on.

    :param schema: where the version table is; None for the connection's own.
    :param mark: how the driver writes a placeholder.
    :param sent: how many statements were sent that a server counts, by their first word; who compares may clear it.
    """

    driver: DBAPIConnection
    schema: Optional[str] = None
    mark: str = "%s"
    sent: Counter[str] = field(default_factory=Counter)
    written: Set[Tuple[str, str, int]] = field(default_factory=set)

    @property
    def name(self) -> str:
        return f"`{self.schema}`.`{NAME}`" if self.schema else f"`{NAME}`"

    def open(self) -> List[Entry]:
        """Return everything in it, and make it where there is none."""
        found = self.read_entries()
        if found is None:
            run(self.driver, _CREATE.format(table=self.name))
        return found or []

    def read_entries(self) -> Optional[List[Entry]]:
        """Return everything in it, in the order it was run; None where there is no such table."""
        try:
            found = run(self.driver, f"SELECT {_COLUMNS} FROM {self.name} ORDER BY revision, direction, position")
        except Exception as exc:  # the driver's own class
            if read_driver_error(exc).number == _NO_SUCH_TABLE:
                return None
            raise
        return _add_implied_states([Entry(*row) for row in found])

    def put(self, entry: Entry) -> None:
        """Write an entry, over one of the same place."""
        if entry.state == DONE:
            self.written.add((entry.revision, entry.direction, entry.position))
        marks = ", ".join([self.mark] * (len(fields(Entry)) - 1))
        values = astuple(entry)[:-1]
        self.sent["replace"] += 1
        run(self.driver, f"REPLACE INTO {self.name} ({_COLUMNS}) VALUES ({marks}, UTC_TIMESTAMP())", values)

    def remove(self, entry: Entry) -> None:
        self.sent["delete"] += 1
        self.written.discard((entry.revision, entry.direction, entry.position))
        where = " AND ".join(f"{column} = {self.mark}" for column in ("revision", "direction", "position"))
        run(self.driver, f"DELETE FROM {self.name} WHERE {where}", (entry.revision, entry.direction, entry.position))

    def count_lost(self) -> int:
        """Return how many entries of what was done are gone: each is in the transaction of its statement."""
        found = run(self.driver, f"SELECT revision, direction, position FROM {self.name}")
        return len(self.written - {(str(revision), str(way), int(place)) for revision, way, place in found})

    def commit(self) -> None:
        """Commit what was written here, and what the script has written with it."""
        self.sent["commit"] += 1
        self.driver.commit()

    def rollback(self) -> None:
        self.sent["rollback"] += 1
        self.driver.rollback()

    def forget(self, revision: str) -> None:
        """Remove what there is of a revision, both directions."""
        self.written = {place for place in self.written if place[0] != revision}
        self.sent["delete"] += 1
        run(self.driver, f"DELETE FROM {self.name} WHERE revision = {self.mark}", (revision,))


def read_unfinished(connection: Connection, schema: Optional[str] = None) -> List[Entry]:
    """Return what a database remembers of migrations that were interrupted; nothing where there is no journal.

    :param connection: a SQLAlchemy connection to a database of any kind.
    :param schema: that of the version table.
    """
    if not has_journal(connection):
        return []
    return find_table(connection, schema).read_entries() or []


def find_table(connection: Connection, schema: Optional[str] = None) -> JournalTable:
    """Return the table on a connection's own driver connection."""
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    return JournalTable(driver_connection(connection), schema, mark)


def _add_implied_states(entries: List[Entry]) -> List[Entry]:
    """A statement that another one of its revision follows is done: that saves writing it down."""
    following = [(one.revision, one.direction) for one in entries[1:]] + [("", "")]
    return [
        replace(one, state=DONE) if one.state == STARTED and (one.revision, one.direction) == after else one
        for one, after in zip(entries, following)
    ]


def read_elsewhere(table: JournalTable, other: OtherConnection) -> List[Entry]:
    """Return what the journal holds as another connection sees it: what lasts."""
    found = other.run(f"SELECT {_COLUMNS} FROM {table.name} ORDER BY revision, direction, position")
    return _add_implied_states([Entry(*row) for row in found])
