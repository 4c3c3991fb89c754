"""The history as it is drawn: every revision with what there is to show of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, Iterable, List, Tuple

from ..console.terminal import join_lines
from ..seam.scripts import list_own_labels
from .documents import describe_revision, read_scripts
from .positions import Position

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory


@dataclass(frozen=True)
class Drawn:
    """A revision in the picture.

    :param parents: the revisions it follows.
    :param depends_on: the revisions that have to be applied before it.
    :param labels: the branch labels that it gives; at a head all of its branch.
    :param created: the date, ``2013-06-10``; empty where its file says none.
    :param message: in one line.
    """

    revision: str
    parents: Tuple[str, ...]
    depends_on: Tuple[str, ...]
    labels: Tuple[str, ...]
    is_head: bool
    created: str
    message: str


def read_history(config: Config) -> List[Drawn]:
    """Return every revision, newest first, in the order of ``history``.

    :param config: an open Config.
    """
    scripts = read_scripts(config)
    return [_read_drawn(script, scripts) for script in scripts.walk_revisions()]


def list_names_at(positions: Iterable[Position]) -> Dict[str, List[str]]:
    """Return the names of the databases by the revision they are at."""
    found: Dict[str, List[str]] = {}
    for position in positions:
        for version in position.versions:
            found.setdefault(version, []).append(position.name)
    return found


def _read_drawn(script: Script, scripts: ScriptDirectory) -> Drawn:
    known = describe_revision(script, scripts)
    labels = known["branch_labels"] if known["is_head"] else list_own_labels(script)
    return Drawn(
        known["revision"],
        tuple(known["down_revisions"]),
        tuple(known["depends_on"]),
        tuple(sorted(labels)),
        known["is_head"],
        (known["created"] or "")[:10],
        join_lines(known["message"] or ""),
    )
