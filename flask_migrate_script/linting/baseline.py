"""The baseline: findings that a team has accepted, in a file beside the migrations, so that only new ones are shown."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Dict, List, Set, Tuple

from ..errors import MigrateError
from ..explanations.failure import shorten_path
from ..sql.counting import plural
from .findings import NEVER_ALLOWED, Finding, Report

FILE = "lint-baseline.json"

_Key = Tuple[str, str, str]


def write_baseline(folder: str, report: Report) -> str:
    """Write the findings of a report down as accepted, and return what was written where.

    :param folder: the migrations folder.
    :raises MigrateError: if the file cannot be written.
    """
    path = os.path.join(folder, FILE)
    accepted = sorted({_identify(finding) for finding in report.findings if finding.name not in NEVER_ALLOWED})
    entries: List[Dict[str, str]] = [{"revision": one[0], "name": one[1], "what": one[2]} for one in accepted]
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps({"findings": entries}, indent=1, ensure_ascii=False) + "\n")
    except OSError as exc:
        raise MigrateError(f"{shorten_path(path)} cannot be written: {exc.strerror}.") from exc
    return f"{plural(len(entries), 'finding')} written to {shorten_path(path)}."


def leave_out_accepted(folder: str, report: Report) -> Report:
    """Return a report without what the baseline has, and with a note that says how much that is.

    :raises MigrateError: if the file cannot be read.
    """
    path = os.path.join(folder, FILE)
    if not os.path.exists(path):
        return report
    accepted = _read(path)
    kept = tuple(one for one in report.findings if one.name in NEVER_ALLOWED or _identify(one) not in accepted)
    left_out = len(report.findings) - len(kept)
    note = f"{plural(left_out, 'finding')} left out: {shorten_path(path)} accepts them."
    return replace(report, findings=kept, notes=(*report.notes, note) if left_out else report.notes)


def _identify(finding: Finding) -> _Key:
    """Return what stays the same where lines move."""
    return finding.revision or finding.path, finding.name, finding.what


def _read(path: str) -> Set[_Key]:
    try:
        with open(path, encoding="utf-8") as file:
            return {(one["revision"], one["name"], one["what"]) for one in json.load(file)["findings"]}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise MigrateError(
            f"{shorten_path(path)} is no baseline that can be read.", "{db} lint --baseline write writes it anew."
        ) from exc
