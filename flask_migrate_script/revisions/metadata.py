"""What a revision file says of itself, read without running it: literals only, the rest is not known."""

from __future__ import annotations

import ast
import codecs
import io
import os
import re
import tokenize
from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, Iterator, List, Optional, Set, Tuple

NAMES = ("revision", "down_revision", "branch_labels", "depends_on")
"""The names at the top of a revision file that Alembic reads."""


class Unreadable(Exception):
    """A file that Python cannot read.

    :param path: absolute.
    :param kind: ``"python-2"``, ``"nul-byte"``, ``"encoding"``, ``"syntax-error"`` or ``"no-access"``.
    :param line: from 1; 0 where it is not known.
    :param words: what is wrong, in Python's words but for Python 2.
    """

    def __init__(self, path: str, kind: str, line: int, words: str) -> None:
        super().__init__(words)
        self.path, self.kind, self.line, self.words = path, kind, line, words


@dataclass(frozen=True)
class RevisionFile:
    """One revision file, as far as its head says it.

    :param path: where it is, absolute.
    :param docstring: as Python has it; empty where there is none.
    :param values: what literals give to ``NAMES``.
    :param unknown: those of ``NAMES`` whose value is not written as a literal, or comes from elsewhere.
    :param lines: the lines on which names at the top are given their values.
    """

    path: str
    docstring: str = ""
    values: Dict[str, Any] = field(default_factory=dict)
    unknown: FrozenSet[str] = frozenset()
    lines: Dict[str, int] = field(default_factory=dict)

    @property
    def revision(self) -> Optional[str]:
        """Its identifier; None where it is not known, or no string.

        Alembic takes it from the name of the file where that is all hexadecimal, and the file has none.
        """
        found = self.values.get("revision")
        if found is None and not self.is_given("revision"):
            legacy = re.match(r"([a-f0-9]+)\.py$", os.path.basename(self.path))
            return legacy[1] if legacy else None
        return found if isinstance(found, str) else None

    @property
    def parents(self) -> Tuple[str, ...]:
        """The revisions that it follows, as far as they are known."""
        return list_strings(self.values.get("down_revision"))

    @property
    def depends_on(self) -> Tuple[str, ...]:
        """The revisions, or branch labels, that have to be applied before it, as far as they are known."""
        return list_strings(self.values.get("depends_on"))

    @property
    def branch_labels(self) -> Tuple[str, ...]:
        """The branch labels that it gives, as far as they are known."""
        return list_strings(self.values.get("branch_labels"))

    @property
    def is_known(self) -> bool:
        """Whether everything that places it among the others is written as a literal."""
        return self.revision is not None and not self.unknown

    def is_given(self, name: str) -> bool:
        """Return whether one of ``NAMES`` has a value, known or not."""
        return name in self.values or name in self.unknown

    def find_line(self, name: str) -> int:
        """Return the line on which a name at the top is given its value; 1 where it is not."""
        return self.lines.get(name, 1)


def read_metadata(path: str) -> RevisionFile:
    """Return what a revision file says of itself; of a file in Alembic's usual form only the head is parsed.

    :raises Unreadable: if what has to be parsed is not Python: a fault below the head may not be seen.
    """
    source = read_source(path)
    end = _FIRST_FUNCTION.search(source)
    if end and not _NAMED_LATER.search(source, end.start()):
        try:
            head = describe_file(path, ast.parse(source[: end.start()]))
        except (SyntaxError, ValueError):
            pass  # what looked like a function was a line in a string, or there is an error to be placed
        else:
            if head.is_given("revision") and head.is_given("down_revision"):
                return head
    return describe_file(path, parse_source(path, source))


_FIRST_FUNCTION = re.compile(rb"^(?:def|class|async\s+def)\s|^@", re.M)
_NAMED_LATER = re.compile(rb"^(?:%s)\b|\bimport \*" % "|".join(NAMES).encode(), re.M)


def read_source(path: str) -> bytes:
    """Return the bytes of a file.

    :raises Unreadable: if it may not be read, or has a NUL byte, which Python's compiler tells differently everywhere.
    """
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as exc:
        raise Unreadable(os.path.abspath(path), "no-access", 0, exc.strerror or str(exc)) from exc
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unreadable(os.path.abspath(path), "encoding", 1, "this is UTF-16")
    nul = source.find(b"\0")
    if nul >= 0:
        line = source.count(b"\n", 0, nul) + 1
        raise Unreadable(os.path.abspath(path), "nul-byte", line, "source code cannot contain null bytes")
    return source


def parse_source(path: str, source: bytes) -> ast.Module:
    """Return what is in a file.

    :raises Unreadable: if it is not Python.
    """
    try:
        return ast.parse(source, path)
    except SyntaxError as exc:
        raise _describe_not_python(path, source, exc) from exc
    except (ValueError, RecursionError, MemoryError) as exc:
        raise Unreadable(os.path.abspath(path), "syntax-error", 0, str(exc) or type(exc).__name__) from exc


