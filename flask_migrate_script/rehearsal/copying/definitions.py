"""Definitions from the real database into the copy: what cannot go with it is left out, and said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Sequence

from ...seam.driver import OtherConnection
from ...sql.definitions import remove_definer, remove_foreign_keys_elsewhere
from ...sql.quoting import identifier, quoted
from ...sql.reach import find_reach, keeps_its_rows
from .catalog import Catalog, Routine, Table


@dataclass(frozen=True)
class LeftOut:
    """Something of the real database that the copy does not have.

    :param kind: ``"trigger"``, ``"view"``, ``"foreign key"``.
    """

    kind: str
    name: str
    reason: str


class Definitions:
    """Makes what is in one database in another one.

    :param source: leads to the real database; nothing is written there.
    :param target: leads to the copy.
    """

    def __init__(self, source: OtherConnection, target: OtherConnection, catalog: Catalog) -> None:
        self.source, self.target, self.catalog = source, target, catalog
        self.left_out: List[LeftOut] = []

    def copy_tables(self) -> List[Table]:
        """Make the tables and the sequences, without rows, and return the tables that could be made."""
        for name in self.catalog.sequences:
            self._attempt("sequence", name, lambda name=name: self._copy_sequence(name))
        made = [table for table in self.catalog.tables.values() if self._copy_table(table)]
        for referring, parent in self.catalog.referring:
            self.left_out.append(LeftOut("foreign key", f"of {referring} to {parent}", "it is in another database"))
        return made

    def copy_programs(self) -> None:
        """Make the views, routines and triggers, once the rows are there."""
        self._copy_all_views()
        order = ("FUNCTION", "PROCEDURE", "TRIGGER")
        for routine in sorted(self.catalog.routines, key=lambda one: order.index(one.kind)):
            self._attempt(routine.kind.lower(), routine.name, lambda one=routine: self._copy_routine(one))
        for name in self.catalog.events:
            self.left_out.append(LeftOut("event", name, "it would run by itself"))

    def _attempt(self, kind: str, name: str, make: Any) -> bool:
        """Make something; where that fails, leave it out, with what the server says."""
        try:
            reason = make()
        except Exception as exc:  # the driver's own class
            reason = str(exc).strip().splitlines()[0]
        if reason:
            self.left_out.append(LeftOut(kind, name, reason))
        return not reason

    def _copy_table(self, table: Table) -> bool:
        if not keeps_its_rows(table.engine):
            reason = f"tables of the engine {table.engine or 'that is not known'} may be elsewhere"
            self.left_out.append(LeftOut("table", table.name, reason))
            return False
        return self._attempt("table", table.name, lambda: self._make_table(table))

    def _make_table(self, table: Table) -> str:
        definition, elsewhere = remove_foreign_keys_elsewhere(self._show(f"TABLE {self._quote(table.name)}", 1))
        for target in elsewhere:
            self.left_out.append(LeftOut("foreign key", f"of {table.name} to {target}", "it leads to another database"))
        reason = self._reach(definition)
        if not reason:
            self.target.run(definition)
        return reason

    def _copy_sequence(self, name: str) -> str:
        self.target.run(self._show(f"SEQUENCE {self._quote(name)}", 1))
        value = int(self.source.value(f"SELECT next_not_cached_value FROM {self._quote(name)}"))
        self.target.run(f"DO SETVAL({self._quote(name)}, {value}, 0)")
        return ""

    def _copy_all_views(self) -> None:
        """A view may be made of others: go on for as long as one more can be made."""
        left = list(self.catalog.views)
        while left:
            before = len(self.left_out)
            again = [name for name in left if not self._attempt("view", name, lambda name=name: self._copy_view(name))]
            if len(again) == len(left):
                return
            del self.left_out[before:]
            left = again

    def _copy_view(self, name: str) -> str:
        definition = remove_definer(self._show(f"VIEW {self._quote(name)}", 1))
        reason = self._reach(definition)
        if not reason:
            self.target.run(definition)
        return reason

    def _copy_routine(self, routine: Routine) -> str:
        row = self.source.run(f"SHOW CREATE {routine.kind} {self._quote(routine.name)}")[0]
        mode, definition, collation = map(_text, (row[1], row[2], row[4]))
        if not definition:
            return "its account may not read it"
        reason = self._reach(definition)
        if reason:
            return reason
        self.target.run(f"SET SESSION collation_connection = {collation}")
        self.target.run(f"SET SESSION sql_mode = {quoted(mode, self.target.dialect)}")
        try:
            self.target.run(remove_definer(definition))
        finally:
            self.target.run(f"SET SESSION sql_mode = '{RELAXED}'")
        return ""

    def _reach(self, definition: str) -> str:
        tables = [*self.catalog.tables, *self.catalog.views]
        return find_reach(remove_definer(definition), [self.catalog.name, *self.catalog.databases], tables)

    def _show(self, thing: str, column: int) -> str:
        return _text(self.source.run(f"SHOW CREATE {thing}")[0][column])

    def _quote(self, name: str) -> str:
        return identifier(name, self.source.dialect)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


RELAXED = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
"""The sql_mode in which rows are written as they are: zero dates, and a 0 as a key."""

PREPARE_SOURCE: Sequence[str] = (
    "SET SESSION sql_mode = ''",
    "SET SESSION sql_quote_show_create = 1",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
)
"""How the real database is read."""

PREPARE_TARGET: Sequence[str] = (
    f"SET SESSION sql_mode = '{RELAXED}'",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION foreign_key_checks = 0",
)
MAY_BE_REFUSED: Sequence[str] = (
    "SET SESSION innodb_strict_mode = 0",
    "SET SESSION sql_require_primary_key = 0",
    "SET SESSION character_set_client = utf8mb4",
)
