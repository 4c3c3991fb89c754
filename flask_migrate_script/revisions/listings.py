"""What ``--json`` prints where Alembic lists revisions: the same ones, in the same order, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, List, Optional, Sequence, Tuple, Union

from .documents import RevisionDocument, describe_revision, describe_revisions, read_scripts
from .positions import read_positions

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory

Revisions = List[RevisionDocument]


def list_history(config: Config, rev_range: Optional[str], indicate_current: bool) -> Revisions:
    """Return the revisions of a range, newest first.

    :param rev_range: as ``history -r`` has it; ``current`` is that of every database.
    :param indicate_current: add ``is_current``, whether a database is at the revision.
    """
    scripts = read_scripts(config)
    start, end = _split_range(rev_range)
    if not indicate_current and "current" not in (start, end):
        return describe_revisions(_walk(scripts, start, end), scripts)
    at = [position.versions for position in read_positions(config)]
    found = {script.revision: script for versions in at for script in _walk(scripts, start, end, versions)}
    listed = describe_revisions(found.values(), scripts)
    if indicate_current:
        for revision in listed:
            revision["is_current"] = any(revision["revision"] in versions for versions in at)
    return listed


def list_heads(config: Config, resolve_dependencies: bool) -> Revisions:
    """Return the revisions that none follows.

    :param resolve_dependencies: none depends on them, too.
    """
    scripts = read_scripts(config)
    return describe_revisions(scripts.get_revisions("heads" if resolve_dependencies else scripts.get_heads()), scripts)


def list_branches(config: Config) -> Revisions:
    """Return the revisions that more than one follows; ``branches_into`` are those that follow."""
    scripts = read_scripts(config)
    points = (script for script in scripts.walk_revisions() if script.is_branch_point)
    return [{**describe_revision(point, scripts), "branches_into": sorted(point.nextrev)} for point in points]


def list_named(config: Config, revision: str) -> Union[RevisionDocument, Revisions]:
    """Return the revision, or a list of them where the name, ``heads`` or ``current``, means none or several."""
    scripts = read_scripts(config)
    names = _list_current(config) if revision == "current" else revision
    found = describe_revisions(filter(None, scripts.get_revisions(names)), scripts)
    return found[0] if len(found) == 1 else found


def _list_current(config: Config) -> Tuple[str, ...]:
    return tuple(sorted({version for position in read_positions(config) for version in position.versions}))


def _walk(scripts: ScriptDirectory, start: str, end: str, at: Sequence[str] = ()) -> Iterable[Script]:
    ends: List[Any] = [tuple(at) if name == "current" else name for name in (start, end)]  # it takes several, too
    return scripts.walk_revisions(base=ends[0] or "base", head=ends[1] or "heads")


def _split_range(rev_range: Optional[str]) -> Tuple[str, str]:
    from alembic.util import CommandError

    if rev_range is None:
        return "", ""
    start, colon, end = rev_range.strip().partition(":")
    if not colon or ":" in end:
        raise CommandError("History range requires [start]:[end], [start]:, or :[end]")
    return start, end
