"""What a migration function does, statement by statement, without running it.

Calls of Alembic's operations are found by whatever name the file has for them: ``op`` under another name, an operation
in a variable, what ``batch_alter_table`` gave, and in the functions of the same file that the migration calls. A name
stands for what it was given last before it is used; a loop over what is written out is read for each of it.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from string import Formatter
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union, cast

from ..revisions.metadata import read_assignment
from .files import BATCH, ParsedFile, bind, resolve

_OP = "alembic.op"
_EXECUTING = ("execute", "exec_driver_sql", "scalar", "scalars")
_OF_TEXT = ("text", "DDL", "dedent", "cleandoc")
_OF_STATEMENTS = ("execution_options", "bindparams", "columns", "params")
_OF_STRINGS = ("strip", "lstrip", "rstrip", "lower", "upper", "expandtabs")

_MOST_FOLLOWED = 500
"""Calls of the file's own functions that are followed in one migration."""

_DEEPEST_LAMBDA = 3
"""Lambdas within lambdas that are followed."""

_MOST_TURNS = 100
"""Turns of a loop that are read."""


@dataclass(frozen=True)
class Operation:
    """A call in a migration; its names have their values with them.

    :param name: the operation, such as ``drop_column``; ``execute`` for whatever runs a statement, ``drop_all`` for a
        MetaData's, ``delete`` for a query's.
    :param call: the call itself.
    :param batch: the call of ``batch_alter_table`` that it belongs to.
    """

    name: str
    call: ast.Call
    batch: Optional[ast.Call] = None

    @property
    def line(self) -> int:
        return self.call.lineno

    @property
    def table(self) -> str:
        """The table it is about, in full: that of the batch, or its own first argument."""
        call = self.batch or self.call
        table = read_text(_find_argument(call, 0, "table_name"))
        schema = next((one.value for one in call.keywords if one.arg == "schema"), None)
        return table if schema is None or _is_none(schema) else f"{read_text(schema)}.{table}"

    @property
    def changes_type(self) -> bool:
        """Whether a new type is among the arguments."""
        return any(keyword.arg == "type_" for keyword in self.call.keywords)

    def find_argument(self, place: int, name: str) -> Optional[ast.expr]:
        """Return an argument with names resolved; None where it is not given.

        :param place: its place after the table, which a batch operation does not have.
        """
        found = _find_argument(self.call, place if self.batch else place + 1, name)
        return resolve(found) if found is not None else None

    def read_text(self, place: int, name: str) -> str:
        """Return the text of an argument, or how it is written where that is no text."""
        return read_text(_find_argument(self.call, place if self.batch else place + 1, name))


def read_operations(file: ParsedFile, function: str) -> List[Operation]:
    """Return what a function does, in the order it is written."""
    if function not in file.functions:
        return []
    module = _Reader(file, {}, {}, _Budget())
    for node in file.tree.body:
        module.assign(node)
    reader = _Reader(file, module.values, dict(module.values), module.budget, (function,))
    return list(reader.read(file.functions[function]))


def read_text(node: Optional[ast.expr]) -> str:
    """Return the text that an expression makes, or how it is written where that is no text."""
    if node is None:
        return "…"
    text = read_string(node)
    return ast.unparse(node) if text is None else text


