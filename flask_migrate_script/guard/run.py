"""One run of a verb under the guard: its settings, its attempts, and every database that env.py opens in it."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, ContextManager, Dict, Iterable, Iterator, List, Optional, TypeVar

from ..databases import shown_url
from ..errors import Asked, CannotConnect, MigrateError, explained
from ..seam import binds, hook
from ..sql.quoting import qualified
from . import lock, logs, patience
from .atomic import SQLiteTransactions
from .options import Over, Settings
from .outcome import Journal
from .resume import has_journal

if TYPE_CHECKING:
    from .resume.resumption import Resumption

T = TypeVar("T")


def guarded(action: Callable[[], None], settings: Settings, asked: Asked = None) -> None:
    """Run an action of Alembic's under the guard.

    :param action: calls one function of ``alembic.command``; it may be called again where nothing was done.
    :param asked: the revisions that the caller named.
    :raises MigrateError: if it fails, with what is true now.
    """

    def attempt() -> None:
        patience.until_connected(lambda: _Run(settings).once(action, asked), settings.wait, say)

    with lock.alone_in_this_process(settings.lock_timeout, say), logs.kept():
        patience.until_unlocked(attempt, settings.ddl_retries, say)


def connected(attempt: Callable[[], T], settings: Settings) -> T:
    """Return what an attempt returns, once the databases answer.

    :raises MigrateError: if it fails.
    """

    def explained_attempt() -> T:
        with explained():
            return attempt()

    return patience.until_connected(explained_attempt, settings.wait, say)


@contextmanager
def locked(engines: Iterable[Any], settings: Settings) -> Iterator[None]:
    """Hold the lock of each database for the block.

    :raises MigrateError: if one is still held when ``lock_timeout`` is over.
    """
    with ExitStack() as held:
        locks = _Locks(settings, held)
        for engine in engines:
            with engine.connect() as connection:
                locks.take(connection, shown_url(engine.url))
        yield


def say(text: str) -> None:
    """Tell the person at the command line something that is not a result."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class _Locks:
    """The locks of one run; two names of one database take one."""

    settings: Settings
    held: ExitStack
    taken: List[str] = field(default_factory=list)

    def take(self, connection: Any, shown: str) -> None:
        if not self.settings.lock:
            return
        one = lock.lock_for(connection)
        if one is None:
            if self.settings.verbose:
                say(f"{shown}: no lock, because there is none for {connection.dialect.name}.")
        elif one.identity in self.taken:
            one.release()
        else:
            self.taken.append(one.identity)
            self.held.enter_context(lock.held(one, shown, self.settings.lock_timeout, say))


