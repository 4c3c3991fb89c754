"""What a person types for a new revision: its message, its identifier, its label. It is data, whatever is in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import MigrateError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

WIDTH = 32
"""Characters in a column of the version table as Alembic makes it (``alembic.ddl.impl``, seen on 1.4 to 1.20)."""

_RESERVED = ("head", "heads", "base", "current")


class Message(str):
    """A message that a template may put between three quotes: what it becomes there means the text, and ends nothing.

    Templates write it as ``${message}``, which is ``str(message)``. Alembic makes the file's name of the text itself.
    """

    def __str__(self) -> str:
        text = "".join(map(_escape, str.__str__(self)))
        return _QUOTES.sub(lambda found: "".join(f"\\{quote}" for quote in found[0]), text)


_QUOTES = re.compile(r""""{3,}|'{3,}|"+\Z|'+\Z""")
"""What ends a string between three quotes, or would together with those after it."""


def _escape(character: str) -> str:
    """Return a character as it is written in a string of Python's; line ends stay."""
    if character == "\\" or not (character.isprintable() or character in "\n\t\u00a0\u3000"):
        return character.encode("unicode_escape").decode("ascii")
    return character


def refuse_unusable_identifier(rev_id: str, scripts: ScriptDirectory) -> None:
    """Look whether a new revision may have this identifier: it names a file, is typed in commands, and is stored.

    What Alembic itself refuses is left to it.

    :raises MigrateError: if it may not.
    """
    bad = re.search(r"[^\w.@+:-]", rev_id)
    if bad or rev_id.startswith(".") or rev_id in _RESERVED:
        what = (
            f"{bad[0]!r} is in it" if bad else "it begins with a dot" if rev_id.startswith(".") else "it has a meaning"
        )
        _refuse(f"{rev_id!r} cannot be the identifier of a revision: {what}.")
    # The version tables of a folder with longer ones have been made wider.
    longest = max([WIDTH, *(len(one.revision) for one in scripts.walk_revisions())])
    if len(rev_id) > longest:
        _refuse(f"The identifier {rev_id} has {len(rev_id)} characters; the version table holds {longest}.")


def refuse_unusable_label(label: str) -> None:
    """Look whether a branch may have this label.

    :raises MigrateError: if it is empty, or has in it what cannot be shown.
    """
    if not label.strip() or not label.isprintable():
        raise MigrateError(
            f"{label!r} cannot be a branch label.", "Nothing was written. Choose another --branch-label."
        )


def _refuse(problem: str) -> None:
    raise MigrateError(problem, "Nothing was written. Choose another --rev-id: letters, digits and _ are always right.")
