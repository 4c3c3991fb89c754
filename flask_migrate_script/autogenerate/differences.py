"""What differs between the models and a database, in words: one line an operation of Alembic's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional

MISSING = "is in the models, not in the database"
LEFT_OVER = "is in the database, not in the models"


@dataclass(frozen=True)
class Difference:
    """One operation that would make a database like its models.

    :param operation: Alembic's name for it, ``add_column``.
    :param table: the table, with its schema where it names one; None where there is none.
    :param column: the column, where it is about one.
    :param name: the index or the constraint, where it is about one that has a name.
    :param text: what differs, in words.
    """

    operation: str
    table: Optional[str]
    column: Optional[str]
    name: Optional[str]
    text: str


def differences(operations: Any, dialect: Any) -> List[Difference]:
    """Return what differs, in Alembic's order.

    :param operations: Alembic's UpgradeOps of one database, or None.
    :param dialect: SQLAlchemy's dialect of that database, to write types as it does.
    """
    return [_difference(operation, dialect) for operation in _flat(operations)]


def operation_name(operation: Any) -> str:
    """Return Alembic's name of an operation: ``add_column`` of an ``AddColumnOp``."""
    words = re.sub(r"Ops?$", "", type(operation).__name__)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", words).lower()


def _flat(operations: Any) -> Iterator[Any]:
    """Yield the operations, those in a container one after the other."""
    for operation in getattr(operations, "ops", ()):
        if hasattr(operation, "ops"):
            yield from _flat(operation)
        else:
            yield operation


def _difference(operation: Any, dialect: Any) -> Difference:
    name = operation_name(operation)
    say: Callable[..., str] = _WORDS.get(name, _anything)
    table, text = _table(operation), say(operation, dialect)
    return Difference(name, table, _column(operation), _own_name(operation), f"{table}: {text}" if table else text)


def _table(operation: Any) -> Optional[str]:
    table = getattr(operation, "table_name", None) or getattr(operation, "source_table", None)
    schema = getattr(operation, "schema", None) or getattr(operation, "source_schema", None)
    return f"{schema}.{table}" if table and schema else table


def _column(operation: Any) -> Optional[str]:
    column = getattr(operation, "column", None)
    name = column.name if column is not None else getattr(operation, "column_name", None)
    return None if name is None else str(name)


def _own_name(operation: Any) -> Optional[str]:
    name = getattr(operation, "index_name", None) or getattr(operation, "constraint_name", None)
    return str(name) if name else None


def _table_words(state: str) -> Callable[..., str]:
    return lambda operation, dialect: f"the table {state}"


def _column_words(state: str) -> Callable[..., str]:
    return lambda operation, dialect: f"column {_column(operation)} {state}"


def _index_words(state: str) -> Callable[..., str]:
    def say(operation: Any, dialect: Any) -> str:
        index = operation.to_index()
        unique = "unique index" if index.unique else "index"
        columns = ", ".join(getattr(one, "name", None) or str(one) for one in index.expressions)
        return f"{unique} {_own_name(operation) or ''} ({columns}) {state}".replace("  ", " ")

    return say


def _constraint_words(state: str) -> Callable[..., str]:
    def say(operation: Any, dialect: Any) -> str:
        constraint = operation.to_constraint()
        kind = constraint.__visit_name__.replace("foreign_key_constraint", "foreign key").replace("_", " ")
        name = f" {constraint.name}" if constraint.name else ""
        return f"{kind}{name}{_on(constraint)} {state}"

    return say


def _on(constraint: Any) -> str:
    """Return what a constraint is on: ``(author_id) to users (id)``."""
    names = [str(getattr(column, "name", column)) for column in getattr(constraint, "columns", ())]
    targets = [element.target_fullname for element in getattr(constraint, "elements", ())]
    if not names:
        return ""
    return f" ({', '.join(names)})" + (f" to {', '.join(targets)}" if targets else "")


def _altered(operation: Any, dialect: Any) -> str:
    """Return every property of a column that differs."""
    facets = [*_type(operation, dialect), *_nullable(operation), *_default(operation), *_comment(operation)]
    return f"column {_column(operation)} {'; it '.join(facets) or 'differs'}"


def _type(operation: Any, dialect: Any) -> List[str]:
    if operation.modify_type is None:
        return []
    types = (operation.existing_type, operation.modify_type)
    now, wanted = (write_type(one, dialect) for one in types)
    if now == wanted:
        now, wanted = map(repr, types)
    return [f"is {now} in the database, {wanted} in the models"]


def _nullable(operation: Any) -> List[str]:
    if operation.modify_nullable is None:
        return []
    if operation.modify_nullable:
        return ["may be null in the models, not in the database"]
    return ["may be null in the database, not in the models"]


def _default(operation: Any) -> List[str]:
    if operation.modify_server_default is False:
        return []
    now, wanted = operation.existing_server_default, operation.modify_server_default
    return [f"has {_defaulted(now)} in the database, {_defaulted(wanted)} in the models"]


def _defaulted(default: Any) -> str:
    if default is None or default is False:
        return "no server default"
    value = getattr(default, "arg", getattr(default, "sqltext", None))  # of a Computed
    return f"the server default {value}" if value is not None else f"a server default ({type(default).__name__})"


def _comment(operation: Any) -> List[str]:
    if operation.modify_comment is False:
        return []
    now, wanted = _commented(operation.existing_comment), _commented(operation.modify_comment)
    return [f"has {now} in the database, {wanted} in the models"]


def _table_comment(operation: Any, dialect: Any) -> str:
    return f"the table has {_commented(getattr(operation, 'comment', None))} in the models, not in the database"


def _commented(comment: Optional[str]) -> str:
    return f"the comment {comment!r}" if comment else "no comment"


def write_type(type_: Any, dialect: Any) -> str:
    """Return a type as it stands in a statement."""
    try:
        return str(type_.compile(dialect=dialect))
    except Exception:  # whatever a type of the application's own raises; Alembic shows its repr too
        return repr(type_)


def _anything(operation: Any, dialect: Any) -> str:
    """An operation that an env.py or a plugin of Alembic's adds."""
    return f"{operation_name(operation).replace('_', ' ')} is what the models ask for"


_WORDS: Dict[str, Callable[..., str]] = {
    "create_table": _table_words(MISSING),
    "drop_table": _table_words(LEFT_OVER),
    "add_column": _column_words(MISSING),
    "drop_column": _column_words(LEFT_OVER),
    "alter_column": _altered,
    "create_index": _index_words(MISSING),
    "drop_index": _index_words(LEFT_OVER),
    "create_primary_key": _constraint_words(MISSING),
    "create_unique_constraint": _constraint_words(MISSING),
    "create_foreign_key": _constraint_words(MISSING),
    "create_check_constraint": _constraint_words(MISSING),
    "drop_constraint": _constraint_words(LEFT_OVER),
    "create_table_comment": _table_comment,
    "drop_table_comment": _table_comment,
}
