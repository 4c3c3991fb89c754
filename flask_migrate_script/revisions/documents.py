"""A revision as data: what ``--json`` prints of it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory

RevisionDocument = Dict[str, Any]
"""What ``json.dumps`` takes as it is."""


def read_scripts(config: Config) -> ScriptDirectory:
    """Return the revision files of an open Config."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(config)


def describe_revision(script: Script, scripts: ScriptDirectory) -> RevisionDocument:
    """Return a revision as ``--json`` prints it.

    :param script: one of Alembic's Scripts.
    :param scripts: the ScriptDirectory it is in, which knows the revisions that ``depends_on`` names by a label.
    """
    return {
        "revision": script.revision,
        "down_revisions": list(_list_names(script.down_revision)),
        "depends_on": [scripts.get_revision(name).revision for name in _list_names(script.dependencies)],
        "branch_labels": sorted(script.branch_labels),
        "message": script.doc,
        "created": read_created(script),
        "path": script.path,
        "is_head": script.is_head,
        "is_base": script.is_base,
    }


def describe_revisions(found: Iterable[Script], scripts: ScriptDirectory) -> List[RevisionDocument]:
    """Return revisions as data, in the order given."""
    return [describe_revision(script, scripts) for script in found]


def read_created(script: Script) -> Optional[str]:
    """Return when a revision was created, as its docstring says, in ISO 8601; None where it says nothing readable.

    Every ``script.py.mako`` of Alembic and Flask-Migrate writes ``Create Date: 2013-06-10 14:37:16.385345``; with
    ``timezone`` in ``alembic.ini`` the offset from UTC follows.
    """
    said = re.search(r"^\s*Create Date:\s*(.+?)\s*$", script.longdoc, re.MULTILINE)
    if not said:
        return None
    try:
        return datetime.fromisoformat(re.sub(r"Z$", "+00:00", said[1])).isoformat()
    except ValueError:
        return None


def _list_names(value: Union[str, Sequence[str], None]) -> Tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())