def read_string(node: ast.expr) -> Optional[str]:
    """Return the text that an expression makes, with … for what is not known; None where it is no text."""
    node = resolve(node)
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = (read_string(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values)
        return "".join("…" if part is None else part for part in parts)
    if isinstance(node, ast.BinOp):
        return _read_joined(node)
    if isinstance(node, ast.Subscript):
        chosen = _choose(node)
        return None if chosen is None else read_string(chosen)
    return _read_called(node) if isinstance(node, ast.Call) else None


def _read_joined(node: ast.BinOp) -> Optional[str]:
    left, right = read_string(node.left), read_string(node.right)
    if isinstance(node.op, ast.Add) and (left is not None or right is not None):
        return f"{'…' if left is None else left}{'…' if right is None else right}"
    if isinstance(node.op, ast.Mod) and left is not None:
        return left.replace("%s", "…" if right is None else right) if left.count("%s") == 1 else left.replace("%s", "…")
    return None


def _read_called(node: ast.Call) -> Optional[str]:
    """Return the text that a call makes: of a string's own methods, and of what makes a statement of a string."""
    name = find_called(node)
    if name in _OF_TEXT and node.args:
        return read_string(node.args[0])
    if not isinstance(node.func, ast.Attribute):
        return None
    if name == "f" and node.args:  # op.f, of a name that is final
        return read_string(node.args[0])
    owner = read_string(node.func.value)
    if owner is None:
        return None
    if name == "format":
        return _fill_in(owner, node)
    if name == "join" and node.args:
        parts = resolve(node.args[0])
        if not isinstance(parts, (ast.List, ast.Tuple)):
            return "…"
        return owner.join("…" if text is None else text for text in map(read_string, parts.elts))
    if name == "replace" and len(node.args) == 2:
        old, new = (read_string(one) for one in node.args)
        return owner.replace(old, "…" if new is None else new) if old else owner
    return owner if name in (*_OF_STRINGS, *_OF_STATEMENTS) else None


def _fill_in(text: str, call: ast.Call) -> str:
    """Return the text that ``str.format`` makes, with … for what is not known."""
    values: Dict[str, ast.expr] = {str(place): one for place, one in enumerate(call.args)}
    values.update({one.arg: one.value for one in call.keywords if one.arg})
    filled = []
    try:
        for place, (words, name, _, _) in enumerate(Formatter().parse(text)):
            value = None if name is None else values.get(name or str(place))
            known = None if value is None else read_string(value)
            filled.append(words + ("" if name is None else "…" if known is None else known))
    except ValueError:  # braces that do not match
        return text
    return "".join(filled)


def _choose(node: ast.Subscript) -> Optional[ast.expr]:
    """Return what a constant index takes out of a list or a dictionary that is written out."""
    of, index = resolve(node.value), node.slice
    if not isinstance(index, ast.Constant):
        return None
    if isinstance(of, ast.Dict):
        return next(
            (value for key, value in zip(of.keys, of.values) if getattr(key, "value", None) == index.value), None
        )
    if isinstance(of, (ast.List, ast.Tuple)) and isinstance(index.value, int):
        return of.elts[index.value] if -len(of.elts) <= index.value < len(of.elts) else None
    return None


def find_called(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


def _find_argument(call: ast.Call, place: int, name: str) -> Optional[ast.expr]:
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return call.args[place] if named is None and len(call.args) > place else named


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


@dataclass
class _Budget:
    """How many calls may still be followed: functions that call one another twice each would have no end."""

    left: int = _MOST_FOLLOWED


@dataclass
class _Reader:
    """Reads one function.

    :param module: what the names at the top of the file stand for.
    :param values: what the names stand for now.
    :param inside: the functions that are being read, so that one which calls itself has an end.
    """

    file: ParsedFile
    module: Mapping[str, ast.expr]
    values: Dict[str, ast.expr]
    budget: _Budget = field(default_factory=_Budget)
    inside: Tuple[str, ...] = ()

    def read(self, node: ast.AST) -> Iterator[Operation]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.For, ast.ListComp, ast.SetComp, ast.GeneratorExp)):
                yield from self._read_loop(child)
                continue
            if not (isinstance(child, ast.Lambda) and isinstance(node, ast.Assign)):  # it is read where it is called
                yield from self.read(child)
            if isinstance(child, ast.withitem) and isinstance(child.optional_vars, ast.Name):
                self.values[child.optional_vars.id] = self.pin(child.context_expr)
            if isinstance(child, ast.stmt):
                self.assign(child)
            if isinstance(child, ast.Call):
                yield from self._read_call(child)

    def assign(self, node: ast.stmt) -> None:
        """Give the names of a statement their values."""
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            before = ast.Name(node.target.id, ast.Load())
            joined = ast.copy_location(ast.BinOp(before, node.op, node.value), node)
            self.values[node.target.id] = self.pin(joined)
        for name, value in read_assignment(node):
            self.values[name] = self.pin(value)

    def pin(self, node: ast.expr) -> ast.expr:
        """Return an expression whose names have the values with them that they have now."""
        return cast(ast.expr, _Pinning(self.values).visit(node)) if self.values else node

    def _read_loop(self, loop: Union[ast.For, ast.ListComp, ast.SetComp, ast.GeneratorExp]) -> Iterator[Operation]:
        """Read the body of a loop, for each turn where what it goes through is written out."""
        head = loop if isinstance(loop, ast.For) else loop.generators[0]
        yield from self.read(ast.Expr(head.iter))
        turns = _list_turns(head.target, resolve(self.pin(head.iter)))
        for turn in turns[:_MOST_TURNS] or [{}]:
            self.values.update(turn)
            if isinstance(loop, ast.For):
                yield from self.read(ast.Module([*loop.body, *loop.orelse], []))
            else:
                yield from self.read(ast.Expr(loop.elt))

    def _read_call(self, written: ast.Call) -> Iterator[Operation]:
        call = self.pin(written)
        assert isinstance(call, ast.Call)
        call = self._spell_out(call)
        function = resolve(call.func)
        name = self.file.qualify(function)
        owner = resolve(function.value) if isinstance(function, ast.Attribute) else None
        if name in self.file.functions and name not in self.inside:
            yield from self._follow(self.file.functions[name], call, name)
        elif isinstance(function, ast.Lambda):
            yield from self._follow(function, call, "<lambda>")
        elif name.rpartition(".")[0] == _OP:
            yield Operation(name.rpartition(".")[2], call)
        elif isinstance(owner, ast.Call) and self.file.qualify(owner.func) == BATCH:
            yield Operation(_name_method(function), call, owner)
        elif isinstance(function, ast.Attribute) and owner is not None:
            yield from self._read_method(function.attr, owner, call)

    def _read_method(self, name: str, owner: ast.expr, call: ast.Call) -> Iterator[Operation]:
        if name in _EXECUTING:
            yield Operation("execute", call)
        elif name == "drop_all":
            yield Operation("drop_all", call)
        elif name == "delete" and _is_of_query(owner):
            yield Operation("delete", call)
        elif name in ("create", "drop"):
            table, enum = self.find_table(owner), self._find_enum_name(owner)
            if table is not None:
                yield Operation(f"{name}_table", _make_call(call, [table]))
            if enum is not None:
                yield Operation(f"{name}_type", _make_call(call, [enum]))

    def find_table(self, node: ast.expr) -> Optional[ast.expr]:
        """Return the name of the table that an expression of SQLAlchemy's stands for."""
        node = resolve(node)
        if isinstance(node, ast.Attribute) and node.attr == "__table__":
            return node.value
        is_table = isinstance(node, ast.Call) and self.file.qualify(node.func).endswith(".Table")
        return node.args[0] if is_table and isinstance(node, ast.Call) and node.args else None

    def _find_enum_name(self, node: ast.expr) -> Optional[ast.expr]:
        is_enum = isinstance(node, ast.Call) and self.file.qualify(node.func).rpartition(".")[2] in ("Enum", "ENUM")
        keywords = node.keywords if is_enum and isinstance(node, ast.Call) else []
        return next((one.value for one in keywords if one.arg == "name"), None)

    def _spell_out(self, call: ast.Call) -> ast.Call:
        """Return the call that a partial, or one of an operation by its name as a string, comes to."""
        function = resolve(call.func)
        if isinstance(function, ast.Call) and self.file.qualify(function.func) == "functools.partial" and function.args:
            first, *others = function.args
            whole = ast.Call(first, [*others, *call.args], [*function.keywords, *call.keywords])
            return self._spell_out(ast.copy_location(whole, call))
        return call

    def _follow(self, function: Union[ast.FunctionDef, ast.Lambda], call: ast.Call, name: str) -> Iterator[Operation]:
        """Read a function of the file as it is called."""
        if self.budget.left <= 0 or self.inside.count(name) > _DEEPEST_LAMBDA:
            return
        self.budget.left -= 1
        parameters = [one.arg for one in [*function.args.posonlyargs, *function.args.args]]
        defaults = function.args.defaults
        given: Dict[str, ast.expr] = dict(zip(parameters[len(parameters) - len(defaults) :], defaults))
        given.update(zip((one.arg for one in function.args.kwonlyargs), _present(function.args.kw_defaults)))
        given.update(zip(parameters, call.args))
        given.update({keyword.arg: keyword.value for keyword in call.keywords if keyword.arg})
        outer = self.values if isinstance(function, ast.Lambda) else self.module
        reader = _Reader(self.file, self.module, {**outer, **given}, self.budget, (*self.inside, name))
        yield from reader.read(ast.Expr(function.body) if isinstance(function, ast.Lambda) else function)


