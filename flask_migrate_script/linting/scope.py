"""Which revisions are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, List, Optional, Sequence, Set

from ..revisions.positions import Position, read_positions
from ..revisions.status import find_standing

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory

_CURRENT = "current"


def choose_scripts(config: Config, scripts: ScriptDirectory, rev_range: str) -> List[Script]:
    """Return the revisions of a range, oldest first.

    :param config: an open Config; the databases are asked where they are only if the range says ``current``.
    :param rev_range: ``START:END`` with both ends in it, but not a ``current`` that it starts with, which has been
        applied; or a single revision.
    :raises MigrateError: if a database does not answer.
    """
    start, colon, end = (part.strip() for part in rev_range.partition(":"))
    at = read_positions(config) if _CURRENT in (start, end) else []
    if not colon:
        found: Iterable[Optional[Script]] = scripts.get_revisions(_resolve(start, "heads", at))
    elif start == _CURRENT:
        pending = _find_pending(scripts, at)
        found = [one for one in _walk(scripts, "base", _resolve(end, "heads", at)) if one.revision in pending]
    else:
        found = _walk(scripts, start or "base", _resolve(end, "heads", at))
    return [script for script in found if script is not None]


def _resolve(name: str, default: str, at: Sequence[Position]) -> Any:
    """Return what Alembic is asked for: a single head is what it would insist on, and two are a finding here."""
    if name == _CURRENT:
        return tuple(sorted({version for position in at for version in position.versions})) or "base"
    return default if name in ("", "head") else name


def _walk(scripts: ScriptDirectory, start: str, end: Any) -> List[Script]:
    return [] if end == "base" else list(scripts.walk_revisions(start, end))[::-1]


def _find_pending(scripts: ScriptDirectory, at: Sequence[Position]) -> Set[str]:
    """Return what one of the databases has not; of a revision that no file has, Alembic says so."""
    found: Set[str] = set()
    for stands in (find_standing(scripts, position) for position in at):
        scripts.get_revisions(stands.unknown)
        found.update(script.revision for script in stands.pending)
    return found
