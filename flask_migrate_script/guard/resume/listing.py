"""The verb ``journal``: what each database remembers of interrupted migrations, read through env.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List

from ...databases import shown_url
from ...errors import MigrateError
from ...invocation import get_invocation
from ...seam.binds import DEFAULT, of_arguments
from ...seam.visit import visit_databases
from .interrupted import by_revision
from .table import Entry, table_of, unfinished

_SHOWN_TEXT = 300


@dataclass(frozen=True)
class Remembered:
    """What one database remembers.

    :param name: ``"default"`` or the bind key.
    :param url: its URL without the password.
    :param entries: its statements, in their order.
    """

    name: str
    url: str
    entries: List[Entry]


def remembered(config: Any) -> List[Remembered]:
    """Return what each database of a Config remembers."""
    return visit_databases(config, _remembered)


def forgetting(revision: str) -> Callable[[Any], List[Remembered]]:
    """Return a function of a Config that removes what is remembered of a revision, and returns what that was.

    :param revision: its identifier or the beginning of it.
    """

    def forget(context: Any) -> Remembered:
        there = _remembered(context)
        gone = [entry for entry in there.entries if entry.revision.startswith(revision)]
        table = table_of(context.connection, context.version_table_schema)
        for one in sorted({entry.revision for entry in gone}):
            table.forget(one)
        table.commit()
        return Remembered(there.name, there.url, gone)

    def forget_everywhere(config: Any) -> List[Remembered]:
        forgotten = visit_databases(config, forget)
        if not any(one.entries for one in forgotten):
            raise MigrateError(
                f"Nothing is remembered of a revision {revision}.", "{db} journal shows what is remembered."
            )
        return forgotten

    return forget_everywhere


def document_journal(databases: List[Remembered]) -> Dict[str, Any]:
    """Return what ``--json`` prints."""
    return {"databases": [{"name": one.name, "url": one.url, "unfinished": _revisions(one)} for one in databases]}


def shown(databases: List[Remembered], forgotten: Any) -> str:
    """Return what the verb prints for a person.

    :param forgotten: the revision that was to be forgotten, if one was.
    """
    if forgotten:
        gone = sorted({entry.revision for one in databases for entry in one.entries})
        return "\n".join(
            f"What was remembered of revision {revision} is forgotten: it begins anew." for revision in gone
        )
    lines = [line for one in databases for revision in _revisions(one) for line in _lines(one, revision)]
    return "\n".join(lines or ["No migration is unfinished."])


def _remembered(context: Any) -> Remembered:
    entries = unfinished(context.connection, context.version_table_schema)
    return Remembered(of_arguments(context.opts) or DEFAULT, shown_url(context.connection.engine.url), entries)


def _revisions(database: Remembered) -> List[Dict[str, Any]]:
    return [one.document() for one in by_revision(database.entries)]


def _lines(database: Remembered, revision: Dict[str, Any]) -> List[str]:
    statements, direction = revision["statements"], revision["direction"]
    what = f"{direction} of revision {revision['revision']}"
    return [
        f"{database.name}: {what}, interrupted after {statements[-1]['time']} UTC",
        *(f"  {one['position']:>3}  {one['state']:<7}  {_short(one['text'])}" for one in statements),
        f"{get_invocation().words} {direction} goes on after them.",
    ]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_TEXT else line[:_SHOWN_TEXT] + " …"
