"""The history as a picture in any format, for wherever it is to be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Sequence

from ..console.terminal import UNBOUND, Paint, choose_paint, measure_terminal, paint_nothing
from ..errors import MigrateError
from .drawing_text import TextGraph, choose_characters
from .pictures import PICTURES, escape
from .positions import Position
from .problems import UNKNOWN_VERSION
from .reading import Drawn, list_names_at

FORMATS = ("text", *PICTURES)

MERMAID_LINES, MERMAID_CHARACTERS = 500, 50_000
"""What Mermaid draws by default: its configuration's maxEdges and maxTextSize."""


@dataclass(frozen=True)
class Canvas:
    """What a picture is drawn on.

    :param width: columns; lines of text are no longer.
    :param encoding: of its characters.
    :param paint: colours a text.
    """

    width: int
    encoding: str
    paint: Paint


FILE = Canvas(UNBOUND, "utf-8", paint_nothing)


def measure_canvas(stream: Any) -> Canvas:
    """Return the canvas that standard output is."""
    return Canvas(measure_terminal(), stream.encoding or "utf-8", choose_paint(stream))


@dataclass(frozen=True)
class Drawing:
    """A picture, and what there is to say beside it.

    :param notes: what it cannot show.
    """

    picture: str
    notes: List[str]


def check_format(format: str) -> None:
    """Refuse a format that there is not.

    :raises MigrateError: naming those there are.
    """
    if format not in FORMATS:
        raise MigrateError(f"There is no format {format!r}.", f"The formats are: {', '.join(FORMATS)}.")


def draw(history: Sequence[Drawn], positions: Sequence[Position], format: str, canvas: Canvas) -> Drawing:
    """Return the picture of a history.

    :param history: the revisions, newest first.
    :param positions: where the databases are, as far as it is known.
    :param format: one of ``FORMATS``.
    :raises MigrateError: if Graphviz is needed and missing.
    """
    notes = _write_notes(history, positions)
    if format != "text":
        picture = PICTURES[format](history, list_names_at(positions))
        limits = _warn_of_mermaids_limits(history, picture) if format == "mermaid" else []
        return Drawing(escape(picture, format, canvas.encoding), [*notes, *limits])
    graph = TextGraph(history, list_names_at(positions), canvas.width, choose_characters(canvas.encoding), canvas.paint)
    text = "".join(f"{line}\n" for line in graph.draw_lines())
    return Drawing(text.encode(canvas.encoding, "replace").decode(canvas.encoding), [*notes, *_warn_of_crowding(graph)])


def _write_notes(history: Sequence[Drawn], positions: Sequence[Position]) -> List[str]:
    """Return where the databases are that the picture cannot show."""
    if not history:
        return ["There are no revisions yet."]
    known = {one.revision for one in history}
    unknown = [
        f"{one.name} is at {version}, which no revision file has.\n{UNKNOWN_VERSION}"
        for one in positions
        for version in one.versions
        if version not in known
    ]
    return [*(f"{one.name} is at base: nothing is applied yet." for one in positions if not one.versions), *unknown]


def _warn_of_mermaids_limits(history: Sequence[Drawn], picture: str) -> List[str]:
    """Say where Mermaid refuses a picture unless its page is configured to: the limits are its defaults."""
    lines = sum(len(one.parents) + len(one.depends_on) for one in history)
    if lines <= MERMAID_LINES and len(picture) <= MERMAID_CHARACTERS:
        return []
    return [
        f"Mermaid draws no more than {MERMAID_LINES} lines and {MERMAID_CHARACTERS:,} characters, unless the page\n"
        f"sets maxEdges and maxTextSize: these are {lines} and {len(picture):,}. Without limits:\n"
        "{db} graph --format svg"
    ]


def _warn_of_crowding(graph: TextGraph) -> List[str]:
    lanes = graph.count_lanes_in_one()
    if not lanes:
        return []
    return [
        f"The last column stands for {lanes} lanes, as {graph.width} columns have no room for more; revisions there\n"
        "name what they revise. A wider terminal shows every lane, and so does {db} graph --format svg."
    ]
