"""MetaData with a bind, and tables that load themselves by it."""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from .callers import Manners
from .replacing import add, add_value, replace
from .versions import SQLALCHEMY

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table
    from sqlalchemy.engine.reflection import Inspector

Real = Callable[..., Any]


def replace_methods() -> None:
    """Replace methods of MetaData and Table, seen on 1.4.0 to 2.1.9."""
    from sqlalchemy import MetaData, Table
    from sqlalchemy.engine.reflection import Inspector

    replace(MetaData, "__init__", _make_metadata)
    replace(Table, "__new__", _make_table)
    add(Inspector, "get_primary_keys", _get_primary_keys)
    if SQLALCHEMY < (2, 0):
        return
    for name in ("reflect", "create_all", "drop_all"):
        replace(MetaData, name, _make_binding(name, lambda metadata: metadata))
    for name in ("create", "drop"):
        replace(Table, name, _make_binding(name, lambda table: table.metadata))
    add(Table, "exists", _exists)
    _add_binds()


def _make_metadata(
    manners: Manners, frame: FrameType, real: Real, metadata: MetaData, *args: object, **kwargs: object
) -> None:
    """``MetaData(bind)``, ``MetaData(bind=…)``, ``MetaData(reflect=True)``"""
    if SQLALCHEMY < (2, 0):
        reflect = kwargs.pop("reflect", False)
        real(metadata, *args, **kwargs)
    else:
        bind = kwargs.pop("bind", None)
        reflect = kwargs.pop("reflect", False)
        if args and not isinstance(args[0], (str, type(None))):
            bind, args = args[0], args[1:]
        real(metadata, *args, **kwargs)
        if bind is not None:
            manners.note(frame, "MetaData(bind)")
            vars(metadata)["bind"] = bind
    if reflect:
        manners.note(frame, "MetaData(reflect=True)")
        bound: Any = getattr(metadata, "bind", None)
        metadata.reflect(_use(manners, bound))


def _use(manners: Manners, bind: Any) -> Any:
    """Return what to use for a bind: the migration's own connection where it is to the same database.

    Another one would not see what the migration has done, or would wait for it.
    """
    if bind is None or hasattr(bind, "exec_driver_sql"):
        return bind
    return manners.find_connection(bind) or bind


def _make_binding(name: str, find_metadata: Callable[[Any], MetaData]) -> Callable[..., Any]:
    def call_bound(
        manners: Manners, frame: FrameType, real: Real, thing: Any, bind: Any = None, *args: object, **kwargs: object
    ) -> Any:
        bound = vars(find_metadata(thing)).get("bind") if bind is None else None
        if bound is None:
            return real(thing, *([] if bind is None else [bind]), *args, **kwargs)
        manners.note(frame, f"{name}() without a bind")
        return real(thing, _use(manners, bound), *args, **kwargs)

    return call_bound


def _make_table(manners: Manners, frame: FrameType, real: Real, cls: type, *args: object, **kwargs: object) -> Table:
    """``Table(…, autoload=True)``, ``Table(…, useexisting=True)``"""
    if "useexisting" in kwargs:
        manners.note(frame, "Table(useexisting=True)")
        kwargs["extend_existing"] = kwargs.pop("useexisting")
    if "autoload" in kwargs and SQLALCHEMY >= (2, 0):
        kwargs = _load_by_bind(manners, frame, args, kwargs)
    found: Table = real(cls, *args, **kwargs)
    return found


def _load_by_bind(manners: Manners, frame: FrameType, args: Any, kwargs: Dict[str, object]) -> Dict[str, Any]:
    metadata = args[1] if len(args) > 1 else None
    bind = kwargs.get("autoload_with")
    if bind is None and metadata is not None:
        bind = _use(manners, vars(metadata).get("bind"))
    if kwargs["autoload"] and bind is None:
        return kwargs  # nothing says from where: the library's error does
    manners.note(frame, "Table(autoload=True)")
    loading = bool(kwargs["autoload"])
    rest = {name: value for name, value in kwargs.items() if name not in ("autoload", "autoload_with")}
    return {**rest, "autoload_with": bind} if loading else rest


def _exists(manners: Manners, frame: FrameType, table: Table, bind: Any = None) -> bool:
    """``table.exists()``"""
    from sqlalchemy import inspect

    manners.note(frame, "table.exists()")
    return bool(inspect(_use(manners, bind or vars(table.metadata).get("bind"))).has_table(table.name, table.schema))


def _get_primary_keys(
    manners: Manners, frame: FrameType, inspector: Inspector, table_name: str, schema: Optional[str] = None, **kw: Any
) -> Any:
    """``inspector.get_primary_keys(table)``"""
    manners.note(frame, "get_primary_keys()")
    return inspector.get_pk_constraint(table_name, schema, **kw)["constrained_columns"]


def _add_binds() -> None:
    """Let scripts find ``bind`` on a MetaData without one, and on a table."""
    from sqlalchemy import MetaData, Table

    add_value(MetaData, "bind", lambda manners, frame, metadata: None)
    add_value(Table, "bind", lambda manners, frame, table: vars(table.metadata).get("bind"))
