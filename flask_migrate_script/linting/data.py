"""Operations that destroy data."""

from __future__ import annotations

import ast
from string import Formatter
from typing import Collection, Dict, Iterator, List, NamedTuple, Set, Tuple

from ..sql.destroying import Thing, find_created, find_destroyed
from .files import ParsedFile
from .findings import Finding
from .types import compare_written
from .written import Operation

Loss = Tuple[str, str, Thing]
"""The name of a finding, what it says, and what is lost."""


class _Words(NamedTuple):
    why: str
    instead: str


_LATER = "drop it in a later release, once nothing reads it and a backup is at hand."
WORDS: Dict[str, _Words] = {
    "drop-table": _Words("Its rows are gone; a downgrade brings the table back empty.", f"Rename it, and {_LATER}"),
    "drop-column": _Words(
        "Its values are gone; a downgrade brings the column back empty. Code that still runs may read it.",
        f"Stop using it first; {_LATER} A renamed column is alter_column(…, new_column_name=…).",
    ),
    "drop-schema": _Words("Everything in it is gone.", "Drop what is in it by name, so that each loss can be read."),
    "truncate-table": _Words(
        "Its rows are gone, and no downgrade knows them.", "Copy them to another table first, or delete by a WHERE."
    ),
    "delete-all": _Words(
        "A DELETE without WHERE takes all rows, and no downgrade knows them.",
        "Say in a WHERE which rows go, or copy them to another table first.",
    ),
    "narrow-type": _Words(
        "Values that do not fit fail the migration, or are cut off by MySQL without strict mode.",
        "Look for them first: move them into a new column of the new type, and drop the old one in a later release.",
    ),
}


def find_lost(file: ParsedFile, found: List[Operation], dialects: Collection[str]) -> Iterator[Finding]:
    """Yield what destroys data among the operations of an upgrade.

    What the same upgrade has made before, a table to copy rows through, may go again.

    :param dialects: of the databases that the upgrade is for.
    """
    made: Set[Thing] = set()
    for operation in found:
        made.update(_find_made(operation, dialects))
        for name, what, thing in dict.fromkeys(
            [*_find_lost(operation, dialects), *_find_narrowed(file, operation, dialects)]
        ):
            if thing not in made and thing[:1] not in made and not file.allows(name, operation.line):
                yield Finding(name, file.shown, operation.line, file.revision, what, *WORDS[name])


def _find_made(operation: Operation, dialects: Collection[str]) -> Iterator[Thing]:
    if operation.name == "create_table":
        yield (operation.table,)
    elif operation.name == "add_column":
        column = operation.find_argument(0, "column")
        if isinstance(column, ast.Call) and column.args:
            yield operation.table, operation.read_string(column.args[0]) or "…"
    elif operation.name == "execute":
        for dialect in dialects:
            yield from find_created(_Statement(operation).sql, dialect)


def _find_lost(operation: Operation, dialects: Collection[str]) -> Iterator[Loss]:
    if operation.name == "drop_table":
        yield "drop-table", f"the table {operation.table} is dropped", (operation.table,)
    elif operation.name == "drop_column":
        column = operation.read_text(0, "column_name")
        yield "drop-column", f"the column {operation.table}.{column} is dropped", (operation.table, column)
    elif operation.name == "execute":
        statement = _Statement(operation)
        for dialect in dialects:
            yield from find_destroyed(statement.sql, dialect)
        yield from statement.find_emptied()


def _find_narrowed(file: ParsedFile, operation: Operation, dialects: Collection[str]) -> Iterator[Loss]:
    """Yield a change of a type that may lose values on one of the databases."""
    if operation.name != "alter_column":
        return
    changes = (compare_written(file, operation, kind) for kind in dialects)
    change = next((one for one in changes if one and one.may_lose), None)
    if change:
        column = operation.read_text(0, "column_name")
        given = {one.arg: ast.unparse(operation.resolve(one.value)) for one in operation.call.keywords}
        what = f"{operation.table}.{column} becomes {given['type_']} from {given['existing_type']}: {change.why}"
        yield "narrow-type", what, (operation.table, column)


_OF_TEXT = ("text", "DDL", "dedent", "cleandoc")


class _Statement:
    """What an ``execute`` is given: SQL, or an expression such as ``users.delete().where(…)``.

    ``start`` is where the chain of calls starts, ``methods`` are the others.
    """

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.methods: List[str] = []
        self.start = operation.resolve(operation.call.args[0]) if operation.call.args else None
        while isinstance(self.start, ast.Call) and isinstance(self.start.func, ast.Attribute):
            if self.start.func.attr in (*_OF_TEXT, "delete"):
                break
            self.methods.append(self.start.func.attr)
            self.start = operation.resolve(self.start.func.value)

    @property
    def sql(self) -> str:
        node = self.start
        while isinstance(node, ast.Call) and node.args and _name_called(node) in _OF_TEXT:
            node = self.operation.resolve(node.args[0])
        text = (self.operation.read_string(node) if node is not None else None) or ""
        return _fill_in(text) if "format" in self.methods else text

    def find_emptied(self) -> Iterator[Loss]:
        """Yield ``users.delete()`` and ``delete(users)`` without a condition."""
        call = self.start
        if not isinstance(call, ast.Call) or {"where", "filter", "filter_by"} & set(self.methods):
            return
        function = call.func
        owner = function.value if isinstance(function, ast.Attribute) else None
        of_module = owner is None or (isinstance(owner, ast.Name) and owner.id in ("sa", "sqlalchemy", "sql"))
        table = call.args[0] if of_module and call.args else owner
        conditions = len(call.args) + len(call.keywords) - of_module
        if _name_called(call) == "delete" and table is not None and not conditions:
            yield "delete-all", f"every row of {ast.unparse(table)} is deleted", ()


def _fill_in(text: str) -> str:
    """Return the text of a ``str.format`` with … for what is put into it."""
    try:
        return "".join(f"{words}{'' if field is None else '…'}" for words, field, _, _ in Formatter().parse(text))
    except ValueError:  # braces that do not match
        return text


def _name_called(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))
