"""What is true of each database after a run: asked of the database, with what was seen on the way to it."""

from __future__ import annotations

import enum
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Sequence, Set, Tuple

from ..errors import MigrateError
from ..invocation import get_invocation
from ..passwords import masked
from ..seam.binds import DEFAULT
from ..seam.database import Database, Sent, revision_of
from ..seam.driver import (
    OtherConnection,
    driver_connection,
    in_transaction,
    innermost,
    is_autocommit,
    run,
    transaction_status,
)
from ..seam.facts import Aborted, Ending, Facts, Hints, SQLiteFacts, facts_for
from ..seam.parts import Part
from ..sql.quoting import identifier, qualified
from ..sql.text import Kind, commits, split
from .atomic import begin_anew
from .journal import resumption_of
from .results import DatabaseOutcome, RunError

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationStep

    from .resume.resumption import Resumption

ROLLS_BACK_DDL = ("postgresql", "sqlite", "mssql")
"""Dialects whose DDL is part of the transaction; SQLite's is under the guard."""

SHOWN_STATEMENTS = 20
SHOWN_REVISIONS = 10


class Fate(enum.Enum):
    """What became of a piece of a transaction, as far as was seen; ``COMMITTING`` was asked for, and no answer seen."""

    OPEN = "open"
    COMMITTING = "committing"
    COMMITTED = "committed"
    ROLLED_BACK = "rolled back"
    UNKNOWN = "unknown"


@dataclass
class Piece:
    """Statements of one revision that share their fate.

    :param number: of the step, from 1.
    """

    number: int
    revision: str
    statements: List[str] = field(default_factory=list)
    fate: Fate = Fate.OPEN


@dataclass
class Moved:
    """A revision whose version has moved.

    :param heads: what the version table says from then on.
    """

    revision: str
    heads: Set[str]


@dataclass
class Book:
    """What was seen of one database in one run.

    :param transaction: the one of SQLAlchemy's that Alembic or env.py is to end.
    :param first_error: the first statement of the running script that failed, and what the driver said of it.
    """

    facts: Facts
    version_table: str
    transaction: Any = None
    number: int = 0
    revision: str = ""
    direction: str = "upgrade"
    pieces: List[Piece] = field(default_factory=list)
    moves: List[Moved] = field(default_factory=list)
    foreign: List[Tuple[Any, str, bool]] = field(default_factory=list)
    hints: Hints = field(default_factory=Hints)
    stale: bool = True
    ended: bool = False
    lost: bool = False
    first_error: Optional[Tuple[str, BaseException]] = None
    scripting: bool = False

    @property
    def piece(self) -> Piece:
        """The piece that statements are added to now."""
        if not self.pieces or self.pieces[-1].fate is not Fate.OPEN or self.pieces[-1].number != self.number:
            self.pieces.append(Piece(self.number, self.revision))
        return self.pieces[-1]

    def close(self, fate: Fate) -> None:
        """Note what becomes of everything that is open."""
        for piece in self.pieces:
            if piece.fate is Fate.OPEN:
                piece.fate = fate
        self.hints.writes = False

    def settle_commits(self, fate: Fate = Fate.COMMITTED) -> None:
        """Something came after a commit, so it was one."""
        for piece in self.pieces:
            if piece.fate is Fate.COMMITTING:
                piece.fate = fate

    def of_running(self, *fates: Fate) -> List[str]:
        """Return the statements of the unfinished revision with one of these fates."""
        unfinished = [piece for piece in self.pieces if piece.number == self.number and piece.fate in fates]
        return [statement for piece in unfinished for statement in piece.statements]


