"""Constraints without a name, which a batch on SQLite cannot make or drop.

Alembic copies the table there and has to tell one constraint from the other by its name: "Constraint must have a name".
A naming convention of the models' MetaData gives them one, seen on Alembic 1.4.3 to 1.20.1.
"""

from __future__ import annotations

import ast
from typing import Any, Iterator, Mapping, Optional, Tuple

from ..revisions.metadata import literal
from .files import ParsedFile
from .findings import Finding
from .operations import Operation

_CREATED = {
    "create_unique_constraint": ("uq", "UniqueConstraint", "a unique constraint"),
    "create_foreign_key": ("fk", "ForeignKeyConstraint", "a foreign key"),
    "create_check_constraint": ("ck", "CheckConstraint", "a check constraint"),
    "create_primary_key": ("pk", "PrimaryKeyConstraint", "a primary key"),
}


def unnamed(file: ParsedFile, operation: Operation, conventions: Mapping[Any, Any]) -> Iterator[Finding]:
    """Yield the finding where an operation of a batch is about a constraint without a name.

    :param conventions: the naming convention of the models' MetaData.
    """
    found = _without_name(file, operation, conventions) if operation.batch else None
    if found and not file.allows("unnamed-constraint", operation.line):
        what, instead = found
        yield Finding(
            "unnamed-constraint",
            file.shown,
            operation.line,
            file.revision,
            f"{what} without a name, in a batch on {operation.table}",
            'SQLite cannot alter a table: the batch copies it, and ends in "Constraint must have a name".',
            instead,
        )


def _without_name(file: ParsedFile, operation: Operation, conventions: Mapping[Any, Any]) -> Optional[Tuple[str, str]]:
    if operation.name in _CREATED and _is_none(operation.argument(0, "constraint_name")):
        key, kind, what = _CREATED[operation.name]
        return None if _names(conventions, key, kind) else (what, _name_it(key))
    if operation.name == "drop_constraint" and _is_none(operation.argument(0, "constraint_name")):
        return (
            "a constraint is dropped",
            "Give the name it was made with; if it has none, batch_alter_table(…, naming_convention=…) gives it one.",
        )
    if operation.name == "add_column":
        column = operation.argument(0, "column")
        for key, kind, what in _of_column(file, column):
            if not _names(conventions, key, kind):
                return what, _name_it(key)
    return None


def _name_it(key: str) -> str:
    return f"Name it, as in {key}_users_email, or give db.metadata a naming convention for {key!r}."


def _names(conventions: Mapping[Any, Any], key: str, kind: str) -> bool:
    """Return whether a convention makes a name of nothing but the table and the columns."""
    by_class = {getattr(name, "__name__", name): pattern for name, pattern in conventions.items()}
    pattern = by_class.get(key, by_class.get(kind))
    return pattern is not None and "constraint_name" not in str(pattern)


def _is_none(node: Optional[ast.expr]) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _of_column(file: ParsedFile, column: Optional[ast.expr]) -> Iterator[Tuple[str, str, str]]:
    """Yield the constraints without a name that come with a new column."""
    if not isinstance(column, ast.Call):
        return
    for argument in column.args:
        named = isinstance(argument, ast.Call) and any(keyword.arg == "name" for keyword in argument.keywords)
        if isinstance(argument, ast.Call) and file.qualified(argument.func).endswith(".ForeignKey") and not named:
            yield "fk", "ForeignKeyConstraint", "a column with a foreign key"
    if any(keyword.arg == "unique" and literal(keyword.value) is True for keyword in column.keywords):
        yield "uq", "UniqueConstraint", "a column with a unique constraint"
