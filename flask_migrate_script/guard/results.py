"""What is true of each database after a run, and the document that says so with ``--json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Dict, List, Optional, Sequence

APPLIED, UNCHANGED, PARTLY, UNKNOWN = "applied", "unchanged", "partly", "unknown"


@dataclass(frozen=True)
class RunError:
    """What a run failed with in one database.

    :param revision: the revision that failed; None where none was running.
    :param statement: its first statement that the database refused; None where it was not a statement.
    :param message: what is wrong.
    """

    revision: Optional[str]
    statement: Optional[str]
    message: str


@dataclass(frozen=True)
class DatabaseOutcome:
    """What is true of one database after a run.

    :param name: ``"default"`` or the bind key.
    :param url: its URL without the password.
    :param before: the revisions it was at.
    :param after: the revisions it is at; None where the database did not say.
    :param applied: the revisions that were applied, or undone by a downgrade, and are committed.
    :param state: ``"applied"``, ``"unchanged"``, ``"partly"`` where there is something of an unfinished revision in
        it, or ``"unknown"``.
    :param left: the statements of an unfinished revision that are in the database.
    :param error: what it failed with; None in a database where nothing failed.
    :param doubtful: those of the applied revisions of which it is not known whether something that they had written was
        rolled back.
    """

    name: str
    url: str
    before: List[str]
    after: Optional[List[str]]
    applied: List[str] = field(default_factory=list)
    state: str = UNCHANGED
    left: List[str] = field(default_factory=list)
    error: Optional[RunError] = None
    doubtful: List[str] = field(default_factory=list)


def document_outcomes(outcomes: Sequence[DatabaseOutcome]) -> Dict[str, object]:
    """Return what ``upgrade --json`` and ``downgrade --json`` print."""
    return {"databases": [asdict(one) for one in outcomes]}
