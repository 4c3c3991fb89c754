"""What differs between the models and a database, in words: one line an operation of Alembic's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Dict, Iterator, List, Optional, Union

from .subject import Subject, read_subject, write_type

if TYPE_CHECKING:
    from alembic.operations.ops import (
        AddConstraintOp,
        AlterColumnOp,
        CreateIndexOp,
        CreateTableCommentOp,
        DropConstraintOp,
        DropIndexOp,
        DropTableCommentOp,
        MigrateOperation,
        OpContainer,
    )
    from sqlalchemy import Constraint
    from sqlalchemy.engine import Dialect

MISSING = "is in the models, not in the database"
LEFT_OVER = "is in the database, not in the models"


@dataclass(frozen=True)
class Difference(Subject):
    """One operation that would make a database like its models.

    :param text: what differs, in words.
    """

    text: str = ""


def describe_differences(operations: Optional[OpContainer], dialect: Dialect) -> List[Difference]:
    """Return what differs, in Alembic's order.

    :param operations: Alembic's UpgradeOps of one database, or None.
    :param dialect: SQLAlchemy's dialect of that database, to write types as it does.
    """
    return [_describe(operation, dialect) for operation in _flatten(operations)]


def _flatten(operations: Optional[MigrateOperation]) -> Iterator[MigrateOperation]:
    """Yield the operations, those in a container one after the other."""
    for operation in getattr(operations, "ops", ()):
        if hasattr(operation, "ops"):
            yield from _flatten(operation)
        else:
            yield operation


def _describe(operation: MigrateOperation, dialect: Dialect) -> Difference:
    subject = read_subject(operation)
    text = _WORDS.get(subject.operation, _describe_any)(operation, subject, dialect)
    return Difference(**vars(subject), text=f"{subject.table}: {text}" if subject.table else text)


def _describe_any(operation: MigrateOperation, subject: Subject, dialect: Dialect) -> str:
    """Return words for an operation that an env.py or a plugin of Alembic's adds."""
    return f"{subject.operation.replace('_', ' ')} is what the models ask for"


def _describe_table(state: str) -> Callable[..., str]:
    return lambda operation, subject, dialect: f"the table {state}"


def _describe_column(state: str) -> Callable[..., str]:
    return lambda operation, subject, dialect: f"column {subject.column} {state}"


def _describe_index(state: str) -> Callable[..., str]:
    def describe(operation: Union[CreateIndexOp, DropIndexOp], subject: Subject, dialect: Dialect) -> str:
        index = operation.to_index()
        unique = "unique index" if index.unique else "index"
        columns = ", ".join(getattr(one, "name", None) or str(one) for one in index.expressions)
        return f"{unique} {subject.name or ''} ({columns}) {state}".replace("  ", " ")

    return describe


def _describe_constraint(state: str) -> Callable[..., str]:
    def describe(operation: Union[AddConstraintOp, DropConstraintOp], subject: Subject, dialect: Dialect) -> str:
        constraint = operation.to_constraint()
        kind = constraint.__visit_name__.replace("foreign_key_constraint", "foreign key").replace("_", " ")
        name = f" {constraint.name}" if constraint.name else ""
        return f"{kind}{name}{_describe_columns(constraint)} {state}"

    return describe


def _describe_columns(constraint: Constraint) -> str:
    """Return what a constraint is on: ``(author_id) to users (id)``."""
    names = [str(getattr(column, "name", column)) for column in getattr(constraint, "columns", ())]
    targets = [element.target_fullname for element in getattr(constraint, "elements", ())]
    if not names:
        return ""
    return f" ({', '.join(names)})" + (f" to {', '.join(targets)}" if targets else "")


def _describe_alteration(operation: AlterColumnOp, subject: Subject, dialect: Dialect) -> str:
    """Return every property of a column that differs."""
    facets = [
        *_describe_type(operation, dialect),
        *_describe_nullable(operation),
        *_describe_defaults(operation),
        *_describe_comments(operation),
    ]
    return f"column {subject.column} {'; it '.join(facets) or 'differs'}"


def _describe_type(operation: AlterColumnOp, dialect: Dialect) -> List[str]:
    old, new = operation.existing_type, operation.modify_type
    if new is None or old is None:
        return []
    now, wanted = write_type(old, dialect), write_type(new, dialect)
    if now == wanted:
        now, wanted = repr(old), repr(new)
    return [f"is {now} in the database, {wanted} in the models"]


def _describe_nullable(operation: AlterColumnOp) -> List[str]:
    if operation.modify_nullable is None:
        return []
    if operation.modify_nullable:
        return ["may be null in the models, not in the database"]
    return ["may be null in the database, not in the models"]


def _describe_defaults(operation: AlterColumnOp) -> List[str]:
    if operation.modify_server_default is False:
        return []
    now, wanted = operation.existing_server_default, operation.modify_server_default
    return [f"has {_describe_default(now)} in the database, {_describe_default(wanted)} in the models"]


def _describe_default(default: object) -> str:
    if default is None or default is False:
        return "no server default"
    value = getattr(default, "arg", getattr(default, "sqltext", None))  # of a Computed
    return f"the server default {value}" if value is not None else f"a server default ({type(default).__name__})"


def _describe_comments(operation: AlterColumnOp) -> List[str]:
    if operation.modify_comment is False:
        return []
    now, wanted = _describe_comment(operation.existing_comment), _describe_comment(operation.modify_comment)
    return [f"has {now} in the database, {wanted} in the models"]


def _describe_table_comment(
    operation: Union[CreateTableCommentOp, DropTableCommentOp], subject: Subject, dialect: Dialect
) -> str:
    return f"the table has {_describe_comment(getattr(operation, 'comment', None))} in the models, not in the database"


def _describe_comment(comment: Optional[str]) -> str:
    return f"the comment {comment!r}" if comment else "no comment"


_WORDS: Dict[str, Callable[..., str]] = {
    "create_table": _describe_table(MISSING),
    "drop_table": _describe_table(LEFT_OVER),
    "add_column": _describe_column(MISSING),
    "drop_column": _describe_column(LEFT_OVER),
    "alter_column": _describe_alteration,
    "create_index": _describe_index(MISSING),
    "drop_index": _describe_index(LEFT_OVER),
    "create_primary_key": _describe_constraint(MISSING),
    "create_unique_constraint": _describe_constraint(MISSING),
    "create_foreign_key": _describe_constraint(MISSING),
    "create_check_constraint": _describe_constraint(MISSING),
    "drop_constraint": _describe_constraint(LEFT_OVER),
    "create_table_comment": _describe_table_comment,
    "drop_table_comment": _describe_table_comment,
}