class Account(Part):
    """Keeps the books of a run, asks the database what became of each step, and says after a failure what is true."""

    def configured(self, database: Database) -> None:
        context = database.context
        assert context is not None
        schema = context.version_table_schema or _find_schema(database, context.version_table)
        table = qualified(context.dialect, schema, context.version_table)
        database.state[Account] = Book(Facts(database.connection), table)

    @contextmanager
    def around_run(self, database: Database) -> Iterator[None]:
        book = book_of(database)
        book.transaction = _transaction(database)
        book.facts = facts_for(database.connection)
        if isinstance(book.facts, SQLiteFacts):
            book.facts.on_end = lambda committed: book.close(Fate.COMMITTED if committed else Fate.ROLLED_BACK)
        try:
            yield
            _commit_what_a_script_began(database, book)
        finally:
            with suppress(Exception):  # a connection that is closed tells nothing any more
                book.facts.detach()

    @contextmanager
    def around_step(self, database: Database, step: MigrationStep) -> Iterator[None]:
        book = book_of(database)
        book.number, book.revision = book.number + 1, revision_of(step)
        book.direction = "upgrade" if step.is_upgrade else "downgrade"
        book.hints, book.first_error, book.ended = Hints(), None, False
        is_script = bool(book.revision)
        if is_script and book.stale:
            book.facts.mark()
            book.stale = False
        book.scripting = is_script
        yield
        book.scripting = False
        if is_script:
            self._ask(database, book)

    def _ask(self, database: Database, book: Book) -> None:
        try:
            ending = book.facts.ask(book.hints)
        except Aborted as exc:
            raise _went_on(book) from exc
        book.ended = ending is not Ending.NONE
        if ending is Ending.LOST:
            book.lost = True
            raise MigrateError(
                f"Revision {book.revision} rolled back something that was written, and went on: it is not recorded as"
                " applied.",
                "Take the rollback out of the script and run the command again; begin_nested() makes a savepoint.",
            )

    def version_moved(self, database: Database, step: MigrationStep, heads: Set[str]) -> None:
        book = book_of(database)
        book.moves.append(Moved(book.revision, heads))

    def step_over(self, database: Database, step: MigrationStep) -> None:
        book = book_of(database)
        if book.ended and database.dialect in ROLLS_BACK_DDL:
            self._commit_the_version(database, book)
        if database.connection.in_transaction() is False or book.ended or database.dialect not in ROLLS_BACK_DDL:
            book.stale = True
        book.number += 1
        book.revision = ""

    def _commit_the_version(self, database: Database, book: Book) -> None:
        """A revision has ended the transaction: its version is committed now, and the next one begins another."""
        transaction = _transaction(database)
        if transaction is not None and transaction is not book.transaction:
            transaction.commit()
        elif database.connection.in_transaction():
            book.close(Fate.COMMITTING)
            begin_anew(database)
            book.settle_commits()

    def before_autocommit(self, database: Database) -> None:
        book = book_of(database)
        so_far = len(book.of_running(Fate.OPEN))
        before = f" What it did before them, {so_far} so far, stays too." if so_far else ""
        database.say(
            f"Revision {book.revision} leaves the transaction (autocommit_block): what it runs there stays.{before}"
        )

    @contextmanager
    def inside_autocommit(self, database: Database) -> Iterator[None]:
        book = book_of(database)
        book.hints.commits += 1
        try:
            yield
        finally:
            book.close(Fate.COMMITTED)
            book.transaction = None  # Alembic begins another when the block is over

    def began(self, database: Database) -> None:
        book = _book(database)
        if book:
            book.settle_commits()
            if book.transaction is None:
                book.transaction = _transaction(database)

    def committing(self, database: Database) -> None:
        book = _book(database)
        if book and not isinstance(book.facts, SQLiteFacts):
            aborted = _is_aborted(database)
            book.hints.commits += not aborted
            book.close(Fate.ROLLED_BACK if aborted else Fate.COMMITTING)
            book.stale = True

    def rolling_back(self, database: Database) -> None:
        book = _book(database)
        if book:
            self._rolled_back(book)

    def _rolled_back(self, book: Book) -> None:
        book.hints.rollbacks += 1
        book.hints.lost_writes = book.hints.lost_writes or (book.hints.writes and book.scripting)
        if not isinstance(book.facts, SQLiteFacts):
            book.close(Fate.ROLLED_BACK)
        book.stale = True

    def before_statement(self, database: Database, sent: Sent) -> None:
        book = _book(database)
        if book is None:
            return
        book.settle_commits()
        begun = database.dialect == "postgresql" and book.scripting and book.hints.writes
        if begun and transaction_status(driver_connection(sent.connection)) is False:
            book.hints.unseen += 1
            book.close(Fate.UNKNOWN)
        if database.dialect not in ROLLS_BACK_DDL and commits(sent.text, database.dialect):
            book.close(Fate.COMMITTED)

    def after_statement(self, database: Database, sent: Sent) -> None:
        book = _book(database)
        if book is None or not book.scripting:
            return
        statements = split(sent.text, database.dialect)
        kinds = [statement.kind for statement in statements]
        book.hints.inserts_and_updates += sum(one.word in ("INSERT", "UPDATE", "WITH") for one in statements)
        if any(one.writes for one in statements):
            book.piece.statements.append(" ".join(sent.text.split()))
            book.hints.writes = True
        self._end_by_text(database, book, sent, kinds)

    def _end_by_text(self, database: Database, book: Book, sent: Sent, kinds: Sequence[Kind]) -> None:
        if isinstance(book.facts, SQLiteFacts):
            book.facts.settle()  # it tells of every end itself, but for that of a statement in autocommit
            if not in_transaction(driver_connection(sent.connection)):
                book.close(Fate.COMMITTED)
            return
        book.hints.savepoints += kinds.count(Kind.ROLLBACK_TO)
        over = transaction_status(driver_connection(sent.connection)) is False
        if Kind.ROLLBACK in kinds:
            self._rolled_back(book)
        if Kind.COMMIT in kinds:
            book.hints.commits += 1
            book.close(Fate.COMMITTED)
        elif database.dialect in ROLLS_BACK_DDL and (over or is_autocommit(sent.connection)):
            book.close(Fate.COMMITTED)
            book.hints.commits += 1
        elif database.dialect not in ROLLS_BACK_DDL and (
            commits(sent.text, database.dialect) or is_autocommit(sent.connection)
        ):
            book.close(Fate.COMMITTED)

    def statement_failed(self, database: Database, sent: Sent, exc: BaseException) -> None:
        book = _book(database)
        if book and book.scripting and book.first_error is None:
            book.first_error = (" ".join(sent.text.split()), exc)

    def before_foreign_statement(self, database: Database, sent: Sent) -> None:
        book = _book(database)
        if book and any(one.writes for one in split(sent.text, sent.connection.dialect.name)):
            book.foreign.append((sent.connection.engine, " ".join(sent.text.split()), is_autocommit(sent.connection)))

    def foreign_commit(self, database: Database, sent: Sent) -> None:
        book = _book(database)
        if book:
            engine = sent.connection.engine
            book.foreign = [(one, text, done or one is engine) for one, text, done in book.foreign]


