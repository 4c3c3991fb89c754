"""The quick reader: a revision file that begins as every template writes it is read by one pattern.

Parsing a file costs as much as loading what Python has compiled of it, so this is what makes long histories quick. It
fails closed: of a file in which anything is not certain it says nothing, and the reader in ``metadata`` is asked.
"""

from __future__ import annotations

import ast
import re
import sys
from typing import Any, List, NamedTuple, Optional, Tuple, Union

NAMES = ("revision", "down_revision", "branch_labels", "depends_on")
"""The names at the top of a revision file that Alembic reads."""

Names = Union[str, List[str], Tuple[str, ...], None]
"""What Alembic takes for one name, several or none."""


class Head(NamedTuple):
    """What Alembic asks of a revision file before it runs it.

    :param docstring: as ``__doc__`` has it.
    :param revision: its identifier.
    """

    docstring: Optional[str]
    revision: str
    down_revision: Names
    branch_labels: Names = None
    depends_on: Names = None


def read_usual_head(source: bytes) -> Optional[Head]:
    """Return what the head of a file says; None where that is not certain.

    :param source: the whole file: what comes after the head must not give the names other values.
    """
    if b"\r" in source:
        source = source.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found = _HEAD.match(source)
    if found is None or may_change(source, found.end()) or not _is_utf_8(source, found.end("comments")):
        return None
    _, docstring, *values = found.groups()
    try:
        revision, *names = [_read_value(value.decode()) if value else None for value in values]
        text = None if docstring is None else compile_docstring(docstring.decode())
    except (ValueError, SyntaxError):
        return None
    return Head(text, revision, *names) if isinstance(revision, str) and all(map(are_names, names)) else None


def may_change(source: bytes, start: int = 0) -> bool:
    """Return whether a file may give the names other values than those that are seen to be assigned.

    :param start: where what has been read ends; at the beginning only what no assignment shows is looked for.
    """
    rest = source[start:]
    return any(word in rest for word in (_GIVING_AGAIN if start else _GIVING_HIDDEN))


def are_names(value: object) -> bool:
    """Return whether it is what Alembic takes for one name, several or none."""
    if isinstance(value, (list, tuple)):
        return all(isinstance(one, str) for one in value)
    return value is None or isinstance(value, str)


def compile_docstring(text: str) -> Optional[str]:
    """Return a docstring as Python keeps it: without its indentation since 3.13, not at all with ``-OO``."""
    if sys.flags.optimize > 1:
        return None
    if sys.version_info < (3, 13) or not (text[:1] == " " or "\n " in text or "\t" in text):
        return text
    tree = ast.fix_missing_locations(ast.Module([ast.Expr(ast.Constant(text))], []))
    kept = [one for one in compile(tree, "", "exec", optimize=0).co_consts if isinstance(one, str)]
    return kept[0]


def _read_value(text: str) -> Any:
    """Return the value of a literal; strings, the most of them, without parsing it."""
    if text[0] in "'\"":
        return text[1:-1]
    return None if text == "None" else ast.literal_eval(text)


def _is_utf_8(source: bytes, end: int) -> bool:
    """Return whether the comments at the beginning declare no other encoding."""
    comments = source[:end]
    return b"coding" not in comments or _UTF_8.search(comments) is not None


_UTF_8 = re.compile(rb"\A#[^\n]*coding[:=][ \t]*utf-?8\b", re.I)
_GIVING_HIDDEN = (
    b"__doc__",
    b"_source_encoding",
    b"import *",
    b"globals(",
    b"locals(",
    b"vars(",
    b"exec(",
    b"setattr(",
    b"__dict__",
)
_GIVING_AGAIN = (b"revision", b"branch_labels", b"depends_on", *_GIVING_HIDDEN)

_END = rb"[ \t]*(?:#[^\n]*)?\n"
_IMPORTED = rb"[\w.]+(?: as \w+)?(?:, ?[\w.]+(?: as \w+)?)*"
_OTHERS = rb"(?![^\n]*\b(?:revision|down_revision|branch_labels|depends_on)\b)"
_FILLING = rb"(?:" + _END + rb"|(?:from|import) " + _OTHERS + rb"(?:[\w.]+ import )?" + _IMPORTED + _END + rb")*"
_GIVEN = rb"(?: *: *[\w\[\], .|]+)? *= *" + rb"""(None|'[^'\\\n]*'|"[^"\\\n]*"|\([^()#\\]*\)|\[[^\[\]#\\]*\])""" + _END
_HEAD = re.compile(
    rb"(?P<comments>(?:" + _END + rb")*)"
    rb'(?:"""([^"\\\0]*(?:"(?!"")[^"\\\0]*)*)"""'
    + _END
    + rb")?"
    + _FILLING
    + rb"revision"
    + _GIVEN
    + _FILLING
    + rb"down_revision"
    + _GIVEN
    + rb"(?:"
    + _FILLING
    + rb"branch_labels"
    + _GIVEN
    + rb")?"
    + rb"(?:"
    + _FILLING
    + rb"depends_on"
    + _GIVEN
    + rb")?"
)