class _Pinning(ast.NodeTransformer):
    """Copies an expression; what has no name of ours in it stays the same."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Name):
            value = self.values.get(node.id)
            return node if value is None else bind(node, value)
        changed = None
        for name, old in ast.iter_fields(node):
            new = self._visit_field(old)
            if new is not old:
                changed = changed or copy.copy(node)
                setattr(changed, name, new)
        return changed or node

    def _visit_field(self, old: object) -> object:
        if isinstance(old, ast.AST):
            return self.visit(old)
        if isinstance(old, list):
            new = [self.visit(one) if isinstance(one, ast.AST) else one for one in old]
            return old if all(one is other for one, other in zip(new, old)) else new
        return old


def _name_method(function: ast.expr) -> str:
    """Return the name of a method."""
    return function.attr if isinstance(function, ast.Attribute) else ""


def _make_call(call: ast.Call, arguments: Sequence[ast.expr]) -> ast.Call:
    return ast.copy_location(ast.Call(call.func, list(arguments), []), call)


def _present(nodes: Sequence[Optional[ast.expr]]) -> List[ast.expr]:
    return [ast.Constant(None) if one is None else one for one in nodes]


def _is_of_query(node: ast.expr) -> bool:
    """Return whether an expression is a query of a session's: ``session.query(User).filter(…)``."""
    while True:
        node = resolve(node)
        if isinstance(node, ast.Call):
            if find_called(node) == "query":
                return True
            node = node.func
        elif isinstance(node, ast.Attribute):
            if node.attr == "query":
                return True
            node = node.value
        else:
            return False


