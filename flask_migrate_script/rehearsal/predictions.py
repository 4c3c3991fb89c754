"""What would be lost where nothing is executed: found in the operation or in the text, and counted in the database.

Counting reads a million rows of a table at the most, and past SQLAlchemy's events, so that a rehearsal does not see
it as a part of the migration.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from ..seam.driver import driver_connection, run
from ..seam.driver_errors import read_driver_error
from ..sql import counting
from ..sql.destroying import find_destroyed
from ..sql.quoting import identifier, qualified
from .measuring.tally import NOT_COUNTED, Loss
from .misfits import compare_column
from .names import Names


def of_operation(connection: Any, operation: Any, name: str) -> List[Loss]:
    """Return what one of Alembic's operations loses, where that is something, and can be known.

    :param name: Alembic's name for it.
    """
    count = _LOSING.get(name)
    try:
        loss = count(connection, operation) if count else None
    except Exception:  # what the script gave is no name: Alembic itself is to say so
        return []
    return [loss] if loss else []


def of_thing(connection: Any, thing: Sequence[str]) -> Optional[Loss]:
    """Return what is lost with a table, or with a table and its column; their names are quoted."""
    return _values(connection, *thing) if len(thing) == 2 else _rows(connection, *thing) if thing else None


def of_statement(connection: Any, sql: str, names: Names) -> Iterator[Loss]:
    """Yield what each statement of a text loses, where it drops or empties a table or drops a column.

    :param names: what would have been renamed before it.
    """
    for _, _, written in find_destroyed(sql, connection.dialect.name):
        loss = of_thing(connection, names.translate_thing(written, connection.dialect))
        if loss:
            yield loss


def _dropped_table(connection: Any, operation: Any) -> Optional[Loss]:
    return _rows(connection, _table(connection, operation))


def _dropped_column(connection: Any, operation: Any) -> Optional[Loss]:
    return _values(connection, _table(connection, operation), identifier(operation.column_name, connection.dialect))


def _altered_column(connection: Any, operation: Any) -> Optional[Loss]:
    """Count what the new type cuts or refuses, else the rows without a value in a column that must have one."""
    place = _table(connection, operation), identifier(operation.column_name, connection.dialect)
    misfits = _misfits(connection, place, operation) if operation.modify_type is not None else None
    if misfits and misfits.count:
        return misfits
    if operation.modify_nullable is False:
        query = counting.query(connection.dialect.name, *place, "c IS NULL")
        refused = _counted(connection, query, Loss(*place[:1], None, None), "refused")
        if refused and (refused.count or refused.count is None):
            return refused
    return misfits


def _misfits(connection: Any, place: Tuple[str, str], operation: Any) -> Optional[Loss]:
    """Count the values that do not fit a new type.

    :param place: the table and the column, quoted.
    """
    change = compare_column(connection, operation)
    if change.fits:
        return None
    if change.condition is None:
        return Loss(*place, None, NOT_COUNTED)
    query = counting.query(connection.dialect.name, *place, change.condition)
    how = "cut or refused" if change.may_lose else "perhaps cut or refused"
    found = _counted(connection, query, Loss(*place, None), how)
    return found if found and (found.count or found.count is None) else None


_LOSING: Dict[str, Callable[[Any, Any], Optional[Loss]]] = {
    "drop_table": _dropped_table,
    "drop_column": _dropped_column,
    "alter_column": _altered_column,
}


def _rows(connection: Any, table: str) -> Optional[Loss]:
    return _counted(connection, counting.query(connection.dialect.name, table), Loss(table, None, None), "lost")


def _values(connection: Any, table: str, column: str) -> Optional[Loss]:
    query = counting.query(connection.dialect.name, table, column, "c IS NOT NULL")
    return _counted(connection, query, Loss(table, column, None), "lost")


def _counted(connection: Any, query: str, loss: Loss, how: str) -> Optional[Loss]:
    """Return a loss with its count; where it cannot be counted, with that."""
    try:
        rows = _answer(connection, query)
    except Exception as exc:  # whatever the driver says
        loss.how = NOT_COUNTED
        return loss if read_driver_error(exc).number in _IN_THE_WAY else None
    loss.count, loss.how = counting.counted(*rows[0]), how
    return loss


_IN_THE_WAY = (1205, 3572, 1142, 1143, 1969, 3024)
"""MySQL's and MariaDB's errors, where the rows are there all the same: in use, no right to read them, too slow.

Elsewhere the operation itself fails by what is in the way, or there is no such table yet.
"""


def _answer(connection: Any, sql: str) -> Any:
    """Return the rows of a query; where it fails, the transaction is as good as it was."""
    driver = driver_connection(connection)
    # An error there ends the transaction.
    keeps = connection.dialect.name == "postgresql" and not getattr(driver, "autocommit", False)
    try:
        if keeps:
            run(driver, "SAVEPOINT counting")
        return run(driver, sql)
    except Exception:
        if keeps:
            run(driver, "ROLLBACK TO SAVEPOINT counting")
        raise
    finally:
        if keeps:
            run(driver, "RELEASE SAVEPOINT counting")


def _table(connection: Any, operation: Any) -> str:
    return qualified(connection.dialect, operation.schema, operation.table_name)
