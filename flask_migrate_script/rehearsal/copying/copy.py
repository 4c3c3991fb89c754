"""The copy of one database: made in a scratch database, with what it has of the real one and what it has not."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from flask import current_app

from ...errors import MigrateError
from ...guard.options import keeps_journal
from ...guard.resume.table import NAME
from ...scratch.opening import Scratch, make_engine_like, open_scratch
from ...seam.driver import OtherConnection, driver_connection, looking, run
from ...seam.driver_errors import is_driver_error, read_driver_error
from ...sql.counting import Count, counted, query
from ...sql.quoting import identifier, quoted
from ...sql.reach import find_reach
from ..options import ROWS, RehearsalOptions
from .catalog import Catalog, ForeignKey, read_catalog
from .definitions import MAY_BE_REFUSED, PREPARE_SOURCE, PREPARE_TARGET, Definitions, LeftOut
from .identities import Identities
from .rows import Copied, Rows

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ...seam.database import Database


class NotCopied(MigrateError):
    """There can be no copy, and what is to be rehearsed is read from the scripts."""


@dataclass
class Copy:
    """A copy to rehearse on.

    :param connection: SQLAlchemy's to the copy, which Alembic is given.
    :param real: SQLAlchemy's to the real database, in autocommit: for questions.
    :param catalog: what was in the real database.
    :param copied: what of each table is in the copy, by its name there.
    :param rows_why: why no rows were copied; empty where they were.
    :param seconds: how long the copying took.
    """

    scratch: Scratch
    connection: Connection
    real: Connection
    catalog: Catalog
    copied: Dict[str, Copied]
    left_out: List[LeftOut]
    identities: Identities
    rows_why: str = ""
    seconds: float = 0.0
    _rows: Optional[Rows] = None
    _sizes: Dict[str, Optional[Count]] = field(default_factory=dict)
    _databases: List[str] = field(default_factory=list)

    def find_reach(self, sql: str) -> str:
        """Return why a statement may reach past the copy; empty where it certainly does not."""
        return find_reach(sql, self._databases, self.catalog.tables)

    def find_partial(self, table: str) -> Optional[str]:
        """Return the real table of one of the copy that has not all of its rows; None for any other."""
        real = self.identities.find_table(table)
        known = self.copied.get(real) if real else None
        return real if known and not known.whole else None

    def count_real_rows(self, table: str) -> Optional[Count]:
        """Return how many rows a real table has; None where it does not say, as one that is in use."""
        if table not in self._sizes:
            sql = query(self.real.dialect.name, identifier(table, self.real.dialect))
            try:
                self._sizes[table] = counted(*run(driver_connection(self.real), sql)[0])
            except Exception:  # the driver's own class
                self._sizes[table] = None
        return self._sizes[table]

    def describe_sample(self, table: str) -> str:
        """Return how much of a real table is in the copy: ``10,000 of 25,000 rows``."""
        size = self.count_real_rows(table)
        return f"{self.copied[table].rows:,} of {size.shown('row') if size else 'rows that were not counted'}"

    def find_missing(self, text: str) -> Optional[LeftOut]:
        """Return what the copy has not, and a text names."""
        named = [one for one in self.left_out if one.kind != "foreign key"]
        return next((one for one in named if re.search(rf"(?<!\w){re.escape(one.name)}(?!\w)", text, re.I)), None)

    def close_over(self, key: ForeignKey) -> None:
        """Copy the rows that a new foreign key leads to, where both tables are still as the real ones are."""
        names = (key.table, key.parent)
        as_they_were = all(
            self.identities.find_table(name) == name and not self.identities.has_changed(name) for name in names
        )
        if self._rows and as_they_were and self.find_partial(key.parent):
            with suppress(Exception):  # a column that this run has made: the foreign key itself tells what is missing
                self.copied[key.parent].rows += self._rows.close_over(key)

    @property
    def any_partial(self) -> bool:
        """Whether some table has rows that are not in the copy."""
        return any(not one.whole for one in self.copied.values())


PATIENCE = 5
"""Seconds that the copying waits for a table that is being altered."""


def open_copy(
    database: Database, options: RehearsalOptions, url: Optional[str], ddl_timeout: float, held: ExitStack
) -> Copy:
    """Make a copy of a database and return it; it goes when the stack is closed.

    :param url: of the scratch database that is configured for it.
    :param ddl_timeout: seconds to wait for a table that is being altered; 0 for :data:`PATIENCE`.
    :raises NotCopied: where none may be made on such a server, or the making failed.
    :raises ScratchRefused: where there is no scratch database.
    """
    try:
        return _open_copy(database, options, url, ddl_timeout or PATIENCE, held)
    except MigrateError:
        raise
    except Exception as exc:
        if not is_driver_error(exc):
            raise
        raise NotCopied(f"the server refused: {read_driver_error(exc).text.strip()}") from exc


def _open_copy(
    database: Database, options: RehearsalOptions, url: Optional[str], patience: float, held: ExitStack
) -> Copy:
    begun = time.perf_counter()
    source = held.enter_context(OtherConnection(database.given))
    _refuse_own_version_table(database)
    if keeps_journal(current_app.config):
        _refuse_unfinished(source)
    if url is None:
        _refuse_server(source)
    waits = f"SET SESSION lock_wait_timeout = {max(round(patience), 1)}"
    _run_all(source, [*PREPARE_SOURCE, waits])
    catalog = read_catalog(source)
    scratch = held.enter_context(open_scratch(database.given, url))
    target = held.enter_context(OtherConnection(scratch.engine))
    if url is not None:
        _refuse_server(target)
    _run_all(target, PREPARE_TARGET)
    for statement in MAY_BE_REFUSED:
        with suppress(Exception):  # the driver's own class: a release that has no such variable
            target.run(statement)
    definitions = Definitions(source, target, catalog)
    tables = definitions.copy_tables()
    rows = Rows(source, target, catalog, options.most_rows)
    rows_why = _why_no_rows(scratch, options)
    version = database.arguments.get("kw", {}).get("version_table") or "alembic_version"
    most = 0 if rows_why else options.most_rows
    copied = {table.name: rows.copy(table, ROWS if table.name == version else most) for table in tables}
    _close_samples(rows, catalog, copied)
    definitions.copy_programs()
    others = [name for (name,) in target.run("SELECT schema_name FROM information_schema.schemata")]
    known = {catalog.name, *catalog.databases, *(one.decode() if isinstance(one, bytes) else one for one in others)}
    engine = make_engine_like(scratch.engine, scratch.name, _carry_session(database.given, scratch))
    real = make_engine_like(database.given, catalog.name, [waits])
    copy = Copy(
        scratch,
        _connect(engine, held).execution_options(**_options_of(database.given)),
        _connect(real, held).execution_options(isolation_level="AUTOCOMMIT"),
        catalog,
        copied,
        definitions.left_out,
        Identities(copied),
        rows_why,
        time.perf_counter() - begun,
    )
    copy._databases, copy._rows = sorted(known - {scratch.name}), rows
    return copy


def _run_all(connection: OtherConnection, statements: Any) -> None:
    for statement in statements:
        connection.run(statement)


def _close_samples(rows: Rows, catalog: Catalog, copied: Dict[str, Copied]) -> None:
    """Copy what the rows in the copy refer to, until nothing is missing that the real database has."""
    left = [key for key in catalog.foreign_keys if key.parent in copied and not copied[key.parent].whole]
    while left:
        added = 0
        for key in left:
            number = rows.close_over(key)
            copied[key.parent].rows += number
            added += number
        if not added:
            return


def _why_no_rows(scratch: Scratch, options: RehearsalOptions) -> str:
    if scratch.logged and not options.copy_logged:
        return (
            "the server would write them into its binary log, and its account may not turn that off;"
            " --copy-logged copies them all the same"
        )
    return ""


def _refuse_own_version_table(database: Database) -> None:
    if database.arguments.get("kw", {}).get("version_table_schema"):
        raise NotCopied("its version table is in another database")


def _refuse_unfinished(source: OtherConnection) -> None:
    """What a real run would skip is not known on a copy."""
    unfinished = 0
    with suppress(Exception):  # the driver's own class: there is no such table, or it may not be read
        unfinished = int(source.value(f"SELECT COUNT(*) FROM {NAME}"))
    if unfinished:
        raise NotCopied("an interrupted migration is not finished")


def _refuse_server(server: OtherConnection) -> None:
    """Look whether a server is one that lets a copy be made, without others taking part in it.

    :raises NotCopied: where it is not.
    """
    rows = server.run(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN"
        " ('wsrep_on', 'group_replication_group_name', 'read_only', 'super_read_only', 'innodb_read_only')"
    )
    values = {_decode(name): _decode(value) for name, value in rows}
    on = {name for name, value in values.items() if value.upper() not in ("", "OFF", "0")}
    if "wsrep_on" in on:
        raise NotCopied("the server is a node of a Galera cluster, and all its nodes would take part")
    if "group_replication_group_name" in on:
        raise NotCopied("the server is a member of a replication group, and all its members would take part")
    if on:
        raise NotCopied("the server is read-only")


def _decode(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


_CARRIED = (
    *("sql_mode", "time_zone", "foreign_key_checks", "unique_checks", "innodb_strict_mode", "default_storage_engine"),
    *("explicit_defaults_for_timestamp", "lc_time_names", "auto_increment_increment", "auto_increment_offset"),
    *("div_precision_increment", "group_concat_max_len", "sql_safe_updates", "sql_auto_is_null", "max_statement_time"),
)
"""Variables of a session that decide what becomes of a statement."""


def _carry_session(connection: Connection, scratch: Scratch) -> List[str]:
    """Return the statements that make a new session behave as that of env.py, in which it may have set something.

    Those that are as they are there already are left out: an account may not be allowed to set them.
    """
    names = ", ".join(f"'{name}'" for name in _CARRIED)
    sql = f"SHOW SESSION VARIABLES WHERE Variable_name IN ({names})"
    with OtherConnection(scratch.engine) as fresh:
        known = {_decode(name): _decode(value) for name, value in fresh.run(sql)}
    given = {_decode(name): _decode(value) for name, value in run(driver_connection(connection), sql)}
    return [
        f"SET SESSION {name} = {text if _is_number(text) else quoted(text, connection.dialect)}"
        for name, text in given.items()
        if name in known and known[name] != text
    ]


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _options_of(connection: Connection) -> Dict[str, Any]:
    return {name: value for name, value in connection.get_execution_options().items() if name != "compiled_cache"}


def _connect(engine: Any, held: ExitStack) -> Any:
    connection = engine.connect()
    held.callback(_close, connection)
    return connection


def _close(connection: Connection) -> None:
    with suppress(Exception), looking():  # in the event loop of an async driver, which is over: the server ends it
        connection.close()
