"""Revision files that cannot be read, and revisions that do not make a graph."""

from __future__ import annotations

import os
import re
from typing import Any, Optional, Tuple

from ..errors import MigrateError
from .failure import UNCHANGED, Failure, is_alembics, module_of, named, shown


def unreadable_file(failure: Failure) -> Optional[MigrateError]:
    """A file that is not Python: a SyntaxError names it, except for one with a NUL byte or of no known encoding."""
    exc = failure.exc
    if isinstance(exc, SyntaxError):
        line = f", line {exc.lineno}" if exc.lineno else ""
        path, words = exc.filename or _file_being_read(failure), f"{line}: {exc.msg}"
    elif isinstance(exc, UnicodeDecodeError) or (isinstance(exc, ValueError) and "null bytes" in str(exc)):
        path, words = _file_being_read(failure), f": {exc}"
    else:
        return None
    unicode = isinstance(exc, UnicodeDecodeError) or "unicode error" in words or "utf-8" in words.lower()
    mend = "Save that file as UTF-8" if unicode else "Mend that file"
    return MigrateError(f"{shown(path) if path else 'A file'}{words}", f"{mend} and run the command again.")


def _file_being_read(failure: Failure) -> str:
    """Return the Python file that Alembic was about to load, from the innermost function of Alembic that knows it."""
    for frame, _ in failure.frames():
        known = frame.f_locals
        if module_of(frame).startswith("alembic.") and "dir_" in known and "filename" in known:
            return os.path.join(str(known["dir_"]), str(known["filename"]))
        if module_of(frame).startswith("configparser") and "filename" in known:
            return str(known["filename"])
    return ""


def incomplete_file(failure: Failure) -> Optional[MigrateError]:
    """A revision file that Python reads and Alembic cannot: without down_revision, or with a number for an id."""
    frame = failure.frames()[0][0] if failure.frames() else None
    if frame is None or not module_of(frame).startswith("alembic.") or is_alembics(failure):
        return None
    lacks = re.search(r"module '.*' has no attribute '(revision|down_revision|upgrade|downgrade)'", failure.text)
    if not lacks and not module_of(frame).startswith("alembic.script"):
        return None
    path = getattr(_script_at_hand(failure), "path", "") if lacks and "grade" in lacks[1] else _file_being_read(failure)
    if not path:
        return None
    function = "()" if lacks and "grade" in lacks[1] else ""
    words = f" has no {lacks[1]}{function}." if lacks else f": {named(failure.exc)}"
    return MigrateError(
        f"{shown(path)}{words}",
        f"{UNCHANGED} A revision file has `revision` and `down_revision` (a string, or None for the first),\n"
        "upgrade() and downgrade(). What is no revision belongs in another folder.",
    )


def duplicate(failure: Failure) -> Optional[MigrateError]:
    found = re.match(r"Revision (\S+) is present more than once", failure.text)
    if not found:
        return None
    return MigrateError(
        f"Two revision files have the id {found[1]}{_both_paths(failure, found[1])}.",
        f"{UNCHANGED} Give one of them an id of its own (`revision = …` in the file), or remove it.",
    )


def _both_paths(failure: Failure, revision: str) -> str:
    second = _script_at_hand(failure)
    for frame, _ in failure.frames():
        known = frame.f_locals.get("map_")
        if second is not None and isinstance(known, dict) and hasattr(known.get(revision), "path"):
            return f": {shown(known[revision].path)} and {shown(second.path)}"
    return ""


def missing_parent(failure: Failure) -> Optional[MigrateError]:
    """Alembic warns of a missing parent and ends in a KeyError; of a missing dependency it only raises the KeyError."""
    found = re.match(r"Revision (\S+) referenced from .* is not present", failure.text, re.DOTALL)
    in_graph = bool(failure.frames()) and module_of(failure.frames()[0][0]) == "alembic.script.revision"
    if not found and not (in_graph and isinstance(failure.exc, KeyError) and failure.exc.args):
        return None
    missing = found[1] if found else str(failure.exc.args[0])
    script = _script_at_hand(failure)
    where = f"{shown(script.path)}: revision {script.revision}" if script is not None else "A revision"
    follows = found and missing not in _names(getattr(script, "dependencies", None))
    verb, name = ("follows", "down_revision") if follows else ("depends on", "depends_on")
    return MigrateError(
        f"{where} {verb} {missing}, which is in no file.",
        f"{UNCHANGED} Restore the file of {missing} (another branch of the code may have it), or correct\n"
        f"`{name}` in the one that names it.",
    )


def _names(value: Any) -> Tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _script_at_hand(failure: Failure) -> Any:
    """Return the revision that Alembic was looking at: one of its own Scripts, which know their file."""
    for frame, _ in failure.frames():
        if module_of(frame).startswith("alembic."):
            for name in ("rev", "revision", "script", "self"):
                value = frame.f_locals.get(name)
                if hasattr(value, "down_revision") and hasattr(value, "path"):
                    return value
    return None


def cycle(failure: Failure) -> Optional[MigrateError]:
    if not re.search(r"\b(cycle|self-loop) is detected", failure.text, re.IGNORECASE):
        return None
    return MigrateError(
        failure.text,
        f"{UNCHANGED} Correct `down_revision` or `depends_on` in one of these files: no revision can follow itself.",
    )
