"""How each database stands to the revision files: where it is, what is applied, and what is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, List, Sequence, Tuple, cast

from .documents import describe_revisions, read_scripts
from .positions import Position, read_positions

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory


@dataclass(frozen=True)
class Standing:
    """One database against the revision files; the revisions are Alembic's Scripts.

    :param current: the revisions it is at, as ``current`` shows them: those in its version table and, of the branches
        that these depend on, the last applied. Unknown ones are among them.
    :param heads: the revisions that none follows.
    :param applied: oldest first; what an unknown revision stands on is not known.
    :param pending: what ``upgrade heads`` would run, in its order; not known, and empty, where one is unknown.
    :param unknown: the revisions it is at that no file has.
    """

    position: Position
    current: Tuple[str, ...]
    heads: Tuple[str, ...]
    applied: Tuple[Script, ...]
    pending: Tuple[Script, ...]
    unknown: Tuple[str, ...]

    @property
    def up_to_date(self) -> bool:
        """Whether there is nothing to run, and no doubt about it."""
        return not self.pending and not self.unknown


@dataclass(frozen=True)
class Status:
    """Every database against the revision files.

    :param scripts: Alembic's ScriptDirectory.
    """

    scripts: ScriptDirectory
    standings: Tuple[Standing, ...]


def read_status(config: Config) -> Status:
    """Return where every database stands; to be called as :func:`read_positions` is.

    :param config: an open Config.
    """
    scripts = read_scripts(config)
    return Status(scripts, tuple(find_standing(scripts, position) for position in read_positions(config)))


def find_standing(scripts: ScriptDirectory, position: Position) -> Standing:
    """Return where a database at a position stands."""
    every = {script.revision: script for script in scripts.walk_revisions()}
    unknown = tuple(version for version in position.versions if version not in every)
    known = tuple(version for version in position.versions if version in every)
    beyond = _list_beyond(scripts, known)
    applied = set(every) - {script.revision for script in beyond}
    return Standing(
        position,
        current=tuple(sorted({script.revision for script in scripts.get_all_current(known)} | set(unknown))),
        heads=tuple(sorted(scripts.get_heads())),
        applied=tuple(script for script in reversed(list(every.values())) if script.revision in applied),
        pending=() if unknown else tuple(beyond),
        unknown=unknown,
    )


def _list_beyond(scripts: ScriptDirectory, versions: Sequence[str]) -> List[Script]:
    """Return what upgrading from these versions to the heads runs, in its order: the walk is Alembic's own."""
    if not scripts.get_heads():
        return []
    found = scripts.revision_map.iterate_revisions("heads", tuple(versions), implicit_base=True)
    return cast("List[Script]", list(found)[::-1])


def document_status(found: Status) -> Dict[str, object]:
    """Return what ``current --json`` and ``status --json`` print."""
    return {"databases": [_document_database(one, found.scripts) for one in found.standings]}


def _document_database(standing: Standing, scripts: ScriptDirectory) -> Dict[str, object]:
    return {
        "name": standing.position.name,
        "url": standing.position.url,
        "current": list(standing.current),
        "heads": list(standing.heads),
        "pending": describe_revisions(standing.pending, scripts),
        "unknown": list(standing.unknown),
        "up_to_date": standing.up_to_date,
        "unfinished": [one.document() for one in standing.position.unfinished],
    }