def book_of(database: Database) -> Book:
    """Return the book of a database that was configured."""
    found: Book = database.state[Account]
    return found


def _book(database: Database) -> Optional[Book]:
    return database.state.get(Account)


def _transaction(database: Database) -> Any:
    """Return the transaction of a connection; SQLAlchemy before 1.4 begins none by itself, and has no name for it."""
    connection: Any = database.connection
    return connection.get_transaction() if hasattr(connection, "get_transaction") else None


def _commit_what_a_script_began(database: Database, book: Book) -> None:
    """Commit what follows a script's own ``op.get_bind().commit()``.

    SQLAlchemy begins another transaction then, of which neither Alembic nor env.py knows.
    """
    left = _transaction(database)
    if left is not None and left is not book.transaction:
        left.commit()


def _is_aborted(database: Database) -> bool:
    """Return whether a commit would be a rollback: libpq's "in a failed transaction" is 3."""
    info = getattr(innermost(driver_connection(database.connection)), "info", None)
    return getattr(info, "transaction_status", None) == 3


def _went_on(book: Book) -> MigrateError:
    if book.first_error is None:
        first = "a statement of it failed"
    else:
        statement, exc = book.first_error
        first = f"a statement of it failed: {exc}\n  {statement}"
    return MigrateError(
        f"Revision {book.revision} went on after an error, and the database takes no more statements in this"
        f" transaction; {first}",
        "Fix the script and run the command again. One statement may fail inside `with op.get_bind().begin_nested():`.",
    )


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
    return _Settling(database, error).verdict()