def describe_file(path: str, tree: ast.Module) -> RevisionFile:
    """Return what is said in a file that is parsed.

    :param tree: the whole file, or its head.
    """
    values: Dict[str, Any] = {}
    lines: Dict[str, int] = {}
    unknown: Set[str] = set()
    for statement in tree.body:
        assigned = read_assignment(statement)
        for name, node in assigned:
            lines[name] = node.lineno
            if name in NAMES:
                _keep(name, node, values, unknown)
        for name in {*_find_set_otherwise(statement)} - {name for name, _ in assigned}:
            values.pop(name, None)
            unknown.add(name)
    docstring = ast.get_docstring(tree, clean=False) or ""
    return RevisionFile(os.path.abspath(path), docstring, values, frozenset(unknown), lines)


def list_names_at_the_top(tree: ast.Module) -> Optional[Dict[str, ast.stmt]]:
    """Return what is defined, assigned or imported at the top of a file, by name; None where that cannot be listed."""
    found: Dict[str, ast.stmt] = {}
    for statement in tree.body:
        for node in _walk_top(statement):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found[node.name] = node
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                if any(one.name == "*" for one in node.names):
                    return None
                found.update({(one.asname or one.name): node for one in node.names})
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found[node.id] = statement
            elif isinstance(node, ast.Name) and node.id in ("globals", "exec", "locals", "setattr"):
                return None
    return found


def read_assignment(node: ast.stmt) -> List[Tuple[str, ast.expr]]:
    """Return the names that a statement gives a value to, and the value."""
    if isinstance(node, ast.AnnAssign):
        return [(node.target.id, node.value)] if isinstance(node.target, ast.Name) and node.value else []
    if isinstance(node, ast.Assign):
        return [(target.id, node.value) for target in node.targets if isinstance(target, ast.Name)]
    return []


def read_literal(node: ast.AST) -> Any:
    """Return the value of a literal, None for anything else."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None


def list_strings(value: Any) -> Tuple[str, ...]:
    """Return the strings in what Alembic takes for one name, several or none."""
    if isinstance(value, str):
        return (value,)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, (tuple, list, set)) else ()


def _keep(name: str, node: ast.expr, values: Dict[str, Any], unknown: Set[str]) -> None:
    """Note the value of a name; the last one counts."""
    values.pop(name, None)
    unknown.discard(name)
    found = read_literal(node)
    if found is None and not (isinstance(node, ast.Constant) and node.value is None):
        unknown.add(name)
    else:
        values[name] = found


def _find_set_otherwise(statement: ast.stmt) -> Iterator[str]:
    """Yield those of NAMES that a statement may set in another way than by a plain assignment."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return
    for node in _walk_top(statement):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for one in node.names:
                yield from NAMES if one.name == "*" else {one.asname or one.name} & set(NAMES)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in NAMES:
            yield node.id


def _walk_top(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield a statement and what is in it, but not what is in the functions and classes in it."""
    waiting: List[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def _describe_not_python(path: str, source: bytes, exc: SyntaxError) -> Unreadable:
    line = exc.lineno or 0
    where = os.path.abspath(path)
    if not _is_decoded(source):
        return Unreadable(where, "encoding", line, exc.msg or "it is not in the encoding that it declares")
    if _is_python_2(source, line, exc.msg or ""):
        return Unreadable(where, "python-2", line, f"this is Python 2 ({exc.msg})")
    return Unreadable(where, "syntax-error", line, exc.msg or "invalid syntax")


def _is_decoded(source: bytes) -> bool:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return False
    return True


def _is_python_2(source: bytes, line: int, words: str) -> bool:
    """Tell the syntax that Python 3 has given up, by the line that it stumbles on."""
    lines = source.splitlines()
    text = lines[line - 1].decode("latin-1") if 0 < line <= len(lines) else ""
    return bool(_PYTHON_2_WORDS.search(words) or any(pattern.search(text) for pattern in _PYTHON_2_LINES))


_PYTHON_2_WORDS = re.compile(
    r"Missing parentheses in call to '(?:print|exec)'|leading zeros in decimal integer"
    r"|multiple exception types must be parenthesized"
)
_PYTHON_2_LINES = (
    re.compile(r"^\s*print\s+[^=(\s]|^\s*print\s*>>"),
    re.compile(r"^\s*except\s+[\w.()\s,]+,\s*\w+\s*:"),
    re.compile(r"^\s*raise\s+\w+\s*,\s*"),
    re.compile(r"^\s*exec\s+['\"\w]|[=(,\s]ur['\"]"),
)
