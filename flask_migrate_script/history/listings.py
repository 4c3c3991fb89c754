"""What ``--json`` prints where Alembic lists revisions: the same ones, in the same order, as data."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from .positions import positions
from .revisions import revision_object, revision_objects

Revisions = List[Dict[str, Any]]


def history(config: Any, rev_range: Optional[str], indicate_current: bool) -> Revisions:
    """Return the revisions of a range, newest first.

    :param rev_range: as ``history -r`` has it; ``current`` is that of every database.
    :param indicate_current: add ``is_current``, whether a database is at the revision.
    """
    scripts = _scripts(config)
    start, end = _ends(rev_range)
    if not indicate_current and "current" not in (start, end):
        return revision_objects(_walked(scripts, start, end), scripts)
    at = [position.versions for position in positions(config)]
    found = {script.revision: script for versions in at for script in _walked(scripts, start, end, versions)}
    listed = revision_objects(found.values(), scripts)
    if indicate_current:
        for revision in listed:
            revision["is_current"] = any(revision["revision"] in versions for versions in at)
    return listed


def heads(config: Any, resolve_dependencies: bool) -> Revisions:
    """Return the revisions that none follows.

    :param resolve_dependencies: none depends on them, too.
    """
    scripts = _scripts(config)
    return revision_objects(scripts.get_revisions("heads" if resolve_dependencies else scripts.get_heads()), scripts)


def branches(config: Any) -> Revisions:
    """Return the revisions that more than one follows; ``branches_into`` are those that follow."""
    scripts = _scripts(config)
    points = (script for script in scripts.walk_revisions() if script.is_branch_point)
    return [{**revision_object(point, scripts), "branches_into": sorted(point.nextrev)} for point in points]


def show(config: Any, revision: str) -> Union[Dict[str, Any], Revisions]:
    """Return the revision, or a list of them where the name, ``heads`` or ``current``, means none or several."""
    scripts = _scripts(config)
    names = _at_any(config) if revision == "current" else revision
    found = revision_objects(filter(None, scripts.get_revisions(names)), scripts)
    return found[0] if len(found) == 1 else found


def _at_any(config: Any) -> Tuple[str, ...]:
    return tuple(sorted({version for position in positions(config) for version in position.versions}))


def _walked(scripts: Any, start: str, end: str, at: Sequence[str] = ()) -> Iterable[Any]:
    base, head = (tuple(at) if name == "current" else name for name in (start, end))
    return scripts.walk_revisions(base=base or "base", head=head or "heads")  # type: ignore[no-any-return]  # of Any


def _ends(rev_range: Optional[str]) -> Tuple[str, str]:
    from alembic.util import CommandError

    if rev_range is None:
        return "", ""
    start, colon, end = rev_range.strip().partition(":")
    if not colon or ":" in end:
        raise CommandError("History range requires [start]:[end], [start]:, or :[end]")
    return start, end


def _scripts(config: Any) -> Any:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(config)