class _Settling:
    """The questions to one database when a run is over, and the answers in words."""

    def __init__(self, database: Database, error: Optional[MigrateError]) -> None:
        self.database, self.error, self.book = database, error, book_of(database)
        self.resumption: Optional[Resumption] = resumption_of(database)
        self.why = ""
        self.may_have: List[str] = []
        self.versions: Optional[Tuple[str, ...]] = self.database.before
        if database.begun or database.failure is not None:
            self._ask()
        self.applied = self._find_applied()
        self.left = self._find_left() if error and self.versions is not None else []

    def verdict(self) -> Verdict:
        database, error = self.database, self.error
        state = self._state()
        failed = database.failure is not None and error is not None
        outcome = DatabaseOutcome(
            database.name or DEFAULT,
            database.shown,
            list(database.before),
            None if self.versions is None else sorted(self.versions),
            self.applied,
            state,
            self.left,
            self._error() if failed else None,
        )
        moved = [one.revision for one in self.book.moves]
        lost = [name for name in moved if name not in self.applied and name]
        return Verdict(outcome, database.begun, self._lines(state), self._remembers, lost)

    def _ask(self) -> None:
        """Ask on a connection of its own: what another one sees is what lasts."""
        self.book.settle_commits(Fate.COMMITTED if self.error is None else Fate.UNKNOWN)
        try:
            with OtherConnection(self.database.connection) as other:
                self.versions = self._read_versions(other)
                self._settle_unknown(other)
        except Exception as exc:  # whatever the driver raises: the failure that is being explained matters more
            self.versions, self.why = None, f"the database does not answer ({_first_line(exc)})"

    def _read_versions(self, other: OtherConnection) -> Optional[Tuple[str, ...]]:
        try:
            rows = other.run(f"SELECT version_num FROM {self.book.version_table}")
        except Exception as exc:
            if not _no_such_table(exc):
                raise
            # Another connection sees neither a database in memory nor this one's search_path.
            if not _is_elsewhere(self.database):
                return ()
            certain = not self.book.moves and not self.book.of_running(Fate.COMMITTED, Fate.UNKNOWN)
            if self.error is None:
                return tuple(sorted(self.book.moves[-1].heads)) if self.book.moves else self.database.before
            return self.database.before if certain or self._rolled_back_whole() else None
        return tuple(sorted(str(row[0]) for row in rows))

    def _rolled_back_whole(self) -> bool:
        return all(piece.fate is Fate.ROLLED_BACK or piece.fate is Fate.OPEN for piece in self.book.pieces)

    def _settle_unknown(self, other: OtherConnection) -> None:
        """Ask what became of what was not seen to end."""
        unknown = [piece for piece in self.book.pieces if piece.fate is Fate.UNKNOWN]
        if not unknown:
            return
        committed = self.book.facts.was_committed(other)
        if committed is not None:
            unknown[0].fate = Fate.COMMITTED if committed else Fate.ROLLED_BACK

    def _find_applied(self) -> List[str]:
        """Return the revisions whose version is in the database; where it says another one, none is claimed."""
        if self.versions is None or set(self.versions) == set(self.database.before):
            return []
        for number, move in enumerate(self.book.moves, 1):
            if move.heads == set(self.versions):
                return [one.revision for one in self.book.moves[:number] if one.revision]
        self.why = "its version table says what no revision of this run leads to"
        return []

    def _find_left(self) -> List[str]:
        if self.resumption and self.resumption.table:
            return self._read_journal()
        left = self.book.of_running(Fate.COMMITTED)
        if self.database.dialect in ROLLS_BACK_DDL or not self.error:
            self.may_have = self.book.of_running(Fate.UNKNOWN)
        left += [text for _, text, committed in self.book.foreign if committed]
        return left

    def _read_journal(self) -> List[str]:
        """Return what the journal has of the unfinished revision, from its table."""
        from .resume.table import DONE, FAILED, STARTED, JournalTable, read_elsewhere

        table = self.resumption.table if self.resumption else None
        assert isinstance(table, JournalTable)
        try:
            with OtherConnection(self.database.connection) as other:
                entries = read_elsewhere(table, other)
        except Exception as exc:
            self.why = f"its journal cannot be read ({_first_line(exc)})"
            return []
        own = [one for one in entries if one.revision == self._unfinished() and one.state != FAILED]
        self.may_have = [" ".join(one.text.split()) for one in own if one.state == STARTED]
        foreign = [text for _, text, committed in self.book.foreign if committed]
        return [" ".join(one.text.split()) for one in own if one.state == DONE] + foreign

    def _unfinished(self) -> str:
        running = self.database.running
        return revision_of(running) if running is not None else self.book.revision

    def _state(self) -> str:
        if self.versions is None or self.why or (self.may_have and not self.left):
            return "unknown"
        if self.left:
            return "partly"
        return "applied" if self.applied else "unchanged"

    @property
    def _remembers(self) -> bool:
        return bool(self.resumption and self.resumption.table)

    def _error(self) -> RunError:
        assert self.error is not None
        statement = self.book.first_error[0] if self.book.first_error else None
        return RunError(self._unfinished() or None, masked(statement) if statement else None, self.error.problem)

    def _lines(self, state: str) -> List[str]:
        """Return one of four things for a person: unchanged, applied and rolled back, what is left, or not known."""
        label = f"{self.database.name}: " if self.database.name else ""
        return [f"{label}{line}" if not line.startswith("  ") else line for line in self._say(state)]

    def _say(self, state: str) -> Iterator[str]:
        at = _at(self.versions)
        if self.versions is None:
            yield f"It is not known what is in the database now: {self.why}."
            return
        if self.why:
            yield f"It is not known what is in the database now: {self.why}. {at}"
            return
        if state == "unchanged":
            yield f"{self._unchanged()} {at}"
            return
        if self.applied:
            yield f"Applied before it, and kept: {_list_some(self.applied)}."
        if self.left or self.may_have:
            yield from self._say_what_is_left()
        elif self._unfinished():
            yield f"Revision {self._unfinished()} was rolled back."
        yield at

    def _unchanged(self) -> str:
        if self.database.dialect in ROLLS_BACK_DDL:
            return "Rolled back, nothing changed."
        if self._unfinished():
            return "None of its statements took effect."
        return "Nothing changed."

    def _say_what_is_left(self) -> Iterator[str]:
        revision = self._unfinished()
        if self.left:
            why = (
                "it left or ended the transaction"
                if self.database.dialect in ROLLS_BACK_DDL
                else f"{_title(self.database)} cannot roll back DDL"
            )
            yield f"Of revision {revision} these statements took effect, because {why}:"
            yield from _show(self.left)
        if self.may_have:
            yield f"Of revision {revision} it is not known whether these statements took effect:"
            yield from _show(self.may_have)
        if self._remembers:
            yield (
                f"They are remembered: once the cause is fixed, {get_invocation().words} {self.book.direction} goes on"
                " after them."
            )


