"""PostgreSQL's sequences: ``nextval`` and ``setval`` are not rolled back, unless the sequence is the transaction's own.

``ALTER SEQUENCE … CACHE`` with the value that it has changes nothing, but writes the sequence anew in the transaction
(PostgreSQL 10 and newer): what moves then is this copy, and a rollback brings back the one before, as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, List, Set

from ..seam.driver import driver_connection, run
from ..sql.functions import calls_unknown_function
from ..sql.kinds import Kind
from ..sql.reader import Reader
from ..sql.targets import find_created_table, find_target
from ..sql.text import Statement, split

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

ANY = "*"
"""Stands for a statement that may move any sequence."""

_CACHES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), s.seqcache
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE pg_has_role(c.relowner, 'USAGE')
"""
_OF_TABLE = """
 AND c.oid IN (
    SELECT objid FROM pg_depend WHERE refobjid = to_regclass('{0}') AND classid = 'pg_class'::regclass
    UNION
    SELECT d.refobjid FROM pg_attrdef a JOIN pg_depend d ON d.objid = a.oid
    WHERE a.adrelid = to_regclass('{0}') AND d.refclassid = 'pg_class'::regclass
)
"""
_HAS_TRIGGERS = "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass('{0}') AND NOT tgisinternal"


@dataclass
class Sequences:
    """The sequences of one database during a rehearsal."""

    kept: Set[str] = field(default_factory=set)
    seen: Set[str] = field(default_factory=set)

    def keep(self, connection: Connection, sql: str) -> None:
        """Make those that a statement may move the transaction's own; it holds their locks from then on."""
        if connection.dialect.name == "postgresql":
            for statement in split(sql, "postgresql"):
                self._keep(connection, _find_moves(statement))

    def _keep(self, connection: Connection, moves: str) -> None:
        if not moves or {moves, ANY} & self.seen:
            return
        self.seen.add(moves)
        driver = driver_connection(connection)
        if (connection.dialect.server_version_info or ()) < (10,):
            return
        for name, cache in self._moved_by(driver, moves):
            if name not in self.kept:
                run(driver, f"ALTER SEQUENCE {name} CACHE {cache}")
                self.kept.add(name)

    def _moved_by(self, driver: Any, moves: str) -> List[Any]:
        """Return the sequences, with their cache: those of a table, or all, where any may be moved, as by a trigger."""
        verb, _, table = moves.partition(" ")
        name = table.replace("'", "''")
        if moves != ANY and not run(driver, _HAS_TRIGGERS.format(name)):
            return run(driver, _CACHES + _OF_TABLE.format(name)) if verb == "INSERT" else []
        self.seen.add(ANY)
        return run(driver, _CACHES)


def _find_moves(statement: Statement) -> str:
    """Return ``INSERT table`` and the like for a plain statement, ``ANY`` for another, nothing where none is moved."""
    if statement.kind is Kind.DDL:
        return ANY if _computes(statement) else ""
    if statement.kind not in (Kind.DML, Kind.CALL, Kind.UNKNOWN):
        return ""
    target = find_target(statement) if statement.word in ("INSERT", "UPDATE", "DELETE") else None
    if target is None:
        return ANY
    return ANY if _calls(statement) else f"{statement.word} {target.written}"


def _calls(statement: Statement) -> bool:
    """Return whether an INSERT, UPDATE or DELETE calls what may move a sequence; its list of columns is no call."""
    reader = Reader(statement.core)
    if reader.skip("INSERT", "INTO"):
        reader.read_name()
        reader.skip_parentheses()
    return calls_unknown_function(reader.rest, "postgresql")


def _computes(statement: Statement) -> bool:
    """Return whether DDL makes values by what may move a sequence: a table of a query, a new type, a default."""
    reader = Reader(statement.core)
    if reader.look() == "REFRESH":
        return True
    computing = ("SELECT", "WITH", "EXECUTE", "VALUES") if reader.look() == "CREATE" else ("USING", "DEFAULT", "SELECT")
    makes_a_table = reader.look() != "CREATE" or find_created_table(statement) is not None
    return makes_a_table and reader.skip_to(*computing) and calls_unknown_function(reader.rest, "postgresql")
