"""A revision as data: what ``--json`` prints of it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Dict, List, Optional, Tuple


def revision_object(script: Any, scripts: Any) -> Dict[str, Any]:
    """Return a revision as ``--json`` prints it: ``json.dumps`` takes it as it is.

    :param script: one of Alembic's Scripts.
    :param scripts: the ScriptDirectory it is in, which knows the revisions that ``depends_on`` names by a label.
    """
    return {
        "revision": script.revision,
        "down_revisions": list(_names(script.down_revision)),
        "depends_on": [scripts.get_revision(name).revision for name in _names(script.dependencies)],
        "branch_labels": sorted(script.branch_labels),
        "message": script.doc,
        "created": created(script),
        "path": script.path,
        "is_head": script.is_head,
        "is_base": script.is_base,
    }


def revision_objects(found: Any, scripts: Any) -> List[Dict[str, Any]]:
    """Return revisions as data, in the order given."""
    return [revision_object(script, scripts) for script in found]


def created(script: Any) -> Optional[str]:
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


def _names(value: Any) -> Tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())