def _list_turns(target: ast.expr, through: ast.expr) -> List[Dict[str, ast.expr]]:
    """Return what the names of a loop stand for in each turn; nothing where that is not written out."""
    if isinstance(through, ast.Call) and isinstance(through.func, ast.Attribute) and not through.args:
        of = resolve(through.func.value)
        if not isinstance(of, ast.Dict) or None in of.keys:
            return []
        keys = [key for key in of.keys if key is not None]
        pairs: Dict[str, Sequence[ast.expr]] = {
            "items": [ast.Tuple([key, value], ast.Load()) for key, value in zip(keys, of.values)],
            "keys": keys,
            "values": of.values,
        }
        elements = pairs.get(through.func.attr, [])
    elif isinstance(through, ast.Dict):
        elements = [key for key in through.keys if key is not None]
    else:
        elements = through.elts if isinstance(through, (ast.List, ast.Tuple, ast.Set)) else []
    return [_unpack(target, element) for element in elements]


def _unpack(target: ast.expr, value: ast.expr) -> Dict[str, ast.expr]:
    if isinstance(target, ast.Name):
        return {target.id: value}
    value = resolve(value)
    if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
        found: Dict[str, ast.expr] = {}
        for one, other in zip(target.elts, value.elts):
            found.update(_unpack(one, other))
        return found
    return {}
