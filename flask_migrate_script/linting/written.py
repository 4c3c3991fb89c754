"""What a migration function does, statement by statement, without running it.

Calls of Alembic's operations are found whatever ``op`` was imported as, on what ``batch_alter_table`` gave, and in the
functions of the same file that the migration calls.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Iterator, List, Optional

from ..revisions.metadata import read_assignment
from .files import BATCH, ParsedFile

_OP = "alembic.op"
_EXECUTING = ("execute", "exec_driver_sql", "scalar", "scalars")


@dataclass(frozen=True)
class Operation:
    """A call in a migration.

    :param name: the operation, such as ``drop_column``; ``execute`` for whatever runs a statement.
    :param call: the call itself.
    :param values: what the names around it stand for, as far as that is written in the file.
    :param batch: the call of ``batch_alter_table`` that it belongs to.
    """

    name: str
    call: ast.Call
    values: Dict[str, ast.expr]
    batch: Optional[ast.Call] = None

    @property
    def line(self) -> int:
        return self.call.lineno

    @property
    def table(self) -> str:
        """The table it is about: that of the batch, or its own first argument."""
        return self._read_text(_find_argument(self.batch or self.call, 0, "table_name"))

    def find_argument(self, place: int, name: str) -> Optional[ast.expr]:
        """Return an argument with names resolved; None where it is not given.

        :param place: its place after the table, which a batch operation does not have.
        """
        found = _find_argument(self.call, place if self.batch else place + 1, name)
        return self.resolve(found) if found is not None else None

    def read_text(self, place: int, name: str) -> str:
        """Return the text of an argument, or how it is written where that is no text."""
        return self._read_text(_find_argument(self.call, place if self.batch else place + 1, name))

    def resolve(self, node: ast.expr) -> ast.expr:
        """Return what a name stands for, or the expression itself."""
        seen = set()
        while isinstance(node, ast.Name) and node.id in self.values and node.id not in seen:
            seen.add(node.id)
            node = self.values[node.id]
        return node

    def read_string(self, node: ast.expr) -> Optional[str]:
        """Return the text that an expression makes, with … for what is not known; None where it is no text."""
        node = self.resolve(node)
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            parts = (
                self.read_string(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values
            )
            return "".join("…" if part is None else part for part in parts)
        if isinstance(node, ast.BinOp):
            return self._join(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            return self.read_string(node.args[0]) if node.func.attr == "f" else None
        return None

    def _join(self, node: ast.BinOp) -> Optional[str]:
        left, right = self.read_string(node.left), self.read_string(node.right)
        if isinstance(node.op, ast.Add) and (left is not None or right is not None):
            return f"{'…' if left is None else left}{'…' if right is None else right}"
        return left.replace("%s", "…") if isinstance(node.op, ast.Mod) and left is not None else None

    def _read_text(self, node: Optional[ast.expr]) -> str:
        if node is None:
            return "…"
        text = self.read_string(node)
        return ast.unparse(node) if text is None else text


def read_operations(file: ParsedFile, function: str) -> List[Operation]:
    """Return what a function does, in the order it is written."""
    if function not in file.functions:
        return []
    return list(_Reader(file, {}, dict(file.constants), frozenset([function])).read(file.functions[function]))


def _find_argument(call: ast.Call, place: int, name: str) -> Optional[ast.expr]:
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return call.args[place] if named is None and len(call.args) > place else named


@dataclass
class _Reader:
    """Reads one function.

    :param batches: the names that stand for a batch, and the call that opened it; None for ``op`` itself.
    :param inside: the functions that are being read, so that one which calls itself has an end.
    """

    file: ParsedFile
    batches: Dict[str, Optional[ast.Call]]
    values: Dict[str, ast.expr]
    inside: FrozenSet[str] = field(default_factory=frozenset)

    def read(self, node: ast.AST) -> Iterator[Operation]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                self.values.update(read_assignment(child))
            if isinstance(child, ast.withitem):
                self._open(child)
            yield from self.read(child)
            if isinstance(child, ast.Call):
                yield from self._read_call(child)

    def _open(self, item: ast.withitem) -> None:
        opened, name = item.context_expr, item.optional_vars
        is_batch = isinstance(opened, ast.Call) and self.file.qualify(opened.func) == BATCH
        if is_batch and isinstance(opened, ast.Call) and isinstance(name, ast.Name):
            self.batches[name.id] = opened

    def _read_call(self, call: ast.Call) -> Iterator[Operation]:
        function = call.func
        name = self.file.qualify(function)
        receiver, _, method = name.rpartition(".")
        if name in self.file.functions and name not in self.inside:
            yield from self._follow_call(name, call)
        elif receiver == _OP:
            yield Operation(method, call, dict(self.values))
        elif receiver in self.batches:
            yield Operation(method, call, dict(self.values), self.batches[receiver])
        elif isinstance(function, ast.Attribute) and function.attr in _EXECUTING:
            yield Operation("execute", call, dict(self.values))

    def _follow_call(self, name: str, call: ast.Call) -> Iterator[Operation]:
        function = self.file.functions[name]
        given = dict(zip((one.arg for one in function.args.args), call.args))
        given.update({keyword.arg: keyword.value for keyword in call.keywords if keyword.arg})
        batches = {
            name: self.batches[value.id]
            for name, value in given.items()
            if isinstance(value, ast.Name) and value.id in self.batches
        }
        batches.update({name: None for name, value in given.items() if self.file.qualify(value) == _OP})
        values = {**self.values, **{name: self._resolve(value) for name, value in given.items()}}
        yield from _Reader(self.file, batches, values, self.inside | {name}).read(function)

    def _resolve(self, value: ast.expr) -> ast.expr:
        return self.values.get(value.id, value) if isinstance(value, ast.Name) else value
