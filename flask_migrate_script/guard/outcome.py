"""What is true of each database after a run: asked of the database, with what was seen on the way to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from ..databases import name_server
from ..errors import MigrateError
from ..invocation import get_invocation
from ..passwords import masked
from ..seam.binds import DEFAULT
from ..seam.database import Database, find_revision
from ..seam.driver import OtherConnection
from ..sql.text import Kind, split
from .account import ROLLS_BACK_DDL, Fate, Piece, find_book, find_invalid_indexes
from .journal import find_resumption
from .results import DatabaseOutcome, RunError

if TYPE_CHECKING:
    from ..seam.watch import Bypass
    from .resume.resumption import Resumption

SHOWN_STATEMENTS = 20
SHOWN_REVISIONS = 10


@dataclass(frozen=True)
class Verdict:
    """What is true of one database after a run.

    :param begun: a migration had begun in it.
    :param lines: the same for a person.
    :param remembers: a later run skips what took effect.
    :param lost: the revisions that ran and are not in the database.
    """

    outcome: DatabaseOutcome
    begun: bool
    lines: List[str]
    remembers: bool
    lost: List[str]


def settle(database: Database, error: Optional[MigrateError]) -> Verdict:
    """Ask a database what is true of it after a run.

    :param error: what the run failed with; None where it did not.
    """
    return _Settling(database, error).give_verdict()


def describe_bypass(bypass: Bypass, error: MigrateError) -> Verdict:
    """Return what is known of a database in which migrations ran out of the seam's sight, and one has failed."""
    after = None if bypass.after is None else list(bypass.after)
    failed = RunError(None, None, error.problem)
    outcome = DatabaseOutcome(DEFAULT, bypass.shown, list(bypass.before), after, [], "unknown", [], failed)
    lines = [
        "It is not known what is in the database now: the migrations ran unguarded, on a MigrationContext, or with a"
        f" Config, of env.py's own. {_say_where(after)}"
    ]
    return Verdict(outcome, True, lines, False, [])


