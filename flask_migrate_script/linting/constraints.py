"""Constraints without a name, which a batch on SQLite cannot make or drop.

Alembic copies the table there and has to tell one constraint from the other by its name: "Constraint must have a name".
A naming convention of the models' MetaData gives them one, seen on Alembic 1.4.3 to 1.20.1.
"""

from __future__ import annotations

import ast
from typing import Iterator, Mapping, Optional, Tuple

from ..revisions.metadata import read_literal
from .files import ParsedFile
from .findings import Finding
from .written import Operation

_CREATED = {
    "create_unique_constraint": ("uq", "UniqueConstraint", "a unique constraint"),
    "create_foreign_key": ("fk", "ForeignKeyConstraint", "a foreign key"),
    "create_check_constraint": ("ck", "CheckConstraint", "a check constraint"),
    "create_primary_key": ("pk", "PrimaryKeyConstraint", "a primary key"),
}


def find_unnamed(file: ParsedFile, operation: Operation, conventions: Mapping[object, object]) -> Iterator[Finding]:
    """Yield the finding where an operation of a batch is about a constraint without a name.

    :param conventions: the naming convention of the models' MetaData.
    """
    found = _find_what_is_unnamed(file, operation, conventions) if operation.batch else None
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


def _find_what_is_unnamed(
    file: ParsedFile, operation: Operation, conventions: Mapping[object, object]
) -> Optional[Tuple[str, str]]:
    if operation.name in _CREATED and _is_none(operation.find_argument(0, "constraint_name")):
        key, kind, what = _CREATED[operation.name]
        return None if _has_name_for(conventions, key, kind) else (what, _advise_to_name(key))
    if operation.name == "drop_constraint" and _is_none(operation.find_argument(0, "constraint_name")):
        return (
            "a constraint is dropped",
            "Give the name it was made with; if it has none, batch_alter_table(…, naming_convention=…) gives it one.",
        )
    if operation.name == "add_column":
        column = operation.find_argument(0, "column")
        for key, kind, what in _find_unnamed_in_column(file, column):
            if not _has_name_for(conventions, key, kind):
                return what, _advise_to_name(key)
    return None


def _advise_to_name(key: str) -> str:
    return f"Name it, as in {key}_users_email, or give db.metadata a naming convention for {key!r}."


def _has_name_for(conventions: Mapping[object, object], key: str, kind: str) -> bool:
    """Return whether a convention makes a name of nothing but the table and the columns."""
    by_class = {getattr(name, "__name__", name): pattern for name, pattern in conventions.items()}
    pattern = by_class.get(key, by_class.get(kind))
    return pattern is not None and "constraint_name" not in str(pattern)


def _is_none(node: Optional[ast.expr]) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _find_unnamed_in_column(file: ParsedFile, column: Optional[ast.expr]) -> Iterator[Tuple[str, str, str]]:
    """Yield the constraints without a name that come with a new column."""
    if not isinstance(column, ast.Call):
        return
    for argument in column.args:
        named = isinstance(argument, ast.Call) and any(keyword.arg == "name" for keyword in argument.keywords)
        if isinstance(argument, ast.Call) and file.qualify(argument.func).endswith(".ForeignKey") and not named:
            yield "fk", "ForeignKeyConstraint", "a column with a foreign key"
    if any(keyword.arg == "unique" and read_literal(keyword.value) is True for keyword in column.keywords):
        yield "uq", "UniqueConstraint", "a column with a unique constraint"
