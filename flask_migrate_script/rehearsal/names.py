"""The names that tables and columns have in the database now, where an earlier operation would have renamed them."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Dict, Optional, Sequence, Tuple

from ..sql.quoting import identifier, qualified
from ..sql.reader import Name, Reader
from ..sql.targets import find_alteration, find_created_table
from ..sql.text import Statement, split
from ..sql.tokens import tokenize

if TYPE_CHECKING:
    from alembic.operations import MigrateOperation
    from sqlalchemy.engine import Dialect

Place = Tuple[Optional[str], str]
"""A schema, None for the one in use, and a table."""


class Names:
    """What would have been renamed or made so far; nothing of it is done."""

    def __init__(self) -> None:
        self._tables: Dict[Place, Optional[Place]] = {}
        self._columns: Dict[Tuple[Place, str], Optional[str]] = {}

    def find_table(self, schema: Optional[str], table: str) -> Optional[Place]:
        """Return where a table is now; None where it is not there yet."""
        return self._tables.get((schema, table), (schema, table))

    def find_column(self, schema: Optional[str], table: str, column: str) -> Optional[str]:
        """Return the name that a column has now; None where it is not there yet."""
        place = self.find_table(schema, table)
        return None if place is None else self._columns.get((place, column), column)

    def translate(self, operation: MigrateOperation) -> Optional[MigrateOperation]:
        """Return an operation by the names that its table and its column have now; None where they are not there."""
        table, schema = getattr(operation, "table_name", None), getattr(operation, "schema", None)
        column = getattr(operation, "column_name", None)
        if not isinstance(table, str):
            return operation
        place = self.find_table(schema, table)
        now = self.find_column(schema, table, column) if isinstance(column, str) else column
        if place is None or (column is not None and now is None):
            return None
        translated = copy(operation)
        vars(translated).update({"schema": place[0], "table_name": place[1]})
        if column is not None:
            vars(translated)["column_name"] = now
        return translated

    def translate_thing(self, thing: Sequence[str], dialect: Dialect) -> Sequence[str]:
        """Return a table, or a table and its column, as they are written, by their names now; empty where not there."""
        names = [Reader(tokenize(one, dialect.name)).read_name() for one in thing]
        if not names or None in names:
            return thing
        plain = [one.plain for one in names if one]
        schema, table = _split(Name("", plain[0]))
        place = self.find_table(schema, table)
        column = self.find_column(schema, table, plain[1]) if len(plain) == 2 else ""
        if place is None or column is None:
            return ()
        if (place, column) == ((schema, table), plain[1] if len(plain) == 2 else ""):
            return thing
        return [qualified(dialect, *place), *([identifier(column, dialect)] if column else [])]

    def note_operation(self, operation: MigrateOperation, name: str) -> None:
        """Note what one of Alembic's operations would rename or make.

        :param name: Alembic's name for it.
        """
        table = str(getattr(operation, "table_name", ""))
        schema = getattr(operation, "schema", None)
        if name == "rename_table":
            self._rename_table(schema, table, str(getattr(operation, "new_table_name", "")))
        elif name == "create_table":
            self._tables[(schema, table)] = None
        elif name == "alter_column" and getattr(operation, "modify_name", None):
            column = str(getattr(operation, "column_name", ""))
            self._rename_column(schema, table, column, str(getattr(operation, "modify_name", "")))
        elif name == "add_column":
            self._make_column(schema, table, str(getattr(getattr(operation, "column", None), "name", "")))

    def note_text(self, sql: str, dialect: str) -> None:
        """Note the same of the statements of a text."""
        for statement in split(sql, dialect):
            self._note_statement(statement)

    def _note_statement(self, statement: Statement) -> None:
        reader = Reader(statement.executed)
        created = find_created_table(statement)
        alteration = find_alteration(statement)
        place = _split(alteration.table) if alteration else (None, "")
        if created:
            self._tables[_split(created)] = None
        elif reader.skip("RENAME", "TABLE"):
            self._read_renames(reader)
        for action in alteration.actions if alteration else ():
            self._note_action(place, action)

    def _read_renames(self, reader: Reader) -> None:
        """MySQL's ``RENAME TABLE a TO b, c TO d``."""
        while True:
            old = reader.read_name()
            new = reader.read_name() if reader.skip("TO") else None
            if old is None or new is None:
                return
            self._rename_table(*_split(old), _split(new)[1])
            if not reader.skip(","):
                return

    def _note_action(self, place: Place, action: Reader) -> None:
        is_change = action.skip("CHANGE")
        if not is_change and not action.skip("RENAME"):
            return
        if not is_change and (action.skip("TO") or action.skip("AS")):
            new = action.read_name()
            if new:
                self._rename_table(*place, _split(new)[1])
            return
        action.skip("COLUMN")
        old = action.read_name()
        new = action.read_name() if is_change or action.skip("TO") else None
        if old and new:
            self._rename_column(*place, old.plain, new.plain)

    def _rename_table(self, schema: Optional[str], old: str, new: str) -> None:
        self._tables[(schema, new)] = self.find_table(schema, old)
        self._tables[(schema, old)] = None

    def _rename_column(self, schema: Optional[str], table: str, old: str, new: str) -> None:
        place = self.find_table(schema, table)
        if place is not None and old != new:
            self._columns[(place, new)] = self.find_column(schema, table, old)
            self._columns[(place, old)] = None

    def _make_column(self, schema: Optional[str], table: str, column: str) -> None:
        place = self.find_table(schema, table)
        if place is not None:
            self._columns[(place, column)] = None


def _split(name: Name) -> Place:
    schema, _, table = name.plain.rpartition(".")
    return schema or None, table
