"""Migrations that cannot be taken back."""

from __future__ import annotations

import ast
from typing import FrozenSet, Iterator, List, Optional, Tuple

from .files import ParsedFile
from .findings import Finding

NOTHING, RAISES, SOMETHING = "does nothing", "only raises an error", "does something"


def find_irreversible(file: ParsedFile, up: str, down: str) -> Iterator[Finding]:
    """Yield the finding where a downgrade does not take back what the upgrade does.

    :param up: the name of the upgrade function.
    :param down: the name of the one that is to take it back.
    """
    if find_effect(file, up) != SOMETHING:
        return
    function = file.functions.get(down)
    found = find_effect(file, down) if function else "is not there"
    if found == SOMETHING:
        return
    shown = function or file.functions[up]
    if not file.allows("irreversible", shown.lineno, (shown.lineno, (function and shown.end_lineno) or shown.lineno)):
        yield Finding(
            "irreversible",
            file.shown,
            shown.lineno,
            file.revision,
            f"{down}() {found}, while {up}() changes the database",
            "When the release goes wrong there is no way back but a backup; an empty downgrade even reports success.",
            f"Write into {down}() what takes {up}() back; allow it, with the reason, where nothing has to be.",
        )


def find_effect(file: ParsedFile, name: str, inside: FrozenSet[str] = frozenset()) -> str:
    """Return what calling a function of the file comes to: ``NOTHING``, ``RAISES`` or ``SOMETHING``."""
    function = file.functions.get(name)
    if function is None or name in inside:
        return NOTHING
    for statement in function.body:
        found = _find_effect_of_statement(file, statement, inside | {name})
        if found != NOTHING:
            return found
    return NOTHING


def _find_effect_of_statement(file: ParsedFile, statement: ast.stmt, inside: FrozenSet[str]) -> str:
    if isinstance(statement, ast.Raise):
        return RAISES
    if isinstance(statement, (ast.Pass, ast.Import, ast.ImportFrom)):
        return NOTHING
    if isinstance(statement, ast.Return):
        return NOTHING if statement.value is None or isinstance(statement.value, ast.Constant) else SOMETHING
    if isinstance(statement, ast.Expr):
        value = statement.value
        if isinstance(value, ast.Constant) or _is_print(value):
            return NOTHING
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in file.functions:
            return find_effect(file, value.func.id, inside)
    return SOMETHING


def _is_print(value: ast.expr) -> bool:
    """A print changes no database."""
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "print"


def pair_functions(file: ParsedFile) -> List[Tuple[str, str, Optional[str]]]:
    """Return the functions that upgrade, those that take them back, and the database each is for; None for any.

    A script for several databases has an ``upgrade_NAME`` for each, and ``upgrade`` takes the name; see the template
    ``flask-multidb``. The name of the default one is empty.
    """
    upgrade = file.functions.get("upgrade")
    takes = upgrade and (upgrade.args.args or upgrade.args.vararg or upgrade.args.kwarg)
    if takes:
        names = [name[len("upgrade_") :] for name in file.functions if name.startswith("upgrade_")]
        return [(f"upgrade_{name}", f"downgrade_{name}", name) for name in names] or [("upgrade", "downgrade", None)]
    return [("upgrade", "downgrade", "")] if upgrade else []
