"""Columns that a table with rows does not take, and types that outlive their columns."""

from __future__ import annotations

import ast
from typing import Collection, Dict, Iterator, List, Optional, Set

from ..revisions.metadata import read_literal
from ..sql.reader import Reader
from ..sql.targets import find_added_columns, find_alteration
from ..sql.text import split
from .data import Loss, find_made, read_sql
from .files import ParsedFile, resolve
from .findings import Finding
from .written import Operation, read_string

_MAKES_VALUES = ("Computed", "Identity", "Sequence", "FetchedValue", "DefaultClause")
_WITH_VALUE = ("DEFAULT", "GENERATED", "IDENTITY", "AUTO_INCREMENT", "AUTOINCREMENT", "SERIAL", "BIGSERIAL", "AS")


def find_without_value(file: ParsedFile, found: List[Operation], dialects: Collection[str]) -> Iterator[Finding]:
    """Yield the columns that are added NOT NULL with no value for the rows that are there.

    :param found: the operations of an upgrade, or of a downgrade.
    :param dialects: of the databases that it is for.
    """
    made: Set[str] = set()
    for operation in found:
        made.update(thing[0] for thing in find_made(operation, dialects) if len(thing) == 1)
        for _, what, thing in dict.fromkeys(_find_added(file, operation, dialects)):
            if thing[0] not in made and not file.allows("not-null-without-value", operation.line):
                yield Finding(
                    "not-null-without-value",
                    file.shown,
                    operation.line,
                    file.revision,
                    what,
                    "Where the table has rows, PostgreSQL and SQLite refuse it; MySQL gives them '' or 0.",
                    "Give it a server_default; or add it nullable, fill it, and set nullable=False after that.",
                )


def _find_added(file: ParsedFile, operation: Operation, dialects: Collection[str]) -> Iterator[Loss]:
    if operation.name == "add_column":
        column = operation.find_argument(0, "column")
        if isinstance(column, ast.Call) and column.args and _lacks_value(file, column):
            name = read_string(column.args[0]) or ast.unparse(column.args[0])
            yield _describe(operation.table, name)
    elif operation.name == "execute":
        for dialect in dialects:
            yield from _find_added_by_sql(read_sql(operation), dialect)


def _find_added_by_sql(sql: str, dialect: str) -> Iterator[Loss]:
    for statement in split(sql, dialect):
        alteration = find_alteration(statement)
        for column, tokens in find_added_columns(alteration) if alteration else ():
            words = [token.word for token in tokens]
            if alteration and ("NOT", "NULL") in zip(words, words[1:]) and not set(_WITH_VALUE) & set(words):
                yield _describe(alteration.table.written, column.written)


def _describe(table: str, column: str) -> Loss:
    return (
        "not-null-without-value",
        f"the column {table}.{column} is added NOT NULL, with no value for the rows that are there",
        (table, column),
    )


def _lacks_value(file: ParsedFile, column: ast.Call) -> bool:
    given = {keyword.arg: resolve(keyword.value) for keyword in column.keywords}
    if None in given or read_literal(given.get("nullable", ast.Constant(True))) is not False:
        return False
    default = given.get("server_default")
    has_default = default is not None and not (isinstance(default, ast.Constant) and default.value is None)
    makes = (resolve(one) for one in column.args)
    return not has_default and not any(
        isinstance(one, ast.Call) and file.qualify(one.func).rpartition(".")[2] in _MAKES_VALUES for one in makes
    )


def find_types_left_behind(
    file: ParsedFile, up: List[Operation], down: List[Operation], line: int
) -> Iterator[Finding]:
    """Yield the enum types that an upgrade makes on PostgreSQL and its downgrade leaves there.

    :param line: of the downgrade.
    """
    dropped = {operation.table for operation in down if operation.name == "drop_type"}
    for operation in down:
        dropped.update(_find_dropped_types(read_sql(operation)) if operation.name == "execute" else ())
    for name in _find_made_types(file, up):
        if name not in dropped and not file.allows("enum-left-behind", line, (line, line)):
            yield Finding(
                "enum-left-behind",
                file.shown,
                line,
                file.revision,
                f"the type {name}, which the upgrade makes, is still there after the downgrade",
                "PostgreSQL keeps a type when its table goes: the next upgrade finds it there, and fails.",
                f'End the downgrade with sa.Enum(name="{name}").drop(op.get_bind(), checkfirst=True).',
            )


def _find_made_types(file: ParsedFile, up: List[Operation]) -> List[str]:
    """Return the names of the types that an upgrade makes: those of its tables, and those it makes by themselves."""
    found: Dict[str, None] = {}
    for operation in up:
        if operation.name == "create_type":
            found[operation.table] = None
        for column in operation.call.args[1:] if operation.name == "create_table" else ():
            found.update(dict.fromkeys(_find_enums(file, resolve(column))))
    return list(found)


def _find_enums(file: ParsedFile, column: ast.expr) -> Iterator[str]:
    for argument in column.args[1:] if isinstance(column, ast.Call) else ():
        name = find_enum(file, argument)
        if name:
            yield name


def find_enum(file: ParsedFile, node: ast.expr) -> Optional[str]:
    """Return the name of the type that ``sa.Enum(…)`` makes on PostgreSQL; None where it makes none."""
    node = resolve(node)
    if not isinstance(node, ast.Call) or file.qualify(node.func).rpartition(".")[2] not in ("Enum", "ENUM"):
        return None
    given = {keyword.arg: resolve(keyword.value) for keyword in node.keywords}
    off = (read_literal(given[one]) is False for one in ("native_enum", "create_type") if one in given)
    return read_string(given["name"]) if "name" in given and not any(off) else None


def _find_dropped_types(sql: str) -> Iterator[str]:
    for statement in split(sql, "postgresql"):
        reader = Reader(statement.executed)
        if reader.skip("DROP", "TYPE"):
            reader.skip_if_exists()
            for name in reader.read_names():
                yield name.plain.rpartition(".")[2]
