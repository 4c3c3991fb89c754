"""The verb ``journal``: what each database remembers of interrupted migrations, read through env.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set

from ...databases import shown_url
from ...errors import MigrateError
from ...explanations.failure import put_on_one_line
from ...invocation import get_invocation
from ...seam.binds import DEFAULT, name_bind
from ...seam.database import get_connection
from ...seam.visit import visit_databases
from .interrupted import group_by_revision
from .table import Entry, find_table, read_unfinished

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

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


def read_journals(config: Config) -> List[Remembered]:
    """Return what each database of a Config remembers."""
    return visit_databases(config, _read_journal)


def make_forget(revision: str) -> Callable[[Config], List[Remembered]]:
    """Return a function of a Config that removes what is remembered of a revision, and returns what that was.

    :param revision: its identifier, or the beginning of it where no other one begins so.
    """

    def forget_everywhere(config: Config) -> List[Remembered]:
        known = {entry.revision for one in visit_databases(config, _read_journal) for entry in one.entries}
        whole = _choose_revision(revision, known)

        def forget(context: MigrationContext) -> Remembered:
            there = _read_journal(context)
            gone = [entry for entry in there.entries if entry.revision == whole]
            if gone:
                table = find_table(get_connection(context), context.version_table_schema)
                table.forget(whole)
                table.commit()
            return Remembered(there.name, there.url, gone)

        return visit_databases(config, forget)

    return forget_everywhere


def _choose_revision(named: str, known: Set[str]) -> str:
    """Return the revision that is meant: the one of that name, or the only one that begins so.

    :raises MigrateError: if there is none, or several begin so.
    """
    begun = [named] if named in known else sorted(one for one in known if one.startswith(named))
    if not begun:
        raise MigrateError(f"Nothing is remembered of a revision {named}.", "{db} journal shows what is remembered.")
    if len(begun) > 1:
        raise MigrateError(
            f"Several revisions that are remembered begin with {named}: {', '.join(begun)}.",
            "Nothing was forgotten. Write more of the identifier.",
        )
    return begun[0]


def document_journal(databases: List[Remembered]) -> Dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "databases": [{"name": one.name, "url": one.url, "unfinished": _document_revisions(one)} for one in databases]
    }


def write_journals(databases: List[Remembered], forgotten: Optional[str]) -> str:
    """Return what the verb prints for a person.

    :param forgotten: the revision that was to be forgotten, if one was.
    """
    if forgotten:
        gone = sorted({entry.revision for one in databases for entry in one.entries})
        return "\n".join(
            f"What was remembered of revision {revision} is forgotten: it begins anew." for revision in gone
        )
    lines = [
        line for one in databases for revision in _document_revisions(one) for line in _write_revision(one, revision)
    ]
    return "\n".join(lines or ["No migration is unfinished."])


def _read_journal(context: MigrationContext) -> Remembered:
    connection = get_connection(context)
    entries = read_unfinished(connection, context.version_table_schema)
    return Remembered(name_bind(context.opts) or DEFAULT, shown_url(connection.engine.url), entries)


def _document_revisions(database: Remembered) -> List[Dict[str, Any]]:
    return [one.document() for one in group_by_revision(database.entries)]


def _write_revision(database: Remembered, revision: Dict[str, Any]) -> List[str]:
    statements, direction = revision["statements"], revision["direction"]
    what = f"{direction} of revision {revision['revision']}"
    texts = [put_on_one_line(one["text"], _SHOWN_TEXT) for one in statements]
    return [
        f"{database.name}: {what}, interrupted after {statements[-1]['time']} UTC",
        *(f"  {one['position']:>3}  {one['state']:<7}  {text}" for one, text in zip(statements, texts)),
        f"{get_invocation().words} {direction} goes on after them.",
    ]
