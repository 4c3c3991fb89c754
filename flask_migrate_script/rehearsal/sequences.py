"""PostgreSQL's sequences: ``nextval`` and ``setval`` are not rolled back, unless the sequence is the transaction's own.

``ALTER SEQUENCE … CACHE`` with the value that it has changes nothing, but writes the sequence anew in the transaction
(PostgreSQL 10 and newer): what moves then is this copy, and a rollback brings back the one before, as it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, List, Set

from ..seam.driver import driver_connection, run

_MAY_MOVE = re.compile(r"\b(INSERT|UPDATE|DELETE|COPY|MERGE|nextval|setval|DO|CALL)\b", re.IGNORECASE)
_TABLE = re.compile(r"\s*(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:ONLY\s+)?([^\s(]+)", re.IGNORECASE)
_HARMLESS = re.compile(
    r"values|in|cast|coalesce|nullif|now|count|min|max|sum|lower|upper|trim|concat|substr|substring|replace|round|length"
    r"|md5|varchar|char|numeric|timestamp|imp_sen",
    re.IGNORECASE,
)
"""What may stand before a parenthesis and moves no sequence; ``imp_sen`` is in the INSERT that SQLAlchemy 2 makes of
many rows."""

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

    def keep(self, connection: Any, sql: str) -> None:
        """Make those that a statement may move the transaction's own; it holds their locks from then on."""
        moves = _moves(sql)
        if connection.dialect.name != "postgresql" or not moves or {moves, ANY} & self.seen:
            return
        self.seen.add(moves)
        driver = driver_connection(connection)
        if int(run(driver, "SHOW server_version_num")[0][0]) < 100000:
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


def _moves(sql: str) -> str:
    """Return ``INSERT table`` and the like for a plain statement, ``ANY`` for another, nothing for one that reads."""
    if not _MAY_MOVE.search(sql):
        return ""
    found = _TABLE.match(sql)
    if not found or re.search(r"\b(next|set)val\b", sql, re.IGNORECASE):
        return ANY
    after_the_columns = re.sub(r"^\s*\([^()]*\)", "", sql[found.end() :])
    calls = re.findall(r"(\w+)\(", after_the_columns)
    return f"{found[1].split()[0].upper()} {found[2]}" if all(map(_HARMLESS.fullmatch, calls)) else ANY