class _Settling:
    """The questions to one database when a run is over, and the answers in words."""

    def __init__(self, database: Database, error: Optional[MigrateError]) -> None:
        self.database, self.error, self.book = database, error, find_book(database)
        self.resumption: Optional[Resumption] = find_resumption(database)
        self.why = ""
        self.may_have: Dict[str, List[str]] = {}
        self.invalid: List[str] = []
        self.versions: Optional[Tuple[str, ...]] = self.database.before
        if database.begun or database.failure is not None:
            self._ask()
        self.applied = self._find_applied()
        self.doubtful = [name for name in self.book.doubtful if name in self.applied]
        self.left: Dict[str, List[str]] = self._find_left() if error and self.versions is not None else {}
        self.unseen = self._find_unseen() if error else []

    def give_verdict(self) -> Verdict:
        database, error = self.database, self.error
        state = self._find_state()
        unfinished = database.failure is not None or database.running is not None
        failed = unfinished and error is not None
        outcome = DatabaseOutcome(
            database.name or DEFAULT,
            database.shown,
            list(database.before),
            None if self.versions is None else sorted(self.versions),
            self.applied,
            state,
            [*(masked(text) for one in self.left.values() for text in one), *self.invalid],
            self._make_error() if failed else None,
            self.doubtful,
        )
        moved = [one.revision for one in self.book.moves]
        lost = [name for name in moved if name not in self.applied and name]
        return Verdict(outcome, database.begun, self._write_lines(state), self._remembers, lost)

    def _ask(self) -> None:
        """Ask on a connection of its own: what another one sees is what lasts."""
        self.book.settle_commits(Fate.COMMITTED if self.error is None else Fate.UNKNOWN)
        try:
            with OtherConnection(self.database.connection) as other:
                self.versions = self._read_versions(other)
                self._settle_unknown(other)
                if self.book.invalid is not None:
                    now = find_invalid_indexes(self.database.dialect, other.run)
                    self.invalid = sorted(now - self.book.invalid)
        except Exception as exc:  # whatever the driver raises: the failure that is being explained matters more
            self.versions, self.why = None, f"the database does not answer ({_read_first_line(exc)})"

    def _read_versions(self, other: OtherConnection) -> Optional[Tuple[str, ...]]:
        try:
            rows = other.run(f"SELECT version_num FROM {self.book.version_table}")
        except Exception as exc:
            if not _is_missing_table(exc):
                raise
            # Another connection sees neither a database in memory nor this one's search_path.
            if not _is_elsewhere(self.database):
                return ()
            if self.error is None:
                return tuple(sorted(self.book.moves[-1].heads)) if self.book.moves else self.database.before
            return self.database.before if self._is_rolled_back_whole() else None
        return tuple(sorted(str(row[0]) for row in rows))

    def _is_rolled_back_whole(self) -> bool:
        return all(piece.fate in (Fate.ROLLED_BACK, Fate.OPEN) for piece in self.book.pieces)

    def _settle_unknown(self, other: OtherConnection) -> None:
        """Ask what became of what was not seen to end."""
        pieces = self.book.pieces
        for piece in pieces:
            if piece.fate is Fate.COMMITTING and piece.transaction is not None:
                answer = self.book.facts.find_out(piece.transaction, other)
                piece.fate = _ANSWERS[answer]
        unknown = [piece for piece in pieces if piece.fate is Fate.UNKNOWN]
        past_sqlalchemy = [piece for piece in pieces if piece.fate is Fate.OPEN and self.database.touched]
        if self.error is None:
            return
        committed = self.book.facts.was_committed(other)
        past = self.database.touched and not self.book.whole and not self.book.count_committed()
        if past and not self.book.unseen:
            self.book.unseen = int(committed or self.book.facts.may_have_committed(other))
        if self._find_unfinished() in self.book.elsewhere and not self.book.facts.may_have_committed_elsewhere(other):
            self.book.elsewhere.remove(self._find_unfinished())
        if unknown and committed is not None:
            whole = not self.book.facts.may_have_gone_back(other, self.book.hints)
            unknown[0].fate = Fate.COMMITTED if committed else Fate.ROLLED_BACK
            unknown[0].went_back = not whole
        elif committed:
            for piece in past_sqlalchemy:  # it was ended somewhere in the middle
                piece.fate = Fate.UNKNOWN

    def _find_applied(self) -> List[str]:
        """Return the revisions whose version is in the database; where it says another one, none is claimed."""
        if self.versions is None or set(self.versions) == set(self.database.before):
            return []
        for number, move in enumerate(self.book.moves, 1):
            if move.heads == set(self.versions):
                return [one.revision for one in self.book.moves[:number] if one.revision]
        self.why = "its version table says what no revision of this run leads to"
        return []

    def _find_left(self) -> Dict[str, List[str]]:
        """Return what is in the database of revisions that its version does not have, by revision."""
        self.may_have = self._collect(_is_uncertain)
        left = self._read_journal() if self._remembers else self._collect(_is_certain)
        for one in self.book.foreign:
            if one.lasts and one.revision not in self.applied:
                left.setdefault(one.revision, []).append(one.text)
        return left

    def _collect(self, chosen: Callable[[Piece], bool]) -> Dict[str, List[str]]:
        found: Dict[str, List[str]] = {}
        for piece in self.book.pieces:
            if chosen(piece) and piece.revision not in self.applied and piece.statements:
                found.setdefault(piece.revision, []).extend(piece.statements)
        return found

    def _read_journal(self) -> Dict[str, List[str]]:
        """Return what the journal has of revisions that this run came to, from its table."""
        from .resume.table import DONE, STARTED, JournalTable, read_elsewhere

        table = self.resumption.table if self.resumption else None
        assert isinstance(table, JournalTable)
        try:
            with OtherConnection(self.database.connection) as other:
                entries = read_elsewhere(table, other)
        except Exception as exc:
            self.why = f"its journal cannot be read ({_read_first_line(exc)})"
            return {}
        ours = {piece.revision for piece in self.book.pieces} | {self._find_unfinished()}
        left: Dict[str, List[str]] = {}
        self.may_have = {}
        for entry in entries:
            if entry.revision in ours and entry.revision not in self.applied and entry.state in (DONE, STARTED):
                undone = any(one.kind is Kind.ROLLBACK for one in split(entry.text, self.database.dialect))
                into = left if entry.state == DONE and not undone else self.may_have
                into.setdefault(entry.revision, []).append(" ".join(entry.text.split()))
        return left

    def _find_unfinished(self) -> str:
        running = self.database.running
        return find_revision(running) if running is not None else self.book.revision

    def _find_state(self) -> str:
        if self.versions is None or self.why:
            return "unknown"
        if self.left or self.invalid:
            return "partly"
        if self.may_have or self.unseen or (self.doubtful and self.error):
            return "unknown"
        return "applied" if self.applied else "unchanged"

    def _find_unseen(self) -> List[str]:
        """Return the revisions that have written what was not seen, or may have, and are not applied."""
        last = self._find_unfinished() or (self.book.moves[-1].revision if self.book.moves else "")
        names = [*self.book.elsewhere, *self.book.past, *([last] if self.book.unseen else [])]
        return [name for name in dict.fromkeys(names) if name and name not in self.applied]

    @property
    def _remembers(self) -> bool:
        return bool(self.resumption and self.resumption.table)

    def _make_error(self) -> RunError:
        assert self.error is not None
        statement = self.book.first_error[0] if self.book.first_error else None
        return RunError(self._find_unfinished() or None, masked(statement) if statement else None, self.error.problem)

    def _write_lines(self, state: str) -> List[str]:
        """Return one of four things for a person: unchanged, applied and rolled back, what is left, or not known."""
        label = f"{self.database.name}: " if self.database.name else ""
        return [f"{label}{line}" if not line.startswith("  ") else line for line in self._say(state)]

    def _say(self, state: str) -> Iterator[str]:
        at = _say_where(self.versions)
        if self.versions is None:
            yield f"It is not known what is in the database now: {self.why}."
            return
        if self.why:
            yield f"It is not known what is in the database now: {self.why}. {at}"
            return
        if state == "unchanged":
            yield f"{self._say_unchanged()} {at}"
            return
        for revision in self.doubtful:
            yield f"It is not known whether something that revision {revision} had written was rolled back."
        if self.applied:
            yield f"Applied before it, and kept: {_list_some(self.applied)}."
        if self.left or self.may_have or self.unseen or self.invalid:
            yield from self._say_what_is_left()
        elif self._find_unfinished():
            yield f"Revision {self._find_unfinished()} was rolled back."
        yield at

    def _say_unchanged(self) -> str:
        if self.database.dialect in ROLLS_BACK_DDL:
            return "Rolled back, nothing changed."
        if self._find_unfinished():
            return "None of its statements took effect."
        return "Nothing changed."

    def _say_what_is_left(self) -> Iterator[str]:
        at_least = "at least " if self.database.touched and self.database.dialect != "sqlite" else ""
        why = (
            "it left or ended the transaction"
            if self.database.dialect in ROLLS_BACK_DDL
            else f"{name_server(self.database.connection.dialect)} cannot roll back DDL"
        )
        for revision, statements in self.left.items():
            yield f"Of revision {revision} {at_least}these statements took effect, because {why}:"
            yield from _show_statements(statements)
        for revision, statements in self.may_have.items():
            yield f"Of revision {revision} it is not known whether these statements took effect:"
            yield from _show_statements(statements)
        for revision in self.unseen:
            yield (
                f"Revision {revision} also had the driver's own connection: it is not known what it wrote"
                " there, and whether that is in the database."
            )
        for index in self.invalid:
            yield f"Of revision {self._find_unfinished()} the index {index} is there and invalid."
            yield f"DROP INDEX CONCURRENTLY {index} removes it."
        if self._remembers and (self.left or self.may_have):
            yield (
                f"They are remembered: once the cause is fixed, {get_invocation().words} {self.book.direction} goes on"
                " after them."
            )


