"""A wait for a lock in the database, as the server tells of it, and its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Tuple

from ...console.terminal import fit, join_lines
from ...passwords import Mask

Row = Dict[str, Any]
"""What a server says of one session, by the names of its columns."""

SHOWN_STATEMENT = 120
"""Characters of a statement that are shown."""

SHOWN_SESSIONS = 5
"""Sessions of one wait that are shown."""


@dataclass(frozen=True)
class Session:
    """Another session of the server; what is empty is not known.

    :param kind: what the server calls the thing that its number counts: ``process`` or ``connection``.
    :param host: where it comes from, with the port on that side.
    :param since: when its transaction began, in the server's words.
    :param at_work: it is running a statement; None where that is not known.
    :param statement: what it is running, or ran last where it is not at work.
    :param idle_since_before: it has sent nothing since before the wait began.
    :param own: it is a session of this very process.
    :param ours: it is the session that the migration runs in.
    """

    number: int
    kind: str
    user: str = ""
    host: str = ""
    application: str = ""
    since: str = ""
    at_work: Optional[bool] = None
    statement: str = ""
    idle_since_before: bool = False
    own: bool = False
    ours: bool = False

    def describe(self, mask: Mask) -> str:
        """Return the session in words."""
        name = f"{self.kind} {self.number}" if self.number else "a prepared transaction, which has no session"
        parts = [
            f"{name}{f' of user {self.user}' if self.user else ''}{f' from {self.host}' if self.host else ''}",
            f"application {self.application}" if self.application else "",
            f"in a transaction since {self.since}" if self.since else "since when is not known",
            self._describe_work(mask),
        ]
        own = " It is a session of this very process." if self.own else ""
        return join_lines(mask(", ".join(filter(None, parts)))) + "." + own

    def _describe_work(self, mask: Mask) -> str:
        if self.at_work is None:
            return "what it is doing is not known"
        if not self.statement:
            return "what it is running is not shown" if self.at_work else "idle"
        return f"{'running' if self.at_work else 'idle; its last statement'}: {shorten_statement(self.statement, mask)}"


@dataclass(frozen=True)
class Wait:
    """A session of this process that waits for a lock.

    :param number: the number of the session that waits.
    :param statement: what it is running, in the server's words.
    :param holders: who has the lock, or waits for it before this one.
    :param certain: the server says so; else these are those whose transaction is older than the wait.
    """

    number: int
    statement: str
    holders: Tuple[Session, ...]
    certain: bool = True

    @property
    def endless(self) -> Optional[Session]:
        """The session of this process that has the lock, or may have it, and does nothing: the wait may never end."""
        return next((holder for holder in self.holders if holder.own and holder.idle_since_before), None)

    @property
    def candidates(self) -> int:
        """How many sessions may hold the lock where the server does not say who does."""
        return 0 if self.certain else len(self.holders)

    def lines(self, shown: str, mask: Mask) -> List[str]:
        """Return what is told of it to a person.

        :param shown: the database, as messages name it.
        """
        head = f"Waiting for a lock in {shown}: {shorten_statement(self.statement, mask)}"
        sessions = [f"  {holder.describe(mask)}" for holder in self.holders[:SHOWN_SESSIONS]]
        if len(self.holders) > SHOWN_SESSIONS:
            sessions.append(f"  and {len(self.holders) - SHOWN_SESSIONS} more")
        if self.certain and sessions:
            return [f"{head}\n  It is held by:", *sessions]
        unknown = "  Who holds it is not known: the server does not say."
        older = ["  These transactions are older than the wait, so one of them may hold it:"] if sessions else []
        return [head, unknown, *older, *sessions]


def shorten_statement(statement: str, mask: Mask) -> str:
    """Return a statement in one line, without passwords and without what a terminal would take for a command."""
    return fit(join_lines(mask(statement)), SHOWN_STATEMENT) or "not known"


def follow_edges(number: int, edges: Iterable[Tuple[int, int]]) -> List[int]:
    """Return who a session waits for, and whom those wait for in turn, the nearest first.

    :param edges: who waits for whom.
    """
    found: List[int] = []
    waits_for = list(edges)
    reached = [number]
    while reached:
        nearest = [holder for waiter, holder in waits_for if waiter in reached]
        reached = [one for one in dict.fromkeys(nearest) if one not in found and one != number]
        found += reached
    return found
