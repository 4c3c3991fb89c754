"""Where DDL cannot be rolled back, an interrupted migration goes on where it stopped.

MySQL and MariaDB commit each DDL statement as it lands. So every statement of a running revision that is not a read
is written into ``alembic_journal``, and a later run of the same revision in the same direction skips those that took
effect.

The rule. The statements that are not reads are counted. Each has a place, a digest of its text and one of its values.
A second run meets the places in the same order: where text and values are those of the journal, the statement is
skipped, and what the driver said of it (the key of an inserted row, the number of rows) is said again; an error that
the script had caught is raised again. Where anything differs, the run stops: what follows would be applied to another
database than the script believes in. That holds too where the script is unedited and what it reads has changed
meanwhile: a loop over ``SELECT … WHERE done = 0`` that an ALTER TABLE has committed finds no rows any more, and is
stopped. A place without an entry below the last one is DML that the script itself rolled back; it is run.

Inside the transaction (DML) a statement and its entry are written together, so both are kept or both are lost. What
commits has its entry before it; :mod:`.took_effect` tells what came of one that is not known to be done. A statement
of which that cannot be told (CALL, several statements in one text) and that was cut off in the middle stops the run.
So does DML in a table without transactions (MyISAM), which has its entry before it too: its rows stay at once.

What is not journalled: what a script sends over a connection of its own, and what happens outside the database.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set

from ...seam.database import Call
from ...seam.driver import has_to_commit, is_autocommit, run
from ...sql import mysql as statements
from . import returned
from .digests import make_digest
from .engines import is_transactional, wrote_nothing
from .obstacles import Differs, explain_cut_off, explain_difference, explain_missing_rows
from .table import DONE, FAILED, KEPT_TEXT, STARTED, Entry, JournalTable
from .took_effect import digest_definition, means_done

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


@dataclass
class Resumable:
    """One revision in one direction while its script runs.

    :param found: its entries from an earlier run, by their place.
    :param begun: when this run began, in UTC.
    :param always_autocommit: the driver's connection is in autocommit, whatever SQLAlchemy says.

    ``unmarked`` has committed and is not written down as done; of ``uncommitted``, a CALL, that is not certain.
    """

    revision: str
    direction: str
    connection: Connection
    table: JournalTable
    found: Dict[int, Entry]
    begun: datetime
    always_autocommit: bool = False
    position: int = 0
    skipped: bool = False
    unmarked: Optional[Entry] = None
    uncommitted: Optional[Entry] = None
    caught: Optional[Entry] = None
    stopped: Optional[Differs] = None
    temporary: Set[str] = field(default_factory=set)
    transactional: Dict[str, bool] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The last place that the journal has."""
        return max(self.found, default=0)

    @property
    def not_met(self) -> List[Entry]:
        """What the journal has of an earlier run that this one did not come to."""
        met = self.position - 1 if self.stopped else self.position
        return [self.found[place] for place in sorted(self.found) if place > met]

    def handle(self, call: Call) -> Optional[bool]:
        """Make the driver's call, or skip it; return None where it is SQLAlchemy's to make."""
        self.skipped = False
        if self.stopped:
            raise self.stopped
        self._mark_what_may_be_uncommitted()
        if self._is_of_the_session(call.statement):
            return self._run_in_session(call)
        self.position += 1
        self._note_what_was_caught()
        entry = self.found.get(self.position)
        if entry is None:
            self._run(call)
        elif entry.digest == self._make_digest(call):
            self._run_again(call, entry)
        else:
            self._run_in_its_place(call, entry)
        return True

    def finish(self) -> None:
        """Remove the journal of the revision: the version moves in the same transaction.

        :raises Differs: if the script ended before the journal does.
        """
        if self.stopped:
            raise self.stopped
        if self.not_met:
            raise explain_difference(self.not_met[0], None)
        if self.position:
            self.table.forget(self.revision)

    def keep(self) -> None:
        """After a failure, write down that the last statement that committed is done."""
        self._mark_what_may_be_uncommitted()
        if self.unmarked:
            self.table.rollback()
            self.table.put(replace(self.unmarked, state=DONE))
            self.table.commit()

    def _mark_what_may_be_uncommitted(self) -> None:
        """Write down that a CALL is done, in the transaction of what it did: both are kept or both are lost.

        Not right after it: a driver may still have to fetch what it returned.
        """
        if self.uncommitted is None:
            return
        entry, self.uncommitted = self.uncommitted, None
        committed = not has_to_commit(self.table.driver)
        self.table.put(replace(entry, state=DONE))
        if committed:
            self.table.commit()

    def _is_of_the_session(self, statement: str) -> bool:
        """What belongs to the session is gone with it, and is run again."""
        temporary = statements.find_temporary_table(statement)
        if temporary:
            self.temporary.add(temporary)
        its_own = bool(temporary or statements.find_table_changed(statement) in self.temporary)
        self.temporary.difference_update(statements.find_tables_dropped(statement))
        return its_own or statements.is_read(statement)

    def _run_in_session(self, call: Call) -> Optional[bool]:
        self.always_autocommit = self.always_autocommit or statements.starts_autocommit(call.statement)
        locking = statements.add_lock(call.statement, f"{self.table.name} WRITE")
        if locking is None:
            return None
        # Under LOCK TABLES no other table can be used, and the journal is used.
        call.cursor.execute(locking)
        return True

    def _make_digest(self, call: Call) -> str:
        return make_digest(call.statement, call.values, self.begun)

    def _run(self, call: Call) -> None:
        if statements.is_dml(call.statement):
            self._run_dml(call)
        elif self.position < self.last:
            self._stop(explain_difference(self.not_met[0], call.statement))
        else:
            self._run_and_commit(call)

    def _make_entry(self, call: Call, state: str, **known: Any) -> Entry:
        text = statements.hide_values(call.statement.strip()[:KEPT_TEXT])
        return Entry(self.revision, self.direction, self.position, self._make_digest(call), text, state, **known)

    def _run_dml(self, call: Call) -> None:
        if self._stays_at_once(call.statement):
            self._run_without_transaction(call)
        else:
            self._run_in_transaction(call)

    def _run_without_transaction(self, call: Call) -> None:
        entry = self._make_entry(call, STARTED)
        self.table.put(entry)
        self.table.commit()
        try:
            self._run_in_transaction(call)
        except Exception as exc:
            if wrote_nothing(exc):
                self.table.remove(entry)
                self.table.commit()
            raise
        self.table.commit()

    def _stays_at_once(self, statement: str) -> bool:
        """Return whether rows are written into a table without transactions, such as one of MyISAM."""
        name = statements.find_table_changed(statement)
        if name and name not in self.transactional:
            self.transactional[name] = is_transactional(self.table.driver, name)
        return bool(name and not self.transactional[name])

    def _run_in_transaction(self, call: Call) -> None:
        autocommit = self.always_autocommit or is_autocommit(self.connection)
        if autocommit:
            run(self.table.driver, "START TRANSACTION")
        try:
            call.execute()
            said: Dict[str, object] = {"lastrowid": call.cursor.lastrowid or None, "affected": call.cursor.rowcount}
            said["returned"] = returned.keep_rows(call.cursor)
            self.table.put(self._make_entry(call, DONE, **said))
        except Exception as exc:
            self._note_failure(call, exc)
            if autocommit:
                with suppress(Exception):
                    self.table.rollback()
            raise
        if autocommit:
            self.table.commit()

    def _run_and_commit(self, call: Call) -> None:
        self.transactional.clear()
        entry = self._make_entry(call, STARTED, definition=digest_definition(self.table.driver, call.statement))
        self.table.put(entry)
        self._note_start(call, entry)

    def _note_start(self, call: Call, entry: Entry) -> None:
        try:
            call.execute()
        except Exception as exc:
            self._note_failure(call, exc)
            with suppress(Exception):  # a connection that is lost: its error is the one to raise
                self._note_what_is_left(call.statement, entry)
            raise
        if statements.is_atomic(call.statement):
            self.unmarked = entry
        else:
            self.unmarked, self.uncommitted = None, entry

    def _note_what_is_left(self, statement: str, entry: Entry) -> None:
        """After a failure: what is atomic did not take effect."""
        if statements.drops_several(statement):
            self.table.put(replace(entry, error=self.caught.error if self.caught else None))
        elif statements.is_atomic(statement):
            self.table.remove(entry)
        else:
            return
        self.table.commit()

    def _run_again(self, call: Call, entry: Entry) -> None:
        if entry.state == FAILED:
            raise self._make_error(entry)
        if entry.state == STARTED and not self._had_taken_effect(call, entry):
            return
        if statements.returns_rows(call.statement) and not entry.returned:
            self._stop(explain_missing_rows(entry))
        self.skipped = True
        _say_again(call, entry)
        if entry.lastrowid:
            run(self.table.driver, f"SELECT LAST_INSERT_ID({int(entry.lastrowid)})")
        if entry.state == STARTED:
            self.unmarked = entry

    def _had_taken_effect(self, call: Call, entry: Entry) -> bool:
        """Return whether a statement that was started had taken effect; run it where not."""
        if entry.error or statements.is_dml(call.statement) or not statements.is_atomic(call.statement):
            self._stop(explain_cut_off(entry))
        if self._is_altered(entry):
            return True
        try:
            self._note_start(call, entry)
        except Exception as exc:
            if entry.definition or not means_done(call.statement, exc):
                raise
            self.caught = None
            self.table.put(replace(entry, state=DONE))
            self.table.commit()
            return True
        return False

    def _is_altered(self, entry: Entry) -> bool:
        if not entry.definition:
            return False
        return digest_definition(self.table.driver, entry.text) != entry.definition

    def _run_in_its_place(self, call: Call, entry: Entry) -> None:
        """Run another statement than the journal has, where that one is known not to have taken effect."""
        if entry.state != STARTED or not entry.definition or self._is_altered(entry):
            self._stop(explain_difference(entry, call.statement, self._make_digest(call)))
        del self.found[self.position]
        self.table.remove(entry)
        self._run(call)

    def _stop(self, error: Differs) -> None:
        """Stop now, and again at each later statement: a script may catch the error."""
        self.stopped = error
        raise error

    def _note_failure(self, call: Call, exc: Exception) -> None:
        said = json.dumps([type(exc).__name__, *(one if isinstance(one, int) else str(one) for one in exc.args)])
        self.caught = self._make_entry(call, FAILED, error=said)

    def _note_what_was_caught(self) -> None:
        """Another statement comes, so the script has caught the error of the one before."""
        if self.caught:
            self.table.put(self.caught)
            self.caught = None

    def _make_error(self, entry: Entry) -> Exception:
        name, *args = json.loads(entry.error or "[]")
        kind: Callable[..., Exception] = getattr(self.connection.dialect.dbapi, name, RuntimeError)
        return kind(*args)


def _say_again(call: Call, entry: Entry) -> None:
    """Let SQLAlchemy find on the cursor what the driver said when the statement was run."""
    if entry.returned:
        returned.say_again(call.cursor, entry.returned)
    call.answer(entry.lastrowid, entry.affected)
