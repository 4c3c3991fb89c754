"""Operations that destroy data."""

from __future__ import annotations

import ast
from typing import Collection, Dict, Iterator, List, NamedTuple, Set, Tuple

from ..sql.destroying import Thing, find_created, find_destroyed, is_always_true
from .files import ParsedFile, resolve
from .findings import Finding
from .types import compare_written
from .written import Operation, find_called, read_string, read_text

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
        made.update(find_made(operation, dialects))
        for name, what, thing in dict.fromkeys(
            [*_find_lost(file, operation, dialects), *_find_narrowed(file, operation, dialects)]
        ):
            if thing not in made and thing[:1] not in made and not file.allows(name, operation.line):
                yield Finding(name, file.shown, operation.line, file.revision, what, *WORDS[name])


def find_made(operation: Operation, dialects: Collection[str]) -> Iterator[Thing]:
    """Yield the tables and the columns that an operation makes."""
    if operation.name == "create_table":
        yield (operation.table,)
    elif operation.name == "add_column":
        column = operation.find_argument(0, "column")
        if isinstance(column, ast.Call) and column.args:
            yield operation.table, read_string(column.args[0]) or "…"
    elif operation.name == "execute":
        for dialect in dialects:
            yield from find_created(read_sql(operation), dialect)


def _find_lost(file: ParsedFile, operation: Operation, dialects: Collection[str]) -> Iterator[Loss]:
    if operation.name == "drop_table":
        yield "drop-table", f"the table {operation.table} is dropped", (operation.table,)
    elif operation.name == "drop_column":
        column = operation.read_text(0, "column_name")
        yield "drop-column", f"the column {operation.table}.{column} is dropped", (operation.table, column)
    elif operation.name == "execute":
        for dialect in dialects:
            yield from find_destroyed(read_sql(operation), dialect)
        yield from _find_lost_by_expression(file, operation)
    elif operation.name == "drop_all":
        owner = operation.call.func
        tables = ast.unparse(owner.value) if isinstance(owner, ast.Attribute) else "…"
        yield "drop-table", f"every table of {tables} is dropped", ()
    elif operation.name == "delete":
        yield from _find_emptied_by_query(operation)


def _find_narrowed(file: ParsedFile, operation: Operation, dialects: Collection[str]) -> Iterator[Loss]:
    """Yield a change of a type that may lose values on one of the databases."""
    if operation.name != "alter_column":
        return
    changes = (compare_written(file, operation, kind) for kind in dialects)
    change = next((one for one in changes if one and one.may_lose), None)
    if change:
        column = operation.read_text(0, "column_name")
        given = {one.arg: ast.unparse(resolve(one.value)) for one in operation.call.keywords}
        what = f"{operation.table}.{column} becomes {given['type_']} from {given['existing_type']}: {change.why}"
        yield "narrow-type", what, (operation.table, column)


_CONDITIONS = ("where", "filter", "filter_by")


def read_sql(operation: Operation) -> str:
    """Return the SQL that an ``execute`` is given; empty where it is given an expression."""
    given = operation.call.args or [one.value for one in operation.call.keywords if one.arg in ("sqltext", "statement")]
    return (read_string(given[0]) if given else None) or ""


def _find_lost_by_expression(file: ParsedFile, operation: Operation) -> Iterator[Loss]:
    """Yield what an expression of SQLAlchemy's destroys, such as ``users.delete()`` or ``DropTable(users)``."""
    node, conditions = (operation.call.args[0] if operation.call.args else None), False
    while node is not None:
        node = resolve(node)
        if not isinstance(node, ast.Call):
            return
        name = file.qualify(node.func)
        if name.startswith("sqlalchemy.") and name.endswith(".DropTable") and node.args:
            table = read_table(file, node.args[0])
            yield "drop-table", f"the table {table} is dropped", (table,)
            return
        if find_called(node) == "delete":
            yield from () if conditions else _find_emptied(node)
            return
        conditions = conditions or (find_called(node) in _CONDITIONS and not _are_always_true(node))
        node = node.func.value if isinstance(node.func, ast.Attribute) else None


def _find_emptied(call: ast.Call) -> Iterator[Loss]:
    """Yield ``users.delete()`` and ``delete(users)`` without a condition."""
    function = call.func
    owner = function.value if isinstance(function, ast.Attribute) else None
    of_module = owner is None or (isinstance(owner, ast.Name) and owner.id in ("sa", "sqlalchemy", "sql"))
    table = call.args[0] if of_module and call.args else owner
    given = [*call.args[of_module:], *(one.value for one in call.keywords)]
    if table is not None and all(_is_always_true(one) for one in given):
        yield "delete-all", f"every row of {ast.unparse(table)} is deleted", ()


def _find_emptied_by_query(operation: Operation) -> Iterator[Loss]:
    """Yield ``session.query(User).delete()`` without a condition."""
    node: ast.expr = operation.call
    while True:
        node = resolve(node)
        if isinstance(node, ast.Call):
            if find_called(node) in _CONDITIONS and not _are_always_true(node):
                return
            if find_called(node) == "query":
                yield "delete-all", f"every row of {ast.unparse(node)} is deleted", ()
                return
            node = node.func
        elif isinstance(node, ast.Attribute):
            node = node.value
        else:
            yield "delete-all", f"every row of {ast.unparse(operation.call)} is deleted", ()
            return


def _are_always_true(call: ast.Call) -> bool:
    return not call.keywords and all(_is_always_true(one) for one in call.args)


def _is_always_true(node: ast.expr) -> bool:
    """Return whether a condition keeps no row: ``true()``, ``text("1=1")``."""
    node = resolve(node)
    if isinstance(node, ast.Constant) and not isinstance(node.value, str):
        return node.value is True
    if isinstance(node, ast.Call) and find_called(node) == "true":
        return True
    condition = read_string(node)
    return condition is not None and is_always_true(condition)


def read_table(file: ParsedFile, node: ast.expr) -> str:
    """Return the name of a table that is given as an expression: ``Table("users", …)``, ``User.__table__``."""
    node = resolve(node)
    if isinstance(node, ast.Attribute) and node.attr == "__table__":
        return ast.unparse(node.value)
    is_table = isinstance(node, ast.Call) and file.qualify(node.func).rpartition(".")[2] in ("Table", "table")
    return read_text(node.args[0]) if is_table and isinstance(node, ast.Call) and node.args else ast.unparse(node)
