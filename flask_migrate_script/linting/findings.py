"""What lint found, and how it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from ..sql.counting import plural

NEVER_ALLOWED = ("missing-parent", "duplicate-revision", "cycle")
"""Findings that are in the way of every command."""


@dataclass(frozen=True)
class Finding:
    """One thing in a revision file that will hurt.

    :param name: what kind it is: the word that ``# migrate: allow`` takes.
    :param path: the file, from the folder the command runs in.
    :param line: its line in the file, from 1.
    :param revision: the revision of that file, None where it cannot be read from it.
    :param what: what is found.
    :param why: what it does to whoever runs the migration.
    :param instead: what to write, or do, instead.
    """

    name: str
    path: str
    line: int
    revision: Optional[str]
    what: str
    why: str
    instead: str


@dataclass(frozen=True)
class Report:
    """What one run of lint has to say.

    :param revisions: the revisions that were looked at, oldest first.
    :param findings: what was found, in the order of the revisions and their lines.
    :param notes: what could not be judged, and why.
    """

    revisions: Tuple[str, ...]
    findings: Tuple[Finding, ...]
    notes: Tuple[str, ...] = ()


def document_report(report: Report) -> Dict[str, Any]:
    """Return the report as ``--json`` prints it."""
    findings = [asdict(finding) for finding in report.findings]
    return {"revisions": list(report.revisions), "findings": findings, "notes": list(report.notes)}


def write_lines(report: Report) -> List[str]:
    """Return the report as a person reads it."""
    if not report.findings:
        return [f"No findings in {plural(len(report.revisions), 'revision')}."]
    return [line for finding in report.findings for line in _write_finding(finding)]


def explain_how_to_allow(report: Report) -> str:
    """Return the advice that goes with findings; empty where none can be allowed, as no command gets past them."""
    if all(finding.name in NEVER_ALLOWED for finding in report.findings):
        return ""
    return "`# migrate: allow NAME` on the line, or alone on the line above, allows one by its name."


def sort_findings(findings: Iterable[Finding], paths: Sequence[str]) -> Tuple[Finding, ...]:
    """Return the findings once each, sorted by file, in the order given, and line."""
    places = {path: place for place, path in enumerate(paths)}
    unique = list(dict.fromkeys(findings))
    return tuple(sorted(unique, key=lambda finding: (places.get(finding.path, -1), finding.path, finding.line)))


def _write_finding(finding: Finding) -> List[str]:
    return [
        f"{finding.path}:{finding.line}: {finding.name}: {finding.what}",
        f"    Why:     {finding.why}",
        f"    Instead: {finding.instead}",
    ]
