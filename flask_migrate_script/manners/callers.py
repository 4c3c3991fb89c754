"""Who calls: a revision script or an env.py of a run that accepts old manners, or anybody else.

Each file that Alembic loads in such a run gets built-ins of its own, with the run's Manners among them. A frame of
Python's knows its built-ins, so that one look at it tells a script from the application's own code in any thread.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Dict, List, Optional, Set, Tuple

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from ..seam.database import Database
    from ..seam.watch import Run

KEY = "__migrate_manners__"
"""Where the built-ins of a script have the Manners."""

_LIBRARIES = ("sqlalchemy", "alembic", "flask_migrate_script", "contextlib")
_MAPPING = re.compile(
    rb"\[\s*[^\]\s\d:-]|\bdict\(|\.(?:keys|items|values|has_key|iter\w+)\(|\*\*|[\"']\s+(?:not\s+)?in\b"
)


@dataclass
class Manners:
    """The old manners that one run accepts.

    :param era: the SQLAlchemy that the scripts were written for, ``"1.3"`` or ``"1.4"``; empty for any.
    :param quiet: do not say which are used.

    ``databases`` are those that env.py has opened, ``held`` what lasts until the script that runs now is over.
    """

    run: Run
    era: str = ""
    quiet: bool = False
    databases: List[Database] = field(default_factory=list)
    held: ExitStack = field(default_factory=ExitStack)
    _said: Set[Tuple[str, str]] = field(default_factory=set)
    _mappings: Dict[CodeType, bool] = field(default_factory=dict)

    def note(self, frame: FrameType, kind: str, of: str = "SQLAlchemy 1", how: str = "it runs as it did then") -> None:
        """Say that a script has an old manner, once for each of its kinds.

        :param kind: what it uses, in words.
        :param of: whose manner it is.
        :param how: what comes of it.
        """
        script = find_script(frame) or frame
        path = script.f_code.co_filename
        if self.quiet or (path, kind) in self._said:
            return
        self._said.add((path, kind))
        from ..explanations.failure import shorten_path

        revision, where = script.f_globals.get("revision"), f"{shorten_path(path)}, line {script.f_lineno}"
        who = f"Revision {revision} ({where})" if isinstance(revision, str) else f"{os.path.basename(path)} ({where})"
        self.run.say(f"{who} uses {kind} of {of}; {how}.")

    def find_connection(self, engine: Engine) -> Optional[Connection]:
        """Return the connection that env.py gave to Alembic, where it is to the database of an engine."""
        for database in reversed(self.databases):
            own, open_ = database.connection.engine, not database.connection.closed
            if open_ and (own is engine or own.pool is engine.pool or _is_same_server(own, engine)):
                return database.connection
        return None

    def find_database(self, connection: Connection) -> Optional[Database]:
        """Return the database that a connection was given to Alembic for; None for any other connection."""
        return next((one for one in reversed(self.databases) if one.connection is connection), None)

    def may_use_mappings(self, frame: FrameType) -> bool:
        """Return whether there is anything in a script's file that could be about a row as a mapping."""
        code = (find_script(frame) or frame).f_code
        found = self._mappings.get(code)
        if found is None:
            found = self._mappings[code] = _mentions_mappings(code.co_filename)
        return found


def _is_same_server(one: Engine, other: Engine) -> bool:
    return one.url == other.url and one.url.database not in (None, "", ":memory:")


def _mentions_mappings(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return _MAPPING.search(file.read()) is not None
    except OSError:
        return True


def find_manners(frame: FrameType) -> Optional[Manners]:
    """Return the manners that the file of a frame may have; None for everybody's but a script's."""
    found: Optional[Manners] = frame.f_builtins.get(KEY)
    return found


def find_script(frame: Optional[FrameType]) -> Optional[FrameType]:
    """Return the frame of the script that has called the libraries a frame is in; None where it was no script."""
    while frame is not None:
        if KEY in frame.f_builtins:
            return frame
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] not in _LIBRARIES:
            return None
        frame = frame.f_back
    return None