_ANSWERS = {True: Fate.COMMITTED, False: Fate.ROLLED_BACK, None: Fate.UNKNOWN}


def _is_certain(piece: Piece) -> bool:
    return piece.fate is Fate.COMMITTED and not piece.went_back


def _is_uncertain(piece: Piece) -> bool:
    return piece.fate is Fate.UNKNOWN or (piece.fate is Fate.COMMITTED and piece.went_back)


def _show_statements(statements: Sequence[str]) -> Iterator[str]:
    yield from (f"  {masked(statement)}" for statement in statements[:SHOWN_STATEMENTS])
    if len(statements) > SHOWN_STATEMENTS:
        yield f"  and {len(statements) - SHOWN_STATEMENTS} more"


def _list_some(revisions: Sequence[str]) -> str:
    more = len(revisions) - SHOWN_REVISIONS
    return ", ".join(revisions[:SHOWN_REVISIONS]) + (f" and {more:,} more" if more > 0 else "")


def _say_where(versions: Optional[Sequence[str]]) -> str:
    if versions is None:
        return "It is not known at which revision it is."
    return f"The database is at {', '.join(versions)}." if versions else "The database is at no revision yet."


def _read_first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]


def _is_missing_table(exc: BaseException) -> bool:
    text = str(exc).lower()
    return "no such table" in text or "does not exist" in text or "doesn't exist" in text


def _is_elsewhere(database: Database) -> bool:
    """Return whether another connection sees another database: one in memory, or without what is attached."""
    context = database.context
    url = database.connection.engine.url
    in_memory = url.database in (None, "", ":memory:") or "memory" in str(url)
    return database.dialect == "sqlite" and (in_memory or bool(context and context.version_table_schema))
