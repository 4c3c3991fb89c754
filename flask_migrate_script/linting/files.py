"""A revision file with all that is in it, as lint reads it: without running it."""

from __future__ import annotations

import ast
import copy
import importlib
import io
import re
import tokenize
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Dict, FrozenSet, List, Optional, Tuple

from ..explanations.failure import shorten_path
from ..explanations.revision_files import answer_problem
from ..revisions.metadata import RevisionFile, Unreadable, describe_file, parse_source, read_source
from ..revisions.problems import Problem

BATCH = "alembic.op.batch_alter_table"
_ALLOWED = re.compile(r"#\s*migrate:\s*allow\s+([a-z][a-z-]*(?:\s*,\s*[a-z][a-z-]*)*)")


@dataclass
class ParsedFile:
    """One revision file.

    :param metadata: what it says of itself.
    :param tree: what is in it.
    :param allowed: the names that comments allow, by line; a comment that has its line to itself is for the next.
    """

    metadata: RevisionFile
    tree: ast.Module
    allowed: Dict[int, FrozenSet[str]]
    functions: Dict[str, ast.FunctionDef] = field(default_factory=dict)
    imported: Dict[str, str] = field(default_factory=dict)
    starred: List[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = node
        for name, qualified in (pair for node in ast.walk(self.tree) for pair in _list_imports(node)):
            if name == "*":
                self.starred.append(qualified[: -len(".*")])
            else:
                self.imported[name] = qualified

    @property
    def path(self) -> str:
        """Where it is, absolute."""
        return self.metadata.path

    @property
    def shown(self) -> str:
        """The path, from the folder the command runs in."""
        return shorten_path(self.path)

    @property
    def revision(self) -> Optional[str]:
        """Its identifier; None where it is not written as a plain string."""
        return self.metadata.revision

    def find_line(self, name: str) -> int:
        """Return the line on which a name at the top of the file is given its value; 1 where it is not."""
        return self.metadata.find_line(name)

    def qualify(self, node: ast.expr) -> str:
        """Return the dotted name of an expression, as the imports of the file resolve it; empty for no name."""
        node = resolve(node)
        if isinstance(node, ast.Attribute):
            before = self.qualify(node.value)
            return f"{before}.{node.attr}" if before else ""
        if isinstance(node, ast.Call):
            of, name = node.args if self.qualify(node.func) == "getattr" and len(node.args) == 2 else (node, None)
            return f"{self.qualify(of)}.{name.value!s}" if isinstance(name, ast.Constant) else ""
        return self._qualify_name(node.id) if isinstance(node, ast.Name) else ""

    def _qualify_name(self, name: str) -> str:
        if name in self.imported or name in self.functions:
            return self.imported.get(name, name)
        return next((f"{module}.{name}" for module in self.starred if name in _list_names(module)), name)

    def allows(self, name: str, line: int, span: Optional[Tuple[int, int]] = None) -> bool:
        """Return whether a comment allows a finding.

        :param span: the first and the last line a comment may be on; those of the statement by default.
        """
        first, last = span or self.find_statement(line)
        return any(name in self.allowed.get(each, ()) for each in range(first, last + 1))

    def find_batch(self, line: int) -> Optional[Tuple[int, int]]:
        """Return the first and the last line of the batch that a line is in; None outside of one."""
        return self._batches.get(line)

    def find_statement(self, line: int) -> Tuple[int, int]:
        """Return the first and the last line of the statement on a line; of one with a body, those of its head."""
        statement = self._statements.get(line)
        if statement is None:
            return line, line
        body = getattr(statement, "body", None)
        last = body[0].lineno - 1 if body else statement.end_lineno or line
        return statement.lineno, max(last, line)

    @cached_property
    def _statements(self) -> Dict[int, ast.stmt]:
        """The innermost statement on each line; of several that begin there, the outermost."""
        found: Dict[int, ast.stmt] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.stmt):
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    if line not in found or found[line].lineno < node.lineno:
                        found[line] = node
        return found

    @cached_property
    def _batches(self) -> Dict[int, Tuple[int, int]]:
        """The first and the last line of the outermost batch that each line is in."""
        found: Dict[int, Tuple[int, int]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.With) and any(self._opens_batch(item.context_expr) for item in node.items):
                span = node.lineno, node.end_lineno or node.lineno
                for line in range(span[0], span[1] + 1):
                    found.setdefault(line, span)
        return found

    def _opens_batch(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self.qualify(node.func) == BATCH


def bind(name: ast.Name, value: ast.expr) -> ast.Name:
    """Return a name that has with it what it stands for where it is used.

    :param value: its own names have theirs already, so that no name leads back to itself.
    """
    bound = copy.copy(name)
    vars(bound)["value"] = value
    return bound


def resolve(node: ast.expr) -> ast.expr:
    """Return what a name stands for, see :func:`bind`, or the expression itself."""
    while isinstance(node, ast.Name) and "value" in vars(node):
        node = vars(node)["value"]
    return node


@lru_cache(maxsize=None)
def _list_names(module: str) -> FrozenSet[str]:
    """Return what ``from MODULE import *`` brings; of other modules than the two that scripts are made of, nothing."""
    if module.partition(".")[0] not in ("alembic", "sqlalchemy"):
        return frozenset()
    try:
        found = importlib.import_module(module)
    except ImportError:
        return frozenset()
    return frozenset(getattr(found, "__all__", dir(found)))


def read_file(path: str) -> ParsedFile:
    """Return a revision file.

    :raises MigrateError: if it is not Python.
    """
    try:
        source = read_source(path)
        tree = parse_source(path, source)
    except Unreadable as exc:
        raise answer_problem(Problem(exc.kind, exc.path, exc.line, thing=exc.words)) from exc
    encoding = tokenize.detect_encoding(io.BytesIO(source).readline)[0]
    return ParsedFile(describe_file(path, tree), tree, _read_comments(source.decode(encoding)))


def _list_imports(node: ast.AST) -> List[Tuple[str, str]]:
    if isinstance(node, ast.Import):
        return [(one.asname, one.name) for one in node.names if one.asname]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [(one.asname or one.name, f"{node.module}.{one.name}") for one in node.names]
    return []


def _read_comments(source: str) -> Dict[int, FrozenSet[str]]:
    found: Dict[int, FrozenSet[str]] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        words = _ALLOWED.findall(token.string) if token.type == tokenize.COMMENT else []
        if words:
            line = token.start[0] + (not token.line[: token.start[1]].strip())
            found[line] = found.get(line, frozenset()) | frozenset(re.split(r"\s*,\s*", ",".join(words)))
    return found
