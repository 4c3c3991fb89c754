"""Which revisions are meant."""

from __future__ import annotations

from typing import Any, List, Sequence, Set

from ..history.positions import Position, positions
from ..history.status import standing

_CURRENT = "current"


def chosen(config: Any, scripts: Any, rev_range: str) -> List[Any]:
    """Return the revisions of a range, oldest first.

    :param config: an open Config; the databases are asked where they are only if the range says ``current``.
    :param rev_range: ``START:END`` with both ends in it, but not a ``current`` that it starts with, which has been
        applied; or a single revision.
    :raises MigrateError: if a database does not answer.
    """
    start, colon, end = (part.strip() for part in rev_range.partition(":"))
    at = positions(config) if _CURRENT in (start, end) else []
    if not colon:
        found = scripts.get_revisions(_resolved(start, "heads", at))
    elif start == _CURRENT:
        pending = _pending(scripts, at)
        found = [one for one in _walked(scripts, "base", _resolved(end, "heads", at)) if one.revision in pending]
    else:
        found = _walked(scripts, start or "base", _resolved(end, "heads", at))
    return [script for script in found if script is not None]


def _resolved(name: str, default: str, at: Sequence[Position]) -> Any:
    """Return what Alembic is asked for: a single head is what it would insist on, and two are a finding here."""
    if name == _CURRENT:
        return tuple(sorted({version for position in at for version in position.versions})) or "base"
    return default if name in ("", "head") else name


def _walked(scripts: Any, start: str, end: Any) -> List[Any]:
    return [] if end == "base" else list(scripts.walk_revisions(start, end))[::-1]


def _pending(scripts: Any, at: Sequence[Position]) -> Set[str]:
    """Return what one of the databases has not; of a revision that no file has, Alembic says so."""
    found: Set[str] = set()
    for stands in (standing(scripts, position) for position in at):
        scripts.get_revisions(stands.unknown)
        found.update(script.revision for script in stands.pending)
    return found
