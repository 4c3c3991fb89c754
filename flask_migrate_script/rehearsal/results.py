"""What a rehearsal finds: the databases, the steps in each, and what each step does and loses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from ..errors import MigrateError


@dataclass
class RehearsedOperation:
    """One operation of a step.

    :param operation: Alembic's name for it, such as ``drop_column``; ``execute`` for SQL.
    :param table: the table it is about, with its schema where the script names one.
    :param column: the column it is about.
    :param words: the operation in words.
    :param lost: rows or values that it loses, counted just before it, at most 1,000,000; None where there is nothing
        to lose or it cannot be known.
    :param lost_unit: ``"rows"`` or ``"values"``.
    :param lost_at_least: the counting stopped at 1,000,000 rows: there may be more.
    :param lost_how: ``"lost"``, ``"cut or refused"`` by a narrower type, ``"perhaps cut or refused"`` where it is not
        known what the server makes of the values, ``"refused"``, or ``"not counted"``, where ``lost`` is None:
        the table was in use, or no condition selects the values.
    """

    operation: str
    table: Optional[str] = None
    column: Optional[str] = None
    words: str = ""
    lost: Optional[int] = None
    lost_unit: Optional[str] = None
    lost_at_least: bool = False
    lost_how: str = "lost"


@dataclass
class RehearsedStep:
    """One revision that is applied or taken back.

    :param down_revision: its parent; None for a base, a tuple for a merge.
    :param direction: ``"upgrade"`` or ``"downgrade"``.
    :param seconds: how long it took.
    :param sql: the statements that change something, in order.
    :param note: what is done of it already, and what is not known about it, and why; empty where there is neither.
    """

    revision: str
    down_revision: Any
    message: str
    direction: str
    seconds: float = 0.0
    operations: List[RehearsedOperation] = field(default_factory=list)
    sql: List[str] = field(default_factory=list)
    note: str = ""


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
    :param left: the revisions after it, which were not rehearsed.
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
        **vars(step),
        "seconds": round(step.seconds, 3),
        "operations": [vars(operation) for operation in step.operations],
        "sql": step.sql if with_sql else [],
    }
