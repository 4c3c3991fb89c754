"""Statements as SQLAlchemy 1 made them: ``select([…])``, ``case([…])``, ``table.update(where, values)`` and the like.

Each takes the Manners, the frame that calls, SQLAlchemy's own function, and then what a script has given.
"""

from __future__ import annotations

from types import FrameType
from typing import Any, Callable, Dict, Iterable, List, Tuple

from .callers import Manners
from .replacing import Old, add, replace
from .versions import SQLALCHEMY


def _list(given: Any) -> List[Any]:
    """Return what may be given as one or as several."""
    from sqlalchemy.sql.base import ColumnCollection

    return list(given) if isinstance(given, (list, tuple, set, ColumnCollection)) else [given]


def _is_listed(args: Tuple[object, ...]) -> bool:
    from sqlalchemy.sql.base import ColumnCollection

    return bool(args) and isinstance(args[0], (list, tuple, set, ColumnCollection))


def select(manners: Manners, frame: FrameType, real: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """``select([a, b], whereclause, from_obj, …)``"""
    if not kwargs and not _is_listed(args):
        return real(*args)
    manners.note(frame, "select([...])")
    given = dict(zip(("columns", "whereclause", "from_obj", "distinct", "having", "correlate"), args))
    given.update(kwargs)
    return _complete_select(real(*_list(given.pop("columns", ()) or ())), given)


def _complete_select(statement: Any, given: Dict[str, Any]) -> Any:
    """Return a SELECT with what 1.x took as arguments.

    :raises TypeError: if one is not known.
    """
    given.pop("bind", None)
    for name, complete in _CLAUSES.items():
        value = given.pop(name, None)
        if value is not None and value is not False:
            statement = complete(statement, value)
    if given.pop("correlate", True) is False:
        statement = statement.correlate(None)
    if given:
        raise TypeError(f"select() got an unexpected keyword argument {sorted(given)[0]!r}")
    return statement


def _lock(statement: Any, how: Any) -> Any:
    read = how in ("read", "read_nowait")
    return statement.with_for_update(read=read, nowait=how in ("nowait", "read_nowait"))


def _label(statement: Any, how: Any) -> Any:
    from sqlalchemy.sql.selectable import LABEL_STYLE_TABLENAME_PLUS_COL

    return statement.set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)


_CLAUSES: Dict[str, Callable[[Any, Any], Any]] = {
    "whereclause": lambda statement, value: statement.where(value),
    "from_obj": lambda statement, value: statement.select_from(*_list(value)),
    "distinct": lambda statement, value: statement.distinct(*(() if value is True else _list(value))),
    "group_by": lambda statement, value: statement.group_by(*_list(value)),
    "having": lambda statement, value: statement.having(value),
    "order_by": lambda statement, value: statement.order_by(*_list(value)),
    "limit": lambda statement, value: statement.limit(value),
    "offset": lambda statement, value: statement.offset(value),
    "prefixes": lambda statement, value: statement.prefix_with(*_list(value)),
    "for_update": _lock,
    "use_labels": _label,
}


