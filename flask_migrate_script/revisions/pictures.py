"""The history as a drawing for other programs: Mermaid, Graphviz's dot, and SVG.

Time goes up, as in the text: arrows point from a revision to those that follow it, dotted ones to those that depend on
it.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ..errors import MigrateError
from .reading import Drawn

At = Mapping[str, Sequence[str]]
"""The names of the databases by the revision they are at."""

LINE = 40
"""Characters: messages are broken into lines of no more."""


def draw_mermaid(history: Sequence[Drawn], at: At) -> str:
    """Return a flowchart for Mermaid (https://mermaid.js.org), which GitHub and GitLab show in a page.

    :param history: the revisions.
    :param at: the names of the databases by the revision they are at.
    """
    names = {one.revision: f"r{number}" for number, one in enumerate(history)}
    lines = ["flowchart BT"]
    for one in history:
        label = "<br/>".join(map(_write_mermaid_text, _write_label(one, at)))
        lines.append(f'    {names[one.revision]}["{label}"]{":::current" if one.revision in at else ""}')
    for one in history:
        lines += [f"    {names[parent]} --> {names[one.revision]}" for parent in one.parents]
        lines += [f"    {names[needed]} -.-> {names[one.revision]}" for needed in one.depends_on]
    return "\n".join([*lines, "    classDef current stroke:#2a7,stroke-width:3px", ""])


def draw_dot(history: Sequence[Drawn], at: At) -> str:
    """Return a digraph for Graphviz (https://graphviz.org); the parameters are those of :func:`draw_mermaid`."""
    lines = [
        "digraph history {",
        "    rankdir=BT",
        '    node [shape=box, style=rounded, fontname="Helvetica,sans-serif"]',
        *(f"    {_quote(one.revision)} [{_write_dot_attributes(one, at)}]" for one in history),
    ]
    for one in history:
        lines += [f"    {_quote(parent)} -> {_quote(one.revision)}" for parent in one.parents]
        lines += [f"    {_quote(needed)} -> {_quote(one.revision)} [style=dotted]" for needed in one.depends_on]
    return "\n".join([*lines, "}", ""])


def draw_svg(history: Sequence[Drawn], at: At) -> str:
    """Return an SVG image, drawn by Graphviz; the parameters are those of :func:`draw_mermaid`.

    :raises MigrateError: if Graphviz or its Python package is not installed, or it fails.
    """
    graphviz = _import_graphviz()
    try:
        drawn: str = graphviz.Source(draw_dot(history, at)).pipe(format="svg", encoding="utf-8", quiet=True)
    except graphviz.ExecutableNotFound as exc:
        raise MigrateError("graph --format svg needs Graphviz, and there is no program dot on the PATH.", _GET) from exc
    except graphviz.CalledProcessError as exc:
        said = (exc.stderr or "").strip().splitlines()
        raise MigrateError(
            f"Graphviz failed: {' '.join(said[:1]) or exc}", "Is its dot a whole one? Try dot -V."
        ) from exc
    return drawn


PICTURES: Dict[str, Callable[[Sequence[Drawn], At], str]] = {"mermaid": draw_mermaid, "dot": draw_dot, "svg": draw_svg}
"""The formats that are not text, with what draws them."""

_GET = (
    "Install it: apt install graphviz (Debian, Ubuntu), dnf install graphviz (Fedora), brew install graphviz (macOS);\n"
    "see https://graphviz.org/download. Or have the picture drawn elsewhere: {db} graph --format mermaid"
)


def _import_graphviz() -> Any:
    try:
        import graphviz
    except ImportError as exc:
        raise MigrateError(
            "graph --format svg needs the Python package graphviz, which is not installed.",
            "pip install 'Flask-Migrate-Script[graph]', or without it: {db} graph --format dot | dot -Tsvg",
        ) from exc
    return graphviz


def escape(text: str, format: str, encoding: str) -> str:
    """Return a picture with what an encoding does not have written as character references, which every format knows.

    :param format: ``mermaid``, whose references have no ``&``, or any other.
    """
    plain = text.encode(encoding, "xmlcharrefreplace").decode(encoding)
    return plain.replace("&#", "#") if format == "mermaid" else plain


def _write_label(one: Drawn, at: At) -> List[str]:
    """Return the lines of a revision's box."""
    marks = [*one.labels, *(["head"] if one.is_head else [])]
    first = " ".join([one.revision, *(f"({mark})" for mark in marks)])
    names = ", ".join(at.get(one.revision, ()))
    return list(filter(None, [first, names and f"[{names}]", one.created, *textwrap.wrap(one.message, LINE)]))


def _write_mermaid_text(text: str) -> str:
    """Return a text that means itself in a quoted label: no Markdown, no HTML, no end of the label."""
    return re.sub(r"[^\w ,.:()'/+=-]", lambda found: f"#{ord(found[0])};", text)


def _write_dot_attributes(one: Drawn, at: At) -> str:
    label = "\\n".join(_write_dot_text(line) for line in _write_label(one, at))
    current = ', color="#22aa77", penwidth=3' if one.revision in at else ""
    return f'label="{label}"{current}'


def _write_dot_text(text: str) -> str:
    """Return a text for a label: dot reads escapes like ``\\N`` there, and references like ``&lt;``."""
    return text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')


def _quote(revision: str) -> str:
    return '"' + revision.replace("\\", "\\\\").replace('"', '\\"') + '"'
