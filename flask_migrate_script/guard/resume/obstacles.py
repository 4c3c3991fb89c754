"""Why an interrupted migration cannot go on: what ran then, beside what is to run now, and the ways on."""

from __future__ import annotations

from typing import Optional

from ...errors import MigrateError
from ...explanations.failure import put_on_one_line
from ...sql.mysql import hide_values
from .digests import is_same_text
from .table import Entry

_SHOWN_TEXT = 500


class Differs(MigrateError):
    """The journal and the script do not fit together; nothing was done."""


def explain_difference(entry: Entry, statement: Optional[str], digest: str = "") -> Differs:
    """Return the error for a statement that is not the one of the journal.

    :param statement: what comes in its place; None where the script ends before it.
    :param digest: of what comes in its place.
    """
    now = put_on_one_line(hide_values(statement), _SHOWN_TEXT) if statement else "nothing: the script ends before it"
    values = ", with other values" if statement and is_same_text(entry.digest, digest) else ""
    return Differs(
        f"Revision {entry.revision} was interrupted, and its {entry.direction} is not what it was then:"
        f" statement {entry.position} differs{values}. Nothing was done.\n"
        f"  then: {put_on_one_line(entry.text, _SHOWN_TEXT)}\n"
        f"  now:  {now}",
        _advise(entry, "Put the script back as far as it had run (the data it reads counts too)"),
    )


def explain_cut_off(entry: Entry) -> Differs:
    """Return the error for a statement of which it cannot be told whether it took effect."""
    return Differs(
        f"Revision {entry.revision} was interrupted in a statement that may have taken effect in part, so it is not"
        f" known how far it came. Nothing was done.\n  {put_on_one_line(entry.text, _SHOWN_TEXT)}",
        _advise(entry, ""),
    )


def explain_missing_rows(entry: Entry) -> Differs:
    """Return the error for a statement whose rows the script expects a second time."""
    return Differs(
        f"Revision {entry.revision} was interrupted, and goes on with the rows that a statement returned which took"
        f" effect already: they are not kept. Nothing was done.\n  {put_on_one_line(entry.text, _SHOWN_TEXT)}",
        _advise(entry, "Read the rows with a SELECT below the statement, which has to stay in its words"),
    )


def _advise(entry: Entry, first: str) -> str:
    what = "undo by hand what took effect ({db} journal shows it), and have it begin anew"
    start = f"{first}, or {what}" if first else what[0].upper() + what[1:]
    return f"{start}:\n{{db}} journal --forget {entry.revision}"