@dataclass
class _Run:
    """One attempt, and the databases that env.py has opened in it.

    ``command`` is what Alembic's command asked for, before it was changed for one of the databases.
    """

    settings: Settings
    held: ExitStack = field(default_factory=ExitStack)
    journals: List[Journal] = field(default_factory=list)
    command: Dict[str, Any] = field(default_factory=dict)
    coming: Optional[Journal] = None
    left_out: bool = False
    over: Optional[Over] = None

    def __post_init__(self) -> None:
        self.locks = _Locks(self.settings, self.held)

    def once(self, action: Callable[[], None], asked: Asked) -> None:
        with self.held, hook.watching(self):
            try:
                with explained(asked):
                    action()
                    self._refuse_uncommitted()
            except MigrateError as error:
                raise self._told(error, asked) from error.__cause__

    def _refuse_uncommitted(self) -> None:
        """Alembic leaves a transaction alone that was open before ``context.configure``, and so may env.py.

        :raises MigrateError: if what ran in it was rolled back for want of a commit.
        """
        lost = [revision for journal in self.journals if journal.external for revision in journal.lost]
        if lost and self.settings.commits:
            raise MigrateError(
                f"Nothing committed what ran: {', '.join(dict.fromkeys(lost))}. env.py executes something before\n"
                "context.configure(); SQLAlchemy begins a transaction for it, which Alembic leaves to env.py.",
                "In env.py, end it first: connection.commit() above context.configure().",
            )

    def _told(self, error: MigrateError, asked: Asked) -> MigrateError:
        """Return the error with what is true now, a database at a time, where a migration had begun."""
        begun = [journal for journal in self.journals if journal.begun]
        if not begun:
            return error
        if isinstance(error, CannotConnect) and _leads_further(asked) and any(journal.committed for journal in begun):
            error = MigrateError(error.problem, error.advice)  # of the next database: no reason to try the first again
        error.outcome = [line for journal in begun for line in journal.outcome()]
        if patience.is_lock_timeout(error.__cause__ or error):
            error.can_retry = _safe_again(begun)
        return error

    def configuring(self, environment: Any, arguments: Dict[str, Any]) -> None:
        connection = arguments["connection"]
        name = binds.of_arguments(arguments)
        self.coming, external = None, connection.in_transaction()
        if has_journal(connection):
            from .resume.resumption import without_journal

            arguments["include_object"] = without_journal(arguments.get("include_object"))
        self.command = self.command or dict(environment.context_opts)
        if not binds.is_chosen(name, self.settings.binds):
            # Alembic makes no version table then, and empties none.
            environment.context_opts.update(fn=_no_steps, dont_mutate=True, purge=False)
            self.left_out = True
            return
        self.left_out = False
        environment.context_opts.update(
            {option: self.command.get(option, False) for option in ("dont_mutate", "purge")}
        )
        if self.settings.binds and name:
            hook_of_env = arguments.get("process_revision_directives")
            arguments["process_revision_directives"] = binds.without_empty_script(hook_of_env, len(self.settings.binds))
        if self.settings.changes:
            self.coming = Journal(name or "", shown_url(connection.engine.url), connection, external=external)
            self.coming.resumption = self._resumption(connection)
            environment.context_opts["fn"] = self.coming.steps(self._shown(self.coming.name))
            self.locks.take(connection, self.coming.shown)
            self._begin(connection, arguments)
        else:
            environment.context_opts["fn"] = self.command.get("fn")

    def configured(self, context: Any) -> None:
        journal = self.coming
        if self.left_out:
            # It would look for the version table, and MySQL keeps a lock on one that it did not find.
            context.run_migrations = _run_nothing
        if journal is None:
            return
        schema = context.version_table_schema
        journal.version_table = qualified(context.dialect, schema, context.version_table)
        journal.schema = schema
        journal.attach()
        self.journals.append(journal)
        context.run_migrations = self._complete(context, journal)
        context.autocommit_block = _announced(context, journal, self.settings.ddl_timeout)

    def _shown(self, name: str) -> Callable[..., Iterable[Any]]:
        """Return Alembic's function that yields the steps, so that whoever shows the progress sees them too."""
        self.over = over = self.over or self.held.enter_context(self.settings.progress())
        fn = self.command["fn"]
        return lambda heads, context: over(name, fn(heads, context))

    def _begin(self, connection: Any, arguments: Dict[str, Any]) -> None:
        """On SQLite, make SQLAlchemy's transactions real, and tell Alembic that DDL is part of them."""
        if connection.dialect.name != "sqlite":
            return
        ending = "COMMIT" if self.settings.commits else "ROLLBACK"
        shown, timeout = shown_url(connection.engine.url), self.settings.lock_timeout
        SQLiteTransactions(connection, shown, timeout, say, self.settings.check_foreign_keys, ending).attach()
        if arguments.get("transactional_ddl") is None:
            arguments["transactional_ddl"] = True

    def _resumption(self, connection: Any) -> Optional[Resumption]:
        """Return the journal on disk of a database that needs one, unless MIGRATE_JOURNAL turns it off."""
        if not self.settings.journal or not has_journal(connection):
            return None
        from .resume.resumption import Resumption

        resumption = Resumption(connection, shown_url(connection.engine.url), say)
        resumption.attach(self.held)
        return resumption

    def _remembered(self, context: Any, journal: Journal) -> Callable[..., None]:
        """Return Alembic's run_migrations, after which the journal on disk is up to date, however it ends."""
        run_migrations: Callable[..., None] = context.run_migrations
        resumption = journal.resumption
        if resumption is None:
            return run_migrations

        def run(**kwargs: Any) -> None:
            with self._alone(context.connection):
                try:
                    run_migrations(**kwargs)
                except BaseException:
                    resumption.keep()
                    raise

        return run

    def _alone(self, connection: Any) -> ContextManager[None]:
        from .resume.resumption import after_the_last_one

        return after_the_last_one(connection, self.settings.lock_timeout) if self.settings.lock else nullcontext()

    def _complete(self, context: Any, journal: Journal) -> Callable[..., None]:
        """Return Alembic's run_migrations with the timeout for locks, and in a transaction where env.py opens none."""
        run_migrations = self._remembered(context, journal)

        def run(**kwargs: Any) -> None:
            connection = context.connection
            with patience.lock_timeout(connection, self.settings.ddl_timeout), _all_committed(connection, journal):
                if connection.dialect.name == "sqlite" and not connection.in_transaction():
                    with context.begin_transaction():
                        run_migrations(**kwargs)
                else:
                    run_migrations(**kwargs)

        return run


@contextmanager
def _all_committed(connection: Any, journal: Journal) -> Iterator[None]:
    """Commit what follows a script's own ``op.get_bind().commit()``, the version first of all.

    SQLAlchemy begins another transaction then, of which neither Alembic nor env.py knows.
    """
    journal.transaction = _transaction(connection)
    yield
    left = _transaction(connection)
    if left is not None and left is not journal.transaction:
        left.commit()


def _transaction(connection: Any) -> Any:
    """Return the transaction of a connection; SQLAlchemy before 1.4 begins none by itself, and has no name for it."""
    return connection.get_transaction() if hasattr(connection, "get_transaction") else None


def _leads_further(asked: Asked) -> bool:
    """Return whether a revision counts from where the database is, so that asking for it again leads further."""
    return re.search(r"[+-]\d+$", str(asked)) is not None


def _safe_again(begun: List[Journal]) -> str:
    """Return why a failed run may be repeated, empty where it may not: a relative target would lead further then."""
    lasting = [journal for journal in begun if journal.lasting]
    if any(journal.committed for journal in begun) or not all(journal.remembers for journal in lasting):
        return ""
    return "What took effect is remembered." if lasting else "Rolled back."


def _no_steps(heads: Any, context: Any) -> List[Any]:
    return []


def _run_nothing(**kwargs: Any) -> None:
    """Stand for the migrations of a database that is not chosen."""


def _announced(context: Any, journal: Journal, ddl_timeout: float) -> Callable[[], Any]:
    """Return Alembic's autocommit_block, which says first what it gives up."""
    autocommit_block = context.autocommit_block

    @contextmanager
    def announced() -> Iterator[None]:
        before = f" What it did before them, {len(journal.executed)} so far, stays too." if journal.executed else ""
        say(f"Revision {journal.running} leaves the transaction (autocommit_block): what it runs there stays.{before}")
        with autocommit_block(), patience.autocommit_lock_timeout(context.connection, ddl_timeout):
            yield
        journal.transaction = _transaction(context.connection)

    return announced
