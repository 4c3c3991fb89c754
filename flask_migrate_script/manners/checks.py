"""CHECKs that a type made in SQLAlchemy 1.3 and makes no more, and what drops them."""

from __future__ import annotations

import ast
import os
from functools import lru_cache
from types import FrameType
from typing import TYPE_CHECKING, Any, Dict, FrozenSet, Optional, Tuple

from .callers import Manners
from .versions import SQLALCHEMY

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_TYPES = ("Boolean", "BOOLEAN", "Enum", "SchemaType")


def is_gone(manners: Manners, table: Optional[str], args: Tuple[object, ...], kwargs: Dict[str, object]) -> bool:
    """Return whether a ``drop_constraint`` is about the CHECK of a type, and the database has no such constraint.

    :param table: that of a batch; otherwise it is among the arguments.
    """
    given = _read(table, args, kwargs)
    name, kind = given.get("constraint_name"), given.get("type_")
    database = next((one for one in reversed(manners.databases) if one.run.stepping is one), None)
    context = database.context if database is not None else None
    if SQLALCHEMY < (1, 4) or context is None or context.as_sql or kind not in (None, "check"):
        return False
    if not isinstance(name, str) or context.connection is None or not _may_be_of_type(manners, name):
        return False
    return not _has_constraint(context.connection, name, given["table_name"], given.get("schema"))


def say_gone(manners: Manners, frame: FrameType, args: Tuple[object, ...], kwargs: Dict[str, object]) -> None:
    """Say that there is nothing to drop."""
    name = _read(None, args, kwargs).get("constraint_name")
    how = f"the database has no CHECK {name}, as the type made none since, so there is nothing to drop"
    manners.note(frame, f"drop_constraint({name!r}) for the CHECK of a type", "SQLAlchemy 1.3", how)


def _read(table: Optional[str], args: Tuple[object, ...], kwargs: Dict[str, object]) -> Dict[str, Any]:
    names = ("constraint_name", "table_name", "type_") if table is None else ("constraint_name", "type_")
    return {"table_name": table, **dict(zip(names, args)), **kwargs}


def _has_constraint(connection: Connection, name: str, table: str, schema: Optional[str]) -> bool:
    from sqlalchemy import inspect

    inspector = inspect(connection)
    if not inspector.has_table(table, schema):
        return True
    found = {
        *(one["name"] for one in inspector.get_check_constraints(table, schema)),
        *(one["name"] for one in inspector.get_unique_constraints(table, schema)),
        *(one["name"] for one in inspector.get_foreign_keys(table, schema)),
        inspector.get_pk_constraint(table, schema).get("name"),
    }
    return name in found


def _may_be_of_type(manners: Manners, name: str) -> bool:
    """Return whether a constraint is called as the CHECK of a Boolean or an Enum in one of the scripts.

    That is the name of the type, alone or at the end of what a naming convention makes, or has that of its column.
    """
    from alembic.script import ScriptDirectory

    folders = {
        one.environment.script.versions
        for one in manners.databases
        if isinstance(one.environment.script, ScriptDirectory)
    }
    for folder in folders:
        for path in _list_files(folder):
            for known in _read_types(path, os.path.getmtime(path)):
                if name == known or name.endswith(f"_{known}") or (name.startswith("ck_") and f"_{known}" in name):
                    return True
    return False


def _list_files(folder: str) -> Tuple[str, ...]:
    return tuple(os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".py"))


@lru_cache(maxsize=None)
def _read_types(path: str, changed: float) -> FrozenSet[str]:
    """Return what the types in a script that made a CHECK are called, or else their columns."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) == "Column":
            for argument in node.args:
                named = _find_type_name(argument)
                if named is not None:
                    found.add(named or _text(node.args[0]))
        elif isinstance(node, ast.Call) and _called(node) in _TYPES:
            found.add(_find_type_name(node) or "")
    return frozenset(found - {""})


def _find_type_name(node: ast.expr) -> Optional[str]:
    """Return the name that a Boolean or an Enum is given; empty where it has none, None for anything else."""
    if isinstance(node, ast.Call) and _called(node) in _TYPES:
        return next((_text(one.value) for one in node.keywords if one.arg == "name"), "")
    return "" if isinstance(node, (ast.Name, ast.Attribute)) and _last_name(node) in _TYPES else None


def _called(call: ast.Call) -> str:
    return _last_name(call.func)


def _last_name(node: ast.expr) -> str:
    return str(getattr(node, "attr", None) or getattr(node, "id", ""))


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
