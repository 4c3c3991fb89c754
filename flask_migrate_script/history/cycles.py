"""Revisions that follow themselves, for an Alembic that does not see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Set

from ..errors import MigrateError

if TYPE_CHECKING:
    from alembic.config import Config


def refuse_cycles(config: Config) -> None:
    """Raise where revisions follow one another in a circle.

    Alembic 1.4 leaves them out of everything, without a word, and reports success; newer ones raise CycleDetected.
    Only where that is missing the revision files are read here; the private names were seen on 1.4.3.

    :raises MigrateError: with the revisions of the circle.
    """
    from alembic.script import ScriptDirectory, revision

    if hasattr(revision, "CycleDetected"):
        return
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision: script for script in scripts.revision_map._revision_map.values() if script}
    parents = {name: set(script._all_down_revisions) for name, script in known.items()}
    circle = _find_circle(parents)
    if circle:
        raise MigrateError(
            f"Cycle is detected in revisions ({', '.join(sorted(circle))})",
            "Nothing was changed. Correct `down_revision` or `depends_on` in one of these files:\n"
            "no revision can follow itself.",
        )


def _find_circle(parents: Dict[str, Set[str]]) -> Set[str]:
    """Return the revisions that are left when those without parents or without children are taken away, repeatedly."""
    left = set(parents)
    while True:
        followed = {parent for name in left for parent in parents[name]}
        kept = {name for name in left if parents[name] & left and name in followed}
        if kept == left:
            return left
        left = kept
