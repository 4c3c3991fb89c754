"""Alembic's operations with the keywords and the order of arguments that older Alembics took."""

from __future__ import annotations

import functools
import sys
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Tuple

from . import checks
from .callers import Manners
from .versions import ALEMBIC

_SINCE = (1, 5)
"""The Alembic that dropped them; 1.4.3 has them all."""

KEYWORDS: Dict[str, Dict[str, str]] = {
    "create_foreign_key": {"name": "constraint_name", "source": "source_table", "referent": "referent_table"},
    "create_unique_constraint": {"name": "constraint_name", "source": "table_name", "local_cols": "columns"},
    "create_check_constraint": {"name": "constraint_name", "source": "table_name"},
    "create_primary_key": {"name": "constraint_name", "cols": "columns"},
    "drop_constraint": {"name": "constraint_name", "tablename": "table_name", "type": "type_"},
    "create_index": {"name": "index_name", "tablename": "table_name"},
    "drop_index": {"name": "index_name", "tablename": "table_name"},
    "alter_column": {"name": "new_column_name"},
    "create_table": {"name": "table_name"},
    "drop_table": {"name": "table_name"},
}
"""What keywords are called now, by operation."""

ORDER: Dict[str, Tuple[str, ...]] = {
    "create_foreign_key": (
        "constraint_name",
        "source_table",
        "referent_table",
        "local_cols",
        "remote_cols",
        "onupdate",
        "ondelete",
        "deferrable",
        "initially",
        "match",
        "source_schema",
        "referent_schema",
    ),
    "create_unique_constraint": ("constraint_name", "table_name", "columns", "schema"),
    "create_check_constraint": ("constraint_name", "table_name", "condition", "schema"),
    "create_primary_key": ("constraint_name", "table_name", "columns", "schema"),
    "drop_constraint": ("constraint_name", "table_name", "type_", "schema"),
    "create_index": ("index_name", "table_name", "columns", "schema", "unique"),
    "drop_index": ("index_name", "table_name", "schema"),
    "alter_column": ("table_name", "column_name", "nullable", "comment", "server_default", "new_column_name", "type_"),
    "drop_table": ("table_name", "schema"),
    "drop_column": ("table_name", "column_name", "schema"),
    "add_column": ("table_name", "column", "schema"),
    "rename_table": ("old_table_name", "new_table_name", "schema"),
}
"""The order of arguments in Alembic 1.4; newer ones take the last of them by keyword only."""

_POSITIONAL: Dict[str, int] = {
    "create_foreign_key": 5,
    "drop_constraint": 3,
    "create_unique_constraint": 3,
    "create_check_constraint": 3,
    "create_primary_key": 3,
    "create_index": 3,
    "drop_index": 2,
    "alter_column": 2,
    "drop_table": 1,
    "drop_column": 2,
    "add_column": 2,
    "rename_table": 2,
}
"""How many of them are taken by position as ever."""

_OF_TABLE = ("table_name", "source_table", "tablename", "source")
"""What an operation of a batch does not take."""


def find_operation(manners: Manners, module: ModuleType, name: str) -> Any:
    """Return one of Alembic's operations, as an old script calls it."""
    operation = getattr(module, name)
    if ALEMBIC < _SINCE:
        return operation
    if name == "batch_alter_table":
        return _open_old_batches(manners, operation)
    return _accept(manners, name, operation, None) if name in ORDER or name in KEYWORDS else operation


class OldBatch:
    """A batch whose operations are called as an old script calls them.

    :param batch: Alembic's own.
    """

    def __init__(self, manners: Manners, batch: Any) -> None:
        self._manners, self._batch = manners, batch

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._batch, name)
        if name not in ORDER and name not in KEYWORDS:
            return operation
        return _accept(self._manners, name, operation, self._batch.impl.table_name)


def _open_old_batches(manners: Manners, real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    @contextmanager
    def batch_alter_table(*args: object, **kwargs: object) -> Iterator[OldBatch]:
        with real(*args, **kwargs) as batch:
            yield OldBatch(manners, batch)

    return batch_alter_table


def _accept(manners: Manners, name: str, real: Callable[..., Any], table: Optional[str]) -> Callable[..., Any]:
    """Return an operation that takes what older Alembics took.

    :param table: that of a batch.
    """
    renamed = KEYWORDS.get(name, {})
    order = [one for one in ORDER.get(name, ()) if table is None or one not in _OF_TABLE]
    if table is not None and name == "create_foreign_key":
        order = [one for one in order if one != "source_schema"]
    positional = _POSITIONAL.get(name, 0) - (table is not None)

    @functools.wraps(real)
    def operation(*args: object, **kwargs: object) -> Any:
        if not renamed.keys().isdisjoint(kwargs):
            args, kwargs = _rename(manners, sys._getframe(1), name, order, args, kwargs)
        if positional and len(args) > positional:
            if name != "drop_index" or table is None:
                manners.note(sys._getframe(1), f"{name}() with {len(args)} arguments by position", "an older Alembic")
            kwargs = {**dict(zip(order[positional:], args[positional:])), **kwargs}
            args = args[:positional]
        if name == "drop_constraint" and checks.is_gone(manners, table, args, kwargs):
            checks.say_gone(manners, sys._getframe(1), args, kwargs)
            return None
        return real(*args, **kwargs)

    return operation


def _rename(
    manners: Manners,
    frame: FrameType,
    name: str,
    order: Sequence[str],
    args: Tuple[object, ...],
    kwargs: Dict[str, object],
) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """Return the arguments by the names that they have now; what is given by position comes after the renamed ones."""
    renamed = KEYWORDS[name]
    old = [one for one in kwargs if one in renamed]
    manners.note(frame, f"{name}({', '.join(f'{one}=' for one in old)})", "an older Alembic")
    given = {renamed.get(one, one): value for one, value in kwargs.items()}
    if name == "create_table":  # columns follow, as many as there are
        return (given.pop("table_name"), *args), given
    free = [one for one in order if one not in given]
    return (), {**dict(zip(free, args)), **given}
