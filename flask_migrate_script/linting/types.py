"""Whether a column's new type holds what its old one did, as both are written in the script.

A script is not run: a type is made from its expression where that has nothing in it but SQLAlchemy's own types and
literals. Of others, and of a column whose old type the script does not say, it cannot be told.
"""

from __future__ import annotations

import ast
import importlib
import warnings
from typing import TYPE_CHECKING, Any, Dict, Optional

from ..revisions.metadata import read_literal
from ..sql.types import TypeChange, compare_types, keeps_rows, load_dialect
from .files import ParsedFile, resolve
from .written import Operation, read_string

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine


def compare_written(file: ParsedFile, operation: Operation, kind: str) -> Optional[TypeChange]:
    """Return what becomes of the values of a column; None where its type is not changed.

    :param operation: an ``alter_column``. Both types are given by name: their places differ between Alembics.
    :param kind: the kind of database that it is for, SQLAlchemy's name of its dialect.
    """
    given = {keyword.arg: keyword.value for keyword in operation.call.keywords}
    if "type_" not in given:
        return None
    old, new = (make_type(file, operation, given.get(name)) for name in ("existing_type", "type_"))
    using = given.get("postgresql_using")
    words = None if using is None else read_string(using) or "…"
    return compare_types(old, new, load_dialect(kind), using=words)


def changes_in_place(file: ParsedFile, operation: Operation) -> bool:
    """Return whether an ``alter_column`` is known to change a type on PostgreSQL without a look at the rows."""
    given = {keyword.arg: keyword.value for keyword in operation.call.keywords}
    if "type_" not in given or "postgresql_using" in given:
        return False
    old, new = (make_type(file, operation, given.get(name)) for name in ("existing_type", "type_"))
    return keeps_rows(old, new, load_dialect("postgresql"))


def make_type(file: ParsedFile, operation: Operation, node: Optional[ast.expr]) -> Optional[TypeEngine[object]]:
    """Return the type that an expression makes; None where it cannot be made without running the script."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are for whoever runs the script
            return None if node is None else _make(file, operation, node)
    except _Unknown:
        return None


class _Unknown(Exception):
    """An expression has something in it that only running the script would tell."""


def _make(file: ParsedFile, operation: Operation, node: ast.expr) -> Any:
    from sqlalchemy.types import to_instance

    node = resolve(node)
    if not isinstance(node, ast.Call):
        return to_instance(_find_type_class(file.qualify(node)))
    arguments, keywords = _read_arguments(file, operation, node)
    try:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "with_variant":
            return _make(file, operation, node.func.value).with_variant(*arguments, **keywords)
        return _find_type_class(file.qualify(node.func))(*arguments, **keywords)
    except _Unknown:
        raise
    except Exception as error:  # whatever a type raises for arguments that it does not take
        raise _Unknown from error


def _find_type_class(name: str) -> Any:
    """Return the class of SQLAlchemy's that a dotted name stands for."""
    from sqlalchemy.types import TypeEngine

    module, _, last = name.rpartition(".")
    if module.partition(".")[0] != "sqlalchemy":
        raise _Unknown
    try:
        found = getattr(importlib.import_module(module), last, None)
    except ImportError as error:
        raise _Unknown from error
    if not (isinstance(found, type) and issubclass(found, TypeEngine)):
        raise _Unknown
    return found


def _read_arguments(file: ParsedFile, operation: Operation, call: ast.Call) -> Any:
    if any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords):
        raise _Unknown
    keywords: Dict[str, Any] = {str(one.arg): _read_argument(file, operation, one.value) for one in call.keywords}
    return [_read_argument(file, operation, one) for one in call.args], keywords


def _read_argument(file: ParsedFile, operation: Operation, node: ast.expr) -> Any:
    """Return a literal, or a type."""
    node = resolve(node)
    value = read_literal(node)
    if value is not None or (isinstance(node, ast.Constant) and node.value is None):
        return value
    return _make(file, operation, node)
