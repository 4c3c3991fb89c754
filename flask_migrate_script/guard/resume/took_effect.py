"""Whether a statement that was started, and not known to be done, had taken effect.

It is asked of DDL that MySQL 8 and MariaDB 10.6 make atomic ("Atomic Data Definition Statement Support" in MySQL's
manual, section 13.1.1; "Atomic DDL" in MariaDB's). ``ALTER TABLE`` is answered by the table's definition: it is noted
before, and a statement such as ``ADD UNIQUE (name)`` could be repeated without any error. Everything else is tried
again, and the server's error says so.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Dict, Optional, Tuple

from ...seam.driver import run
from ...seam.driver_errors import is_lost, read_driver_error
from ...sql.mysql import find_actions, find_table_altered, remove_counter

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

_NOT_THERE = 1146  # ER_NO_SUCH_TABLE
_CANNOT_CREATE = 1005  # ER_CANT_CREATE_TABLE
_DUPLICATE_FOREIGN_KEY = 1826  # ER_FK_DUP_NAME

_MEANS_DONE: Dict[str, Tuple[int, ...]] = {
    # ER_TABLE_EXISTS_ERROR
    **dict.fromkeys(("CREATE TABLE", "CREATE VIEW", "CREATE SEQUENCE"), (1050,)),
    # ER_BAD_TABLE_ERROR; MariaDB's ER_UNKNOWN_SEQUENCES and ER_UNKNOWN_VIEW
    **dict.fromkeys(("DROP TABLE", "DROP VIEW", "DROP SEQUENCE"), (1051, 4091, 4092)),
    # ER_DUP_KEYNAME
    "CREATE INDEX": (1061,),
    # ER_CANT_DROP_FIELD_OR_KEY
    "DROP INDEX": (1091,),
    # ER_NO_SUCH_TABLE of the old name, ER_TABLE_EXISTS_ERROR of the new one
    **dict.fromkeys(("RENAME TABLE", "ALTER TABLE RENAME"), (1146, 1050)),
    # ER_DUP_FIELDNAME, ER_DUP_KEYNAME, ER_MULTIPLE_PRI_KEY, ER_DUP_KEY and ER_FK_DUP_NAME (a foreign key),
    # MySQL's ER_CHECK_CONSTRAINT_DUP_NAME
    "ALTER TABLE ADD": (1060, 1061, 1068, 1022, 1826, 3822),
    # ER_CANT_DROP_FIELD_OR_KEY, MySQL's ER_CHECK_CONSTRAINT_NOT_FOUND and ER_CONSTRAINT_NOT_FOUND
    "ALTER TABLE DROP": (1091, 3821, 3940),
    # ER_BAD_FIELD_ERROR of the old name
    **dict.fromkeys(("ALTER TABLE CHANGE", "ALTER TABLE RENAME COLUMN"), (1054,)),
    # ER_SP_ALREADY_EXISTS, ER_SP_DOES_NOT_EXIST
    **dict.fromkeys(("CREATE PROCEDURE", "CREATE FUNCTION", "CREATE PACKAGE"), (1304,)),
    **dict.fromkeys(("DROP PROCEDURE", "DROP FUNCTION", "DROP PACKAGE"), (1305,)),
    # ER_TRG_ALREADY_EXISTS, ER_TRG_DOES_NOT_EXIST
    "CREATE TRIGGER": (1359,),
    "DROP TRIGGER": (1360,),
    # ER_EVENT_ALREADY_EXISTS, ER_EVENT_DOES_NOT_EXIST
    "CREATE EVENT": (1537,),
    "DROP EVENT": (1539,),
    # ER_DB_CREATE_EXISTS, ER_DB_DROP_EXISTS
    "CREATE DATABASE": (1007,),
    "DROP DATABASE": (1008,),
    # ER_CANNOT_USER
    **dict.fromkeys(("CREATE USER", "CREATE ROLE", "DROP USER", "DROP ROLE", "RENAME USER"), (1396,)),
    # ER_NONEXISTING_GRANT, ER_NONEXISTING_TABLE_GRANT
    "REVOKE": (1141, 1147),
}
"""The errors that mean "it had taken effect", each for the statements it can mean that of.

Source: the server error message references of MySQL 8.0 and of MariaDB (share/errmsg-utf8.txt in both servers). A test
repeats each kind of statement on the server; 1022, 3821 and 3822 were not seen on MariaDB 10.11.
"""


def means_done(statement: str, exc: BaseException) -> bool:
    """Return whether the error of a statement that is tried again says that it had taken effect the first time."""
    number = find_error_number(exc)
    if number == _CANNOT_CREATE and "errno: 121 " in str(exc):  # HA_ERR_FOUND_DUPP_KEY: MariaDB's second foreign key
        number = _DUPLICATE_FOREIGN_KEY
    return any(number in _MEANS_DONE.get(action, ()) for action in find_actions(statement))


def find_error_number(exc: BaseException) -> Optional[int]:
    """Return the server's number of a driver's exception, None where it has none."""
    return read_driver_error(exc).number


def digest_definition(driver: DBAPIConnection, statement: str) -> Optional[str]:
    """Return a digest of the definition of the table that an ALTER TABLE is about; None for other statements."""
    name = find_table_altered(statement)
    if name is None:
        return None
    try:
        shown = run(driver, f"SHOW CREATE TABLE {name}")[0][1]
    except Exception as exc:  # the driver's own class; without the privilege the errors have to do
        if is_lost(exc):
            raise
        return "absent" if find_error_number(exc) == _NOT_THERE else None
    return hashlib.sha256(remove_counter(shown).encode()).hexdigest()