def case(manners: Manners, frame: FrameType, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``case([(condition, value)], value, else_)``, ``case(whens=…)``"""
    if "whens" not in kwargs and not (args and isinstance(args[0], list)) and not _has_value(args):
        return real(*args, **kwargs)
    manners.note(frame, "case([...])")
    given = dict(zip(("whens", "value", "else_"), args))
    given.update(kwargs)
    whens = given.pop("whens")
    return real(*([whens] if isinstance(whens, dict) else list(whens)), **given)


def _has_value(args: Tuple[object, ...]) -> bool:
    """Return whether a mapping is followed by what it is compared with, or all conditions are in one tuple."""
    first = args[0] if args else None
    if isinstance(first, dict):
        return len(args) > 1
    return isinstance(first, tuple) and bool(first) and _is_pair(first[0])


def _is_pair(given: Any) -> bool:
    return isinstance(given, (tuple, list)) and len(given) == 2


def update(
    manners: Manners, frame: FrameType, real: Callable[..., Any], table: Any, *args: object, **kwargs: object
) -> Any:
    """``update(table, whereclause, values)``, ``table.update(…)``"""
    return _change(manners, frame, "update(where, values)", real(table), ("whereclause", "values"), args, kwargs)


def delete(
    manners: Manners, frame: FrameType, real: Callable[..., Any], table: Any, *args: object, **kwargs: object
) -> Any:
    """``delete(table, whereclause)``, ``table.delete(…)``"""
    return _change(manners, frame, "delete(where)", real(table), ("whereclause",), args, kwargs)


def insert(
    manners: Manners, frame: FrameType, real: Callable[..., Any], table: Any, *args: object, **kwargs: object
) -> Any:
    """``insert(table, values)``, ``table.insert(…)``"""
    return _change(manners, frame, "insert(values)", real(table), ("values",), args, kwargs)


def _change(
    manners: Manners,
    frame: FrameType,
    kind: str,
    statement: Any,
    names: Tuple[str, ...],
    args: Tuple[Any, ...],
    kwargs: Dict[str, Any],
) -> Any:
    if not args and not kwargs:
        return statement
    manners.note(frame, kind)
    given = {**dict(zip(names, args)), **kwargs}
    given.pop("bind", None)
    if given.pop("inline", False):
        statement = statement.inline()
    for name, method in (("whereclause", "where"), ("values", "values"), ("returning", "returning")):
        value = given.pop(name, None)
        if value is not None:
            statement = getattr(statement, method)(*(_list(value) if name == "returning" else [value]))
    for prefix in given.pop("prefixes", None) or ():
        statement = statement.prefix_with(prefix)
    return statement.with_dialect_options(**given) if given else statement


def exists(manners: Manners, frame: FrameType, real: Callable[..., Any], *args: object, **kwargs: object) -> Any:
    """``exists([columns], whereclause, …)``"""
    if not kwargs and not _is_listed(args):
        return real(*args)
    from sqlalchemy import select as now

    manners.note(frame, "exists([...])")
    given = dict(zip(("columns", "whereclause", "from_obj"), args))
    given.update(kwargs)
    return real(_complete_select(now(*_list(given.pop("columns", ()) or ())), given))


def text(manners: Manners, frame: FrameType, real: Callable[..., Any], text: str, *args: Any, **kwargs: Any) -> Any:
    """``text(sql, bindparams=…, typemap=…, autocommit=…)``"""
    if not kwargs and not args:
        return real(text)
    given = {**dict(zip(("bind", "bindparams", "typemap", "autocommit"), args)), **kwargs}
    if not {"bindparams", "typemap", "autocommit", "bind"} & set(given):
        return real(text, **given)
    manners.note(frame, "text(bindparams=...)" if "bindparams" in given else f"text({next(iter(given))}=...)")
    statement = real(text)
    if given.get("bindparams"):
        statement = statement.bindparams(*given["bindparams"])
    return statement.columns(**given["typemap"]) if given.get("typemap") else statement


FUNCTIONS: Dict[str, Tuple[Old, Tuple[int, ...]]] = {
    "select": (select, (2, 0)),
    "case": (case, (2, 0)),
    "update": (update, (2, 0)),
    "delete": (delete, (2, 0)),
    "insert": (insert, (2, 0)),
    "exists": (exists, (2, 0)),
    "text": (text, (1, 4)),
}
"""Functions that a script imports, and since when they are not as they were."""


def _select_from(
    manners: Manners, frame: FrameType, real: Callable[..., Any], table: Any, *args: object, **kwargs: object
) -> Any:
    """``table.select(whereclause, …)``"""
    if not args and not kwargs:
        return real(table)
    manners.note(frame, "select(where)")
    given = {**dict(zip(("whereclause",), args)), **kwargs}
    return _complete_select(real(table), given)


def _count(manners: Manners, frame: FrameType, table: Any, whereclause: Any = None, **kwargs: Any) -> Any:
    """``table.count(whereclause)``"""
    from sqlalchemy import func
    from sqlalchemy import select as now

    manners.note(frame, "count()")
    columns: Iterable[Any] = getattr(table, "primary_key", None) or table.c
    column = func.count(next(iter(columns))).label("tbl_row_count")
    columns_of_select: List[Any] = [column] if SQLALCHEMY >= (2, 0) else [[column]]
    statement = now(*columns_of_select).select_from(table)
    return _complete_select(statement, {"whereclause": whereclause, **kwargs})


def _append_where(manners: Manners, frame: FrameType, statement: Any, whereclause: Any) -> None:
    """``statement.append_whereclause(…)``, which changes it"""
    manners.note(frame, "append_whereclause()")
    statement.__dict__.update(statement.where(whereclause).__dict__)


def replace_methods() -> None:
    """Replace the methods of tables that make statements: FromClause, Join and TableClause, seen on 2.0.0 to 2.1.9."""
    from sqlalchemy.sql.selectable import FromClause, Join, Select, TableClause

    add(FromClause, "count", _count)
    if SQLALCHEMY >= (2, 0):
        replace(FromClause, "select", _select_from)
        replace(Join, "select", _select_from)
        replace(TableClause, "update", update)
        replace(TableClause, "delete", delete)
        replace(TableClause, "insert", insert)
        add(Select, "append_whereclause", _append_where)
