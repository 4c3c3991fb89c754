"""Interrupted migrations, a revision at a time, as the verbs tell of them: nothing is written for it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Tuple

from ...errors import MigrateError
from ...seam.database import get_connection
from ...seam.driver_errors import get_error_class
from ..options import keeps_journal
from . import has_journal
from .table import DONE, STARTED, Entry, read_unfinished
from .took_effect import find_error_number

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

_DENIED = 1142  # ER_TABLEACCESS_DENIED_ERROR: a user may be granted the version table alone


@dataclass(frozen=True)
class Interrupted:
    """One revision that was begun in one direction and is not finished.

    :param direction: ``"upgrade"`` or ``"downgrade"``.
    """

    revision: str
    direction: str
    entries: Tuple[Entry, ...]

    @property
    def effect(self) -> str:
        """What took effect, in words; of a statement that was cut off it is not known."""
        done = sum(entry.state == DONE for entry in self.entries)
        known = f"{done:,} statement{' has' if done == 1 else 's have'} taken effect"
        if all(entry.state != STARTED for entry in self.entries):
            return known
        return f"{known}, and one more may have" if done else "one statement may have taken effect"

    def document(self) -> Dict[str, Any]:
        """Return it as the verbs print it with ``--json``."""
        statements = [_document_statement(entry) for entry in self.entries]
        return {"revision": self.revision, "direction": self.direction, "statements": statements}


def group_by_revision(entries: Iterable[Entry]) -> List[Interrupted]:
    """Return the entries of one database a revision at a time."""
    grouped = groupby(entries, key=lambda entry: (entry.revision, entry.direction))
    return [Interrupted(revision, direction, tuple(found)) for (revision, direction), found in grouped]


def refuse_to_turn_round(unfinished: Iterable[Interrupted], direction: str) -> None:
    """Look whether what took effect of another revision is in the way of a run in the other direction.

    :raises MigrateError: if it is: the scripts of this direction know nothing of what is half done.
    """
    for one in unfinished:
        if one.direction != direction and any(entry.state in (DONE, STARTED) for entry in one.entries):
            raise MigrateError(
                f"The {one.direction} of {one.revision} was interrupted and is not finished: {one.effect}.",
                f"No {direction} was begun. Finish it first: {{db}} {one.direction}\nOr undo by hand what took effect"
                f" ({{db}} journal shows it), and say so: {{db}} journal --forget {one.revision}",
            )


def read_interrupted(context: MigrationContext) -> Tuple[Interrupted, ...]:
    """Return what a database remembers, for verbs about something else: nothing where it may not be read, or with
    MIGRATE_JOURNAL turned off.

    :param context: Alembic's MigrationContext.
    """
    from flask import current_app

    connection = get_connection(context)
    if not (has_journal(connection) and keeps_journal(current_app.config)):
        return ()
    try:
        return tuple(group_by_revision(read_unfinished(connection, context.version_table_schema)))
    except get_error_class(connection) as exc:
        if find_error_number(exc) != _DENIED:
            raise
        return ()


def _document_statement(entry: Entry) -> Dict[str, Any]:
    assert entry.time is not None, "the database has it"
    time = entry.time.isoformat(sep=" ")
    return {"position": entry.position, "text": entry.text, "state": entry.state, "time": time}
