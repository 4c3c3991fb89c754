"""The history drawn with characters, as ``git log --graph`` draws one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ..console.terminal import Paint, fit, remove_controls
from .lanes import DOWN, LEFT, MANY, RIGHT, UP, Row, lay_out, narrow
from .reading import Drawn


@dataclass(frozen=True)
class Characters:
    """What the picture is made of.

    :param lines: a character for the directions of a cell.
    :param revision: a revision.
    :param current: one that a database is at.
    :param cut: what a text that is cut ends in.
    """

    lines: Mapping[int, str]
    revision: str
    current: str
    cut: str


def _map_cells(in_order: str) -> Dict[int, str]:
    cells = (
        0,
        UP | DOWN,
        LEFT | RIGHT,
        UP | RIGHT,
        UP | LEFT,
        DOWN | RIGHT,
        DOWN | LEFT,
        UP | DOWN | RIGHT,
        UP | DOWN | LEFT,
        UP | LEFT | RIGHT,
        DOWN | LEFT | RIGHT,
        UP | DOWN | LEFT | RIGHT,
        UP | DOWN | MANY,
    )
    return dict(zip(cells, in_order))


UNICODE = Characters(_map_cells(" │─╰╯╭╮├┤┴┬┼┊"), "●", "◉", "…")
ASCII = Characters(_map_cells(" |-''..++'.+:"), "*", "@", "~")

SHORTEST_MESSAGE = 20
"""Columns: a date is left out rather than that a message is cut to less."""

WIDEST_MARGIN = 40
"""Columns: the texts stand below one another where the lanes take no more, nor more than a quarter of the width."""


def choose_characters(encoding: str) -> Characters:
    """Return those of the characters that an encoding has."""
    try:
        "".join([*UNICODE.lines.values(), UNICODE.revision, UNICODE.current, UNICODE.cut]).encode(encoding)
    except UnicodeEncodeError:
        return ASCII
    return UNICODE


@dataclass(frozen=True)
class TextGraph:
    """A picture of characters.

    :param history: the revisions, children before parents.
    :param at: the names of the databases by the revision they are at.
    :param width: columns that a line may take; the lanes take half of them at most.
    :param paint: colours a text.
    """

    history: Sequence[Drawn]
    at: Mapping[str, Sequence[str]]
    width: int
    characters: Characters
    paint: Paint

    def draw_lines(self) -> List[str]:
        """Return the lines of the picture, newest revision first."""
        known = {one.revision: one for one in self.history}
        rows = narrow(self._lay_out(), self._count_most_lanes())
        margin = min(max(map(_count_columns, rows), default=0), self.width // 4, WIDEST_MARGIN)
        return [
            self._draw_line(row, known.get(row.revision or ""), max(margin, _count_columns(row)) + 2) for row in rows
        ]

    def count_lanes_in_one(self) -> int:
        """Return how many lanes the last column stands for, where there are too many for the width; else 0."""
        lanes, most = max((len(row.cells) for row in self._lay_out()), default=0), self._count_most_lanes()
        return lanes - most + 1 if lanes > most else 0

    def _lay_out(self) -> List[Row]:
        return lay_out((one.revision, one.parents) for one in self.history)

    def _count_most_lanes(self) -> int:
        return max(1, (self.width // 2 + 1) // 2)

    def _draw_line(self, row: Row, drawn: Optional[Drawn], text_from: int) -> str:
        if drawn is None:
            return draw_lanes(row, self.characters, "").rstrip()
        names = self.at.get(drawn.revision, ())
        mark = self.paint(self.characters.current, "green") if names else self.characters.revision
        margin = " " * (text_from - _count_columns(row))
        text = self._write_text(drawn, row, self.width - text_from) if self.width > text_from else ""
        return (draw_lanes(row, self.characters, mark) + margin + text).rstrip()

    def _write_text(self, drawn: Drawn, row: Row, width: int) -> str:
        found = _list_facts(drawn, self.at.get(drawn.revision, ()), row.vague)
        facts = [(remove_controls(words), style) for words, style in found]
        message = [(drawn.message, "")] if drawn.message else []
        dated = [*facts, *([(drawn.created, "dim")] if drawn.created else []), *message]
        shortest = len(_join(dated)) - len(drawn.message) + min(len(drawn.message), SHORTEST_MESSAGE)
        words = dated if len(fit(_join(dated), width)) >= shortest else [*facts, *message]
        return self._paint(words, fit(_join(words), width))

    def _paint(self, words: Sequence[Word], cut: str) -> str:
        """Return a line that may have been cut, with each of its words in its style."""
        if cut != _join(words):
            cut = cut[:-1] + self.characters.cut
        painted, begin = "", 0
        for text, style in words:
            end = begin + len(text)
            piece, gap = cut[begin:end], cut[end : end + 1]
            painted += (self.paint(piece, style) if style else piece) + gap
            begin = end + 1
        return painted


def draw_lanes(row: Row, characters: Characters, mark: str) -> str:
    """Return the lanes of a row, with the mark where its revision is."""
    first, last = row.across
    cells = [characters.lines[cell] for cell in row.cells]
    cells += " " * (row.lane + 1 - len(cells))
    if row.revision:
        cells[row.lane] = mark
    between = [characters.lines[LEFT | RIGHT if first <= lane < last else 0] for lane in range(len(cells))]
    return "".join(cell + gap for cell, gap in zip(cells, between))[:-1]


def _count_columns(row: Row) -> int:
    return 2 * max(len(row.cells), row.lane + 1) - 1


Word = Tuple[str, str]
"""A text and its style; none, ``""``, leaves it as it is."""


def _list_facts(drawn: Drawn, names: Sequence[str], vague: bool) -> List[Word]:
    """Return what a line says before the date and the message."""
    known = [
        (f"({', '.join(drawn.labels)})" if drawn.labels else "", "yellow"),
        ("(head)" if drawn.is_head else "", "bold"),
        (f"[{', '.join(names)}]" if names else "", "green"),
        (f"(depends on {', '.join(drawn.depends_on)})" if drawn.depends_on else "", "dim"),
        (f"(revises {', '.join(drawn.parents)})" if vague and drawn.parents else "", "dim"),
    ]
    return [(drawn.revision, ""), *(word for word in known if word[0])]


def _join(words: Sequence[Word]) -> str:
    return " ".join(text for text, _ in words)
