"""The terminal: how wide it is, what it can show, and what a person answers there."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from typing import Callable, TextIO

Paint = Callable[[str, str], str]
"""Returns a text in a style, one of ``STYLES``."""

STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33}
"""The styles by name, with their numbers in ECMA-48's SGR."""

UNBOUND = 10_000
"""Columns where nobody says how many there are: a pipe, a file."""


def ask(question: str) -> str:
    """Return the line that a person answers; the question is on stderr, as stdout is for results."""
    sys.stdout.flush()
    sys.stderr.write(remove_controls(question))
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def confirm(question: str) -> bool:
    """Ask, and return whether the answer is yes; anything else is no."""
    return ask(question).lower() in ("y", "yes")


def measure_terminal() -> int:
    """Return how wide a line may be: COLUMNS, or the terminal's width."""
    return shutil.get_terminal_size((UNBOUND, 24)).columns


def choose_paint(stream: TextIO) -> Paint:
    """Return what colours a text for a stream: only a terminal's, and never with NO_COLOR (https://no-color.org)."""
    coloured = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return _paint if coloured else paint_nothing


def paint_nothing(text: str, style: str) -> str:
    """Return the text as it is."""
    return text


def _paint(text: str, style: str) -> str:
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if text else text


def join_lines(text: str) -> str:
    """Return a text in one line, without what a terminal would take for a command."""
    return "".join(one if one.isprintable() else "?" for one in " ".join(text.split()))


def remove_controls(text: str) -> str:
    """Return a text, its lines as they are, with ``?`` for what a terminal would take for a command.

    That is every control character but the line end and the tab, and what changes the direction of writing.
    """
    return _CONTROLS.sub("?", text.replace("\r\n", "\n"))


_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def fit(text: str, columns: int, mark: str = "…") -> str:
    """Return a text that takes no more columns than that.

    :param mark: what a text that is cut ends in.
    """
    if measure(text) <= columns:
        return text
    left, kept = columns - measure(mark), ""
    for character in text:
        left -= measure(character)
        if left < 0:
            break
        kept += character
    return f"{kept.rstrip()}{mark}" if mark else kept


def measure(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(map(_measure_character, text))


def _measure_character(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def make_printable(text: str, stream: TextIO) -> str:
    """Return a text with what a stream cannot write replaced, column by column: ticks by ``x``, the rest by ``?``."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if _can_write("✓…", encoding):
        return text.encode(encoding, "replace").decode(encoding)
    return text.replace("✓", "x").replace("…", "~").encode(encoding, "replace").decode(encoding)


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
