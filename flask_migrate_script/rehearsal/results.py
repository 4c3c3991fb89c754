"""What a rehearsal finds: the databases, the steps in each, and what each step does and loses."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from ..errors import MigrateError


@dataclass
class RehearsedOperation:
    """One operation of a step.

    :param operation: Alembic's name for it, such as ``drop_column``; ``execute`` for SQL.
    :param table: the table it is about, with its schema where the script names one.
    :param column: the column it is about.
    :param words: the operation in words.
    :param lost: rows or values that it loses, at most 1,000,000, as the database counts them; None where nothing is
        lost or it cannot be known.
    :param lost_unit: ``"rows"`` or ``"values"``; where both are lost, the rows are told.
    :param lost_at_least: there may be more: the counting stopped at 1,000,000 rows, or something was not counted.
    :param lost_how: ``"lost"``; ``"changed"`` by another type; ``"refused"``; or ``"not counted"`` and why, where
        ``lost`` is None. Where nothing is executed also ``"cut or refused"`` by a narrower type and ``"perhaps cut or
        refused"``, where it is not known what the server makes of the values.
    :param losses: the same, a table and a column at a time.
    :param inserted: rows that it writes; None where it is not executed, or the database does not say.
    :param vanished: what the catalog no longer has.
    """

    operation: str
    table: Optional[str] = None
    column: Optional[str] = None
    words: str = ""
    lost: Optional[int] = None
    lost_unit: Optional[str] = None
    lost_at_least: bool = False
    lost_how: str = "lost"
    losses: List[RehearsedLoss] = field(default_factory=list)
    inserted: Optional[int] = None
    updated: Optional[int] = None
    deleted: Optional[int] = None
    vanished: List[RehearsedVanished] = field(default_factory=list)


@dataclass
class RehearsedLoss:
    """Rows of a table, or values of a column, that an operation loses.

    :param lost: how many; None where they are not counted.
    :param at_least: there may be more.
    :param how: as ``lost_how``.
    """

    table: str
    column: Optional[str]
    lost: Optional[int]
    at_least: bool
    how: str


@dataclass
class RehearsedVanished:
    """Something that an operation removes, or leaves out where it makes a table anew.

    :param kind: ``"table"``, ``"column"``, ``"trigger"``, ``"view"``, ``"index"``, ``"type"``, ``"check"`` …
    :param name: with the table it is on.
    """

    kind: str
    name: str


@dataclass
class RehearsedStatement:
    """One of the statements of a step that took longest.

    :param seconds: how long it took.
    """

    sql: str
    seconds: float


@dataclass
class RehearsedLock:
    """A lock on a table that was there before, which other sessions wait for.

    :param mode: PostgreSQL's name for it.
    :param blocks: ``"reads and writes"`` or ``"writes"``.
    :param seconds: how long it was held, until everything was rolled back.
    """

    table: str
    mode: str
    blocks: str
    seconds: float = 0.0


@dataclass
class RehearsedStep:
    """One revision that is applied or taken back.

    :param down_revision: its parent; None for a base, a tuple for a merge.
    :param direction: ``"upgrade"`` or ``"downgrade"``.
    :param seconds: how long it took.
    :param sql: the statements that change something, in order.
    :param note: what is done of it already, what a real run does otherwise, and what is not known about it, and why;
        empty where there is nothing of that.
    :param executed: it was run; else its script was read.
    :param slowest: the statements that took longest, the longest first.
    :param locks: what other sessions wait for, on PostgreSQL.
    """

    revision: str
    down_revision: Any
    message: str
    direction: str
    seconds: float = 0.0
    operations: List[RehearsedOperation] = field(default_factory=list)
    sql: List[str] = field(default_factory=list)
    note: str = ""
    executed: bool = True
    slowest: List[RehearsedStatement] = field(default_factory=list)
    locks: List[RehearsedLock] = field(default_factory=list)

    def add_note(self, note: str) -> None:
        """Add a note, unless it is there already."""
        if note not in self.note:
            self.note = "; ".join(filter(None, (self.note, note)))


@dataclass
class RehearsalFailure:
    """Why a step, or the end of the transaction, would fail.

    :param statement: what the database refused; None where it was not a statement.
    :param error: what is wrong, in one line.
    :param report: what the verb itself would raise.
    """

    revision: Optional[str]
    statement: Optional[str]
    error: str
    report: MigrateError


@dataclass
class RehearsalStop:
    """Where a rehearsal could go no further without changing something.

    :param revision: the step that it stopped in.
    :param reason: why.
    :param left: the revisions after it, which were not run; they are read from their scripts.
    """

    revision: str
    reason: str
    left: List[str] = field(default_factory=list)


@dataclass
class RehearsedCopy:
    """The copy that a database was rehearsed on.

    :param seconds: how long the copying took.
    :param tables: how many tables it has.
    :param rows: how many rows it has.
    :param partial: the tables that have not all rows, with how many they have.
    :param rows_why: why no rows were copied; empty where they were.
    :param left_out: what it has not, and why.
    :param differences: where its server behaves unlike the real one.
    """

    seconds: float
    tables: int
    rows: int
    partial: Dict[str, int] = field(default_factory=dict)
    rows_why: str = ""
    left_out: List[str] = field(default_factory=list)
    differences: List[str] = field(default_factory=list)


@dataclass
class RehearsedDatabase:
    """One database.

    :param name: ``"default"`` or the bind key.
    :param url: its URL without the password.
    :param mode: ``"rehearsed"``, run and rolled back; ``"rehearsed on a copy"``, run there; or ``"read"`` from the
        scripts, where nothing is executed and a step can still fail.
    :param why: why it was read; empty where nothing else was to be had.
    :param advice: what would let it run.
    :param copy: what it was rehearsed on.
    :param current: the revisions it is at.
    :param seconds: how long it took.
    """

    name: str
    url: str
    mode: str
    current: Tuple[str, ...] = ()
    seconds: float = 0.0
    steps: List[RehearsedStep] = field(default_factory=list)
    failure: Optional[RehearsalFailure] = None
    stopped: Optional[RehearsalStop] = None
    why: str = ""
    advice: str = ""
    copy: Optional[RehearsedCopy] = None


@dataclass
class Rehearsal:
    """What an upgrade or a downgrade would do, a database at a time.

    :param changed: False; True where a migration committed past SQLAlchemy, which is a failure.
    """

    databases: List[RehearsedDatabase] = field(default_factory=list)
    changed: bool = False

    @property
    def failure(self) -> Optional[RehearsalFailure]:
        """The failure, where a step would fail: it is the last one that was run."""
        return next((one.failure for one in self.databases if one.failure), None)


def document_rehearsal(rehearsal: Rehearsal, with_sql: bool) -> Dict[str, Any]:
    """Return a rehearsal as a JSON document.

    :param with_sql: with the statements of each step.
    """
    databases = [_database(one, with_sql) for one in rehearsal.databases]
    return {"databases": databases, "changed": rehearsal.changed}


def _database(database: RehearsedDatabase, with_sql: bool) -> Dict[str, Any]:
    failure, stopped = database.failure, database.stopped
    shown = ("revision", "statement", "error")
    return {
        "name": database.name,
        "url": database.url,
        "mode": database.mode,
        "why": database.why or None,
        "copy": database.copy and {**vars(database.copy), "seconds": round(database.copy.seconds, 3)},
        "seconds": round(database.seconds, 3),
        "current": list(database.current),
        "steps": [_step(step, with_sql) for step in database.steps],
        "failure": failure and {name: getattr(failure, name) for name in shown},
        "stopped": stopped and vars(stopped),
    }


def _step(step: RehearsedStep, with_sql: bool) -> Dict[str, Any]:
    return {
        **asdict(step),
        "seconds": round(step.seconds, 3),
        "slowest": [{"sql": one.sql, "seconds": round(one.seconds, 3)} for one in step.slowest],
        "locks": [{**asdict(one), "seconds": round(one.seconds, 3)} for one in step.locks],
        "sql": step.sql if with_sql else [],
    }
