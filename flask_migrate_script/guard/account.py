"""The account of a run: what was seen on its way to each database, and what the database says of each step."""

from __future__ import annotations

import enum
import sqlite3
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from ..errors import MigrateError
from ..failure_context import FirstError, note
from ..seam.database import Database, Sent, find_revision
from ..seam.driver import (
    driver_connection,
    find_innermost,
    is_autocommit,
    read_transaction_status,
    run,
)
from ..seam.facts import Aborted, Ending, Facts, Hints, MySQLFacts, PostgreSQLFacts, SQLiteFacts, make_facts
from ..seam.parts import Part
from ..sql.quoting import identifier, qualified
from ..sql.text import Kind, Statement, commits, split
from .atomic import begin_anew
from .journal import find_resumption

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationStep
    from sqlalchemy.engine import Engine

ROLLS_BACK_DDL = ("postgresql", "sqlite", "mssql")
"""Dialects whose DDL is part of the transaction; SQLite's is under the guard."""


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
    :param transaction: what PostgreSQL calls the transaction that was to be committed.
    :param went_back: something in it was taken back to a savepoint that was not seen.
    """

    number: int
    revision: str
    statements: List[str] = field(default_factory=list)
    fate: Fate = Fate.OPEN
    transaction: Optional[str] = None
    went_back: bool = False


@dataclass
class Moved:
    """A revision whose version has moved.

    :param heads: what the version table says from then on.
    """

    revision: str
    heads: Set[str]


@dataclass
class Foreign:
    """A statement that a script has sent over another connection.

    :param revision: of the script.
    :param lasts: it was committed.
    """

    revision: str
    engine: Engine
    text: str
    lasts: bool = False


@dataclass
class Book:
    """What was seen of one database in one run.

    :param transaction: the one of SQLAlchemy's that Alembic or env.py is to end.
    :param first_error: the first statement of the running script that failed, and what the driver said of it.
    :param placed: a mark of ours is in the transaction that was open when the script took the driver's connection; None
        where it has not taken it since the last end.
    :param elsewhere: the revisions that have had a driver's connection which is not Alembic's.
    :param past: the revisions that are over, and that have sent statements which were not seen.
    :param committing: what PostgreSQL calls the transaction that is about to be committed.
    :param went_back: something was taken back to a savepoint that was not seen, in the transaction that is open.
    :param savepoints_left: how often the script was seen to go back to a savepoint in it.
    :param doubtful: the revisions of which it is not known whether something that they had written was rolled back.
    """

    facts: Facts
    version_table: str
    transaction: Any = None
    number: int = 0
    revision: str = ""
    direction: str = "upgrade"
    pieces: List[Piece] = field(default_factory=list)
    unsettled: List[Piece] = field(default_factory=list)
    moves: List[Moved] = field(default_factory=list)
    foreign: List[Foreign] = field(default_factory=list)
    hints: Hints = field(default_factory=Hints)
    stale: bool = True
    ended: bool = False
    lost: bool = False
    first_error: Optional[Tuple[str, BaseException]] = None
    scripting: bool = False
    sending: bool = False
    heard: Optional[str] = None
    savepoints: Dict[str, Tuple[Piece, int]] = field(default_factory=dict)
    unseen: int = 0
    placed: Optional[bool] = None
    elsewhere: List[str] = field(default_factory=list)
    past: List[str] = field(default_factory=list)
    whole: bool = False
    commands: Counter[str] = field(default_factory=Counter)
    journaled: Counter[str] = field(default_factory=Counter)
    invalid: Optional[Set[str]] = None
    doubtful: List[str] = field(default_factory=list)
    went_back: bool = False
    savepoints_left: int = 0
    committing: Optional[str] = None

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
                piece.fate, piece.transaction, piece.went_back = fate, self.committing, self.went_back
                if fate is Fate.COMMITTING and piece.transaction is None:
                    self.unsettled.append(piece)
        self.committing, self.went_back, self.savepoints_left = None, False, 0
        self.placed = None
        self.hints.writes = False

    def settle_commits(self, fate: Fate = Fate.COMMITTED) -> None:
        """Something came after a commit, so it was one; PostgreSQL itself is asked, once the run is over."""
        for piece in self.unsettled:
            piece.fate = fate
        self.unsettled.clear()

    def peek(self) -> Hints:
        """Return what was seen since the database was asked last."""
        return replace(self.hints, commands=self.commands + self.journaled)

    def take_seen(self) -> Hints:
        """The same, and begin anew: the database is asked now."""
        hints = self.peek()
        self.forget_seen()
        return hints

    def forget_seen(self) -> None:
        """The database is asked now: what was seen before counts no more."""
        self.commands.clear()
        self.journaled.clear()

    def count_committed(self) -> int:
        """Return how many statements of the running revision are known to be committed."""
        return sum(
            len(one.statements) for one in self.pieces if one.fate is Fate.COMMITTED and one.number == self.number
        )

    def go_back(self, savepoint: str, begin: bool) -> None:
        """Remember where a savepoint is, or take away what came after it."""
        self.keep_heard()
        piece = self.piece
        if begin:
            self.savepoints[savepoint] = (piece, len(piece.statements))
            return
        at, place = self.savepoints.get(savepoint, (None, 0))
        if at is piece:
            del piece.statements[place:]

    def count_open(self) -> int:
        """Return how many statements are in a transaction that is open."""
        return sum(len(piece.statements) for piece in self.pieces if piece.fate is Fate.OPEN)

    def hear(self, text: str) -> None:
        """SQLite executes a statement that did not come by SQLAlchemy."""
        self.keep_heard()
        self.heard = None if self.sending or not self.scripting else " ".join(text.split())

    def hear_savepoint(self, savepoint: str, begin: bool) -> None:
        """SQLite begins a savepoint, or goes back to one; of those that came by SQLAlchemy the events tell."""
        if self.scripting and not self.sending:
            self.go_back(savepoint, begin)

    def keep_heard(self) -> None:
        """Something came after a statement, so it has not failed."""
        if self.heard is not None:
            self.piece.statements.append(self.heard)
            self.heard = None

    def end(self, committed: bool) -> None:
        """SQLite has ended a transaction, or a statement in autocommit."""
        self.keep_heard()
        self.close(Fate.COMMITTED if committed else Fate.ROLLED_BACK)


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
        book = find_book(database)
        book.transaction = _find_transaction(database)
        book.facts = make_facts(database.connection)
        if isinstance(book.facts, SQLiteFacts):
            book.facts.on_end, book.facts.on_statement, book.facts.on_savepoint = (
                book.end,
                book.hear,
                book.hear_savepoint,
            )
        try:
            yield
            _commit_what_a_script_began(database, book)
        finally:
            with suppress(Exception):  # a connection that is closed tells nothing any more
                book.facts.detach()

    @contextmanager
    def around_step(self, database: Database, step: MigrationStep) -> Iterator[None]:
        book = find_book(database)
        book.number, book.revision = book.number + 1, find_revision(step)
        book.direction = "upgrade" if step.is_upgrade else "downgrade"
        book.hints, book.first_error, book.ended, book.unseen = Hints(), None, False, 0
        book.placed = None
        is_script = bool(book.revision)
        resumption = find_resumption(database)
        if resumption and resumption.table:
            book.journaled = resumption.table.sent
        if is_script and book.stale:
            book.facts.mark()
            book.stale = False
            book.forget_seen()
        book.scripting = is_script
        if is_script and database.touched:
            self.driver_taken(database)  # an earlier script may have kept it
        try:
            yield
        except BaseException as exc:
            self._settle_after_failure(database, book, exc)
            book.scripting = False
            raise
        book.keep_heard()
        self._notice_end(database, book)
        book.scripting = False
        if is_script:
            self._ask(database, book)

    def _settle_after_failure(self, database: Database, book: Book, exc: BaseException) -> None:
        """Ask what can be asked of a connection whose script has failed, and note on the failure what is known."""
        first = None
        if book.first_error is not None and not _is_same_failure(exc, book.first_error[1]):
            first = FirstError(*book.first_error)
        note(exc, revision=book.revision, versions=database.before, first_error=first)
        if isinstance(book.facts, SQLiteFacts):
            if isinstance(exc, sqlite3.IntegrityError):
                book.heard = None  # the driver's own cursor: the last statement is the one that failed
            with suppress(Exception):  # a connection that is closed
                book.facts.settle()
                book.keep_heard()
        if database.touched:
            with suppress(Exception):  # a transaction that takes no more statements
                book.facts.end_turns()
        with suppress(Exception):  # a connection that is lost
            self._notice_end(database, book)
            book.whole = book.facts.is_same()
            self._look_elsewhere(book)
            if database.touched:
                book.unseen = book.unseen or self._count_unseen(book)

    def _ask_journal(self, database: Database, facts: MySQLFacts, unseen: int) -> Ending:
        """Ask the journal what became of a transaction that is over: a row is in the transaction of its statement."""
        resumption = find_resumption(database)
        if resumption is None or resumption.table is None:
            return Ending.UNKNOWN
        if resumption.table.count_lost():
            return Ending.UNKNOWN if facts.gone_back else Ending.LOST
        return Ending.UNKNOWN if unseen else Ending.OVER

    def _count_unseen(self, book: Book) -> int:
        """Return how many statements went past SQLAlchemy and may last: not those of the transaction that is open."""
        unseen = book.facts.count_unseen(book.peek())
        return 0 if unseen and book.placed and book.facts.is_in_place() else unseen

    def _look_elsewhere(self, book: Book) -> None:
        if book.revision in book.elsewhere and not book.facts.look_elsewhere():
            book.elsewhere.remove(book.revision)

    def _ask(self, database: Database, book: Book) -> None:
        self._look_elsewhere(book)
        book.hints.touched = database.touched
        if database.touched:
            with suppress(Exception):  # a transaction that takes no more statements, as the next question says
                book.facts.end_turns()
        unseen = self._count_unseen(book) if database.touched else 0
        book.past += [book.revision] if unseen else []
        try:
            ending = book.facts.ask(book.take_seen())
            book.settle_commits()
        except Aborted as exc:
            raise _explain_went_on(book) from exc
        if ending is Ending.UNKNOWN and isinstance(book.facts, MySQLFacts):
            ending = self._ask_journal(database, book.facts, unseen)
        book.ended = ending is not Ending.NONE
        if database.run.refuses and not database.redirected:
            return  # a dry run stops where a transaction ends, whatever was in it
        if ending is Ending.UNKNOWN:
            book.doubtful.append(book.revision)
            database.say(
                f"Revision {book.revision} ended the transaction on the driver's own connection: it is not known"
                " whether something that it had written was rolled back."
            )
        if ending is Ending.LOST:
            book.lost, book.unseen = True, unseen
            raise MigrateError(
                f"Revision {book.revision} rolled back something that was written, and went on: it is not recorded as"
                " applied.",
                "Take the rollback out of the script and run the command again; begin_nested() makes a savepoint.",
            )

    def version_moved(self, database: Database, step: MigrationStep, heads: Set[str]) -> None:
        book = find_book(database)
        book.moves.append(Moved(book.revision, heads))

    def step_over(self, database: Database, step: MigrationStep) -> None:
        book = find_book(database)
        if book.ended:
            self._commit_the_version(database, book)
        if database.dialect in ROLLS_BACK_DDL and (not database.connection.in_transaction() or book.ended):
            book.stale = True
        book.number += 1
        book.revision = ""

    def _commit_the_version(self, database: Database, book: Book) -> None:
        """A revision has ended the transaction: its version is committed now, and the next one begins another."""
        transaction = _find_transaction(database)
        if transaction is not None and transaction is not book.transaction:
            transaction.commit()
        elif database.connection.in_transaction():
            book.close(Fate.COMMITTING)
            begin_anew(database)
            book.settle_commits()

    def before_autocommit(self, database: Database) -> None:
        book = find_book(database)
        self._notice_end(database, book)
        so_far = book.count_open()
        book.invalid = find_invalid_indexes(database.dialect, _make_ask(database))
        before = f" What it did before them, {so_far} so far, stays too." if so_far else ""
        database.say(
            f"Revision {book.revision} leaves the transaction (autocommit_block): what it runs there stays.{before}"
        )

    @contextmanager
    def inside_autocommit(self, database: Database) -> Iterator[None]:
        book = find_book(database)
        book.hints.commits += 1
        try:
            yield
        finally:
            book.close(Fate.COMMITTED)
            book.transaction = None  # Alembic begins another when the block is over

    def began(self, database: Database) -> None:
        book = _get_book(database)
        if book:
            book.settle_commits()
            if book.transaction is None:
                book.transaction = _find_transaction(database)

    def committing(self, database: Database) -> None:
        book = _get_book(database)
        if book and not isinstance(book.facts, SQLiteFacts):
            self._notice_end(database, book)
            self._look_before_commit(database, book)
            aborted = _is_aborted(database)
            book.hints.commits += not aborted
            book.close(Fate.ROLLED_BACK if aborted else Fate.COMMITTING)
            book.stale = True

    def rolling_back(self, database: Database) -> None:
        book = _get_book(database)
        if book:
            self._notice_end(database, book)
            self._notice_loss(book)
            self._note_rollback(book)

    def _notice_loss(self, book: Book) -> None:
        """A rollback is about to be sent: ask whether something is written that it undoes."""
        if book.scripting and not book.hints.lost_writes:
            with suppress(Exception):  # a connection that is lost: the failure that follows tells of it
                wrote = book.facts.has_written(book.peek())
                book.hints.lost_writes, book.hints.may_have_lost = (
                    bool(wrote),
                    book.hints.may_have_lost or wrote is None,
                )

    def _note_rollback(self, book: Book) -> None:
        book.hints.rollbacks += 1
        if not isinstance(book.facts, SQLiteFacts):
            book.close(Fate.ROLLED_BACK)
        book.stale = True

    def before_statement(self, database: Database, sent: Sent) -> None:
        book = _get_book(database)
        if book is None:
            return
        book.settle_commits()
        book.sending = True
        if _is_alembics_own(database, book):
            return
        self._notice_end(database, book)
        statements = split(sent.text, database.dialect)
        if any(one.kind is Kind.ROLLBACK for one in statements):
            if not _commits_first(statements):
                self._notice_loss(book)
            book.hints.lost_writes = book.hints.lost_writes or (book.scripting and _undoes_itself(statements))
        if any(one.kind is Kind.COMMIT for one in statements):
            self._look_before_commit(database, book)
        if database.dialect not in ROLLS_BACK_DDL and commits(sent.text, database.dialect):
            book.close(Fate.COMMITTED)

    def _look_before_commit(self, database: Database, book: Book) -> None:
        """A commit is about to be sent: ask what was written, or taken back, and not seen."""
        if not book.scripting or not isinstance(book.facts, PostgreSQLFacts):
            return
        with suppress(Exception):  # a connection that is lost: the failure that follows tells of it
            book.committing = book.facts.find_number()
            if database.touched:
                book.unseen += bool(book.committing and not book.hints.writes)
                book.went_back = book.facts.count_gone_back() > book.savepoints_left

    def _notice_end(self, database: Database, book: Book) -> None:
        """Notice that the transaction has ended past SQLAlchemy, by what the server said in its last answer."""
        begun = book.scripting and book.hints.writes and not isinstance(book.facts, SQLiteFacts)
        if begun and read_transaction_status(driver_connection(database.connection)) is False:
            book.hints.unseen += 1
            book.close(Fate.UNKNOWN)

    def after_statement(self, database: Database, sent: Sent) -> None:
        book = _get_book(database)
        if book is None:
            return
        book.sending = False
        if _is_alembics_own(database, book):
            return
        statements = split(sent.text, database.dialect)
        resumption = find_resumption(database)
        if resumption and resumption.skipped:
            return
        book.commands.update(_name_commands(statements))
        if not book.scripting:
            return
        # It is looked at first: a question would begin another transaction.
        over = read_transaction_status(driver_connection(sent.connection)) is False
        for statement in statements:
            self._note(database, book, statement)
        self._look_whether_it_is_over(database, book, sent, over)

    def _note(self, database: Database, book: Book, statement: Statement) -> None:
        """Note one statement that was executed, and what it ended."""
        kind = statement.kind
        if statement.writes:
            book.piece.statements.append(" ".join(statement.text.split()))
            if not book.hints.writes:
                book.hints.writes = True
                book.facts.learn()
        if kind in (Kind.SAVEPOINT, Kind.ROLLBACK_TO):
            book.hints.savepoints += kind is Kind.ROLLBACK_TO
            book.savepoints_left += kind is Kind.ROLLBACK_TO
            book.go_back(statement.tokens[-1].text, begin=kind is Kind.SAVEPOINT)
        if isinstance(book.facts, SQLiteFacts):
            return  # it tells of every end itself
        if kind is Kind.ROLLBACK:
            self._note_rollback(book)
        elif kind is Kind.COMMIT:
            book.hints.commits += 1
            book.close(Fate.COMMITTED)
        elif database.dialect not in ROLLS_BACK_DDL and statement.commits:
            book.close(Fate.COMMITTED)

    def _look_whether_it_is_over(self, database: Database, book: Book, sent: Sent, over: bool) -> None:
        """What was executed in autocommit, or outside of a transaction, lasts."""
        if isinstance(book.facts, SQLiteFacts):
            book.facts.settle()
        if over and database.dialect not in ROLLS_BACK_DDL:
            book.close(Fate.COMMITTED)  # by DDL, or by the journal, which commits before what lasts at once
            over = False
        if over or (is_autocommit(sent.connection) and not database.engine_autocommit):
            if over and not (book.hints.commits or book.hints.rollbacks or is_autocommit(sent.connection)):
                book.hints.unseen += 1  # it was no longer in the transaction that it should have been in
            elif book.count_open():
                book.hints.commits += 1
            book.close(Fate.COMMITTED)

    def statement_failed(self, database: Database, sent: Sent, exc: BaseException) -> None:
        book = _get_book(database)
        if book is None:
            return
        book.sending = False
        if book.facts.counts(exc):
            book.commands.update(_name_commands(split(sent.text, database.dialect)[:1]))
        if book.scripting and book.first_error is None:
            book.first_error = (" ".join(sent.text.split()), exc)

    def before_foreign_statement(self, database: Database, sent: Sent) -> None:
        book = _get_book(database)
        if book and any(one.writes for one in split(sent.text, sent.connection.dialect.name)):
            book.hints.foreign = True
            book.foreign.append(Foreign(book.revision, sent.connection.engine, " ".join(sent.text.split())))

    def after_foreign_statement(self, database: Database, sent: Sent) -> None:
        """What was executed in no transaction, or has ended one, lasts."""
        book = _get_book(database)
        if book is None or not book.foreign:
            return
        status = read_transaction_status(driver_connection(sent.connection))
        lasts = commits(sent.text, sent.connection.dialect.name) or is_autocommit(sent.connection)
        if status is False or (status is None and lasts):
            self.foreign_commit(database, sent)

    def driver_taken(self, database: Database) -> None:
        book = _get_book(database)
        if book and book.scripting:
            with suppress(Exception):  # a transaction that takes no more statements
                book.facts.begin_turns()
                self._keep_place(book)

    def _keep_place(self, book: Book) -> None:
        """Mark the transaction, where all that was written until now was seen."""
        if book.placed is None:
            book.placed = False
            book.placed = not book.facts.count_unseen(book.peek()) and book.facts.keep_place()

    def foreign_driver_taken(self, database: Database) -> None:
        book = _get_book(database)
        if book:
            book.hints.foreign = True
            if book.revision not in book.elsewhere:
                book.elsewhere.append(book.revision)

    def foreign_commit(self, database: Database, sent: Sent) -> None:
        book = _get_book(database)
        for foreign in book.foreign if book else ():
            foreign.lasts = foreign.lasts or foreign.engine is sent.connection.engine


def _is_alembics_own(database: Database, book: Book) -> bool:
    """Return whether a statement between two scripts needs no reading: it is in the transaction, as the scripts are."""
    return not book.scripting and database.dialect in ROLLS_BACK_DDL


def _commits_first(statements: Sequence[Statement]) -> bool:
    """Return whether a text commits before it rolls back."""
    for one in statements:
        if one.kind is Kind.ROLLBACK or one.commits:
            return one.kind is not Kind.ROLLBACK
    return False


def _name_commands(statements: Iterable[Statement]) -> List[str]:
    """Return the words of what changes rows or definitions, as the database counts them."""
    changing = (one for one in statements if one.kind in (Kind.DDL, Kind.DML) and one.executed)
    return [one.executed[0].word.lower() for one in changing]


def _undoes_itself(statements: Sequence[Statement]) -> bool:
    """Return whether a text rolls back what it has written itself."""
    pending = False
    for one in statements:
        if one.kind is Kind.ROLLBACK and pending:
            return True
        pending = (pending or one.writes) and not one.commits
    return False


def find_book(database: Database) -> Book:
    """Return the book of a database that was configured."""
    found: Book = database.state[Account]
    return found


def find_invalid_indexes(dialect: str, ask: Callable[[str], List[Any]]) -> Set[str]:
    """Return the indexes that PostgreSQL does not use: a CREATE INDEX CONCURRENTLY that failed leaves one."""
    if dialect != "postgresql":
        return set()
    sql = """
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid
    """
    return {str(row[0]) for row in ask(sql)}


def _make_ask(database: Database) -> Callable[[str], List[Any]]:
    return lambda sql: run(driver_connection(database.connection), sql)


def _get_book(database: Database) -> Optional[Book]:
    return database.state.get(Account)


def _find_transaction(database: Database) -> Any:
    """Return the transaction of a connection; SQLAlchemy before 1.4 begins none by itself, and has no name for it."""
    connection: Any = database.connection
    return connection.get_transaction() if hasattr(connection, "get_transaction") else None


def _commit_what_a_script_began(database: Database, book: Book) -> None:
    """Commit what follows a script's own ``op.get_bind().commit()``.

    SQLAlchemy begins another transaction then, of which neither Alembic nor env.py knows.
    """
    left = _find_transaction(database)
    if left is not None and left is not book.transaction:
        left.commit()


def _is_aborted(database: Database) -> bool:
    """Return whether a commit would be a rollback: libpq's "in a failed transaction" is 3."""
    info = getattr(find_innermost(driver_connection(database.connection)), "info", None)
    return getattr(info, "transaction_status", None) == 3


def _is_same_failure(exc: BaseException, first: BaseException) -> bool:
    """Return whether a failure is the error that came first, as SQLAlchemy has wrapped it."""
    return exc is first or getattr(exc, "orig", None) is first


def _explain_went_on(book: Book) -> MigrateError:
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