def _show(statements: Sequence[str]) -> Iterator[str]:
    yield from (f"  {masked(statement)}" for statement in statements[:SHOWN_STATEMENTS])
    if len(statements) > SHOWN_STATEMENTS:
        yield f"  and {len(statements) - SHOWN_STATEMENTS} more"


def _list_some(revisions: Sequence[str]) -> str:
    more = len(revisions) - SHOWN_REVISIONS
    return ", ".join(revisions[:SHOWN_REVISIONS]) + (f" and {more:,} more" if more > 0 else "")


def _at(versions: Optional[Sequence[str]]) -> str:
    return f"The database is at {', '.join(versions)}." if versions else "The database is at no revision yet."


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[0]


def _no_such_table(exc: BaseException) -> bool:
    text = str(exc).lower()
    return "no such table" in text or "does not exist" in text or "doesn't exist" in text


def _is_elsewhere(database: Database) -> bool:
    """Return whether another connection sees another database: one in memory, or without what is attached."""
    context = database.context
    url = database.connection.engine.url
    in_memory = url.database in (None, "", ":memory:") or "memory" in str(url)
    return database.dialect == "sqlite" and (in_memory or bool(context and context.version_table_schema))


def _find_schema(database: Database, table: str) -> Optional[str]:
    """Return the schema of PostgreSQL that a table is in, or would be made in: env.py may have set a search_path."""
    if database.dialect != "postgresql":
        return None
    name = identifier(table, database.connection.dialect).replace("'", "''")
    sql = f"""
        SELECT coalesce((SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = to_regclass('{name}')), current_schema())
    """
    schema = run(driver_connection(database.connection), sql)[0][0]
    return None if schema is None else str(schema)


def _title(database: Database) -> str:
    """Return the name of the database's product; SQLAlchemy 1.4 and newer tells MariaDB from MySQL."""
    dialect: Any = database.connection.dialect
    if getattr(dialect, "is_mariadb", getattr(dialect, "_is_mariadb", False)):
        return "MariaDB"
    return {"mysql": "MySQL", "mariadb": "MariaDB", "oracle": "Oracle"}.get(database.dialect, database.dialect)
