"""Why an interrupted migration cannot go on: what ran then, beside what is to run now, and the ways on."""

from __future__ import annotations

from typing import Optional

from ...errors import MigrateError
from .digests import same_text
from .table import Entry

_SHOWN_TEXT = 500


class Differs(MigrateError):
    """The journal and the script do not fit together; nothing was done."""


def differs(entry: Entry, statement: Optional[str], digest: str = "") -> Differs:
    """Return the error for a statement that is not the one of the journal.

    :param statement: what comes in its place; None where the script ends before it.
    :param digest: of what comes in its place.
    """
    now = _shown(statement) if statement else "nothing: the script ends before it"
    values = ", with other values" if statement and same_text(entry.digest, digest) else ""
    return Differs(
        f"Revision {entry.revision} was interrupted, and its {entry.direction} is not what it was then:"
        f" statement {entry.position} differs{values}. Nothing was done.\n"
        f"  then: {_shown(entry.text)}\n"
        f"  now:  {now}",
        _ways_on(entry, "Put the script back as far as it had run (the data it reads counts too)"),
    )


def cut_off(entry: Entry) -> Differs:
    """Return the error for a statement of which it cannot be told whether it took effect."""
    return Differs(
        f"Revision {entry.revision} was interrupted in a statement that may have taken effect in part, so it is not"
        f" known how far it came. Nothing was done.\n  {_shown(entry.text)}",
        _ways_on(entry, ""),
    )


def rows_are_gone(entry: Entry) -> Differs:
    """Return the error for a statement whose rows the script expects a second time."""
    return Differs(
        f"Revision {entry.revision} was interrupted, and goes on with the rows that a statement returned which took"
        f" effect already: they are not kept. Nothing was done.\n  {_shown(entry.text)}",
        _ways_on(entry, "Read the rows with a SELECT below the statement, which has to stay in its words"),
    )


def _ways_on(entry: Entry, first: str) -> str:
    what = "undo by hand what took effect ({db} journal shows it), and have it begin anew"
    start = f"{first}, or {what}" if first else what[0].upper() + what[1:]
    return f"{start}:\n{{db}} journal --forget {entry.revision}"


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_TEXT else line[:_SHOWN_TEXT] + " …"
