"""Whether a statement that was started, and not known to be done, had taken effect.

It is asked of DDL that MySQL 8 and MariaDB 10.6 make atomic ("Atomic Data Definition Statement Support" in MySQL's
manual, section 13.1.1; "Atomic DDL" in MariaDB's). ``ALTER TABLE`` is answered by the table's definition: it is noted
before, and a statement such as ``ADD UNIQUE (name)`` could be repeated without any error. Everything else is tried
again, and the server's error says so.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Optional, Tuple

from ...seam.driver import run
from ...seam.driver_errors import is_lost, read_driver_error
from ...sql.mysql import altered_table, plain

_NOT_THERE = 1146  # ER_NO_SUCH_TABLE
_CANNOT_CREATE = 1005  # ER_CANT_CREATE_TABLE
_DUPLICATE_FOREIGN_KEY = 1826  # ER_FK_DUP_NAME

_MEANS_DONE: Tuple[Tuple[str, Tuple[int, ...]], ...] = (
    # ER_TABLE_EXISTS_ERROR
    (r"CREATE .*?\b(TABLE|VIEW|SEQUENCE)\b", (1050,)),
    # ER_BAD_TABLE_ERROR; MariaDB's ER_UNKNOWN_SEQUENCES and ER_UNKNOWN_VIEW
    (r"DROP (TABLES?|VIEW|SEQUENCE)\b", (1051, 4091, 4092)),
    # ER_DUP_KEYNAME
    (r"CREATE (\w+ )*?INDEX\b", (1061,)),
    # ER_CANT_DROP_FIELD_OR_KEY
    (r"DROP INDEX\b", (1091,)),
    # ER_NO_SUCH_TABLE of the old name, ER_TABLE_EXISTS_ERROR of the new one
    (r"RENAME TABLES?\b|ALTER TABLE \S+ RENAME (TO |AS |(?!COLUMN|INDEX|KEY))", (1146, 1050)),
    # ER_DUP_FIELDNAME, ER_DUP_KEYNAME, ER_MULTIPLE_PRI_KEY, ER_DUP_KEY and ER_FK_DUP_NAME (a foreign key),
    # MySQL's ER_CHECK_CONSTRAINT_DUP_NAME
    (r"ALTER TABLE .*\bADD\b", (1060, 1061, 1068, 1022, 1826, 3822)),
    # ER_CANT_DROP_FIELD_OR_KEY, MySQL's ER_CHECK_CONSTRAINT_NOT_FOUND
    (r"ALTER TABLE .*\bDROP\b", (1091, 3821)),
    # ER_BAD_FIELD_ERROR of the old name
    (r"ALTER TABLE .*\b(CHANGE|RENAME COLUMN)\b", (1054,)),
    # ER_SP_ALREADY_EXISTS, ER_SP_DOES_NOT_EXIST
    (r"CREATE .*?\b(PROCEDURE|FUNCTION|PACKAGE)\b", (1304,)),
    (r"DROP (PROCEDURE|FUNCTION|PACKAGE)\b", (1305,)),
    # ER_TRG_ALREADY_EXISTS, ER_TRG_DOES_NOT_EXIST
    (r"CREATE .*?\bTRIGGER\b", (1359,)),
    (r"DROP TRIGGER\b", (1360,)),
    # ER_EVENT_ALREADY_EXISTS, ER_EVENT_DOES_NOT_EXIST
    (r"CREATE .*?\bEVENT\b", (1537,)),
    (r"DROP EVENT\b", (1539,)),
    # ER_DB_CREATE_EXISTS, ER_DB_DROP_EXISTS
    (r"CREATE (\w+ )*?(DATABASE|SCHEMA)\b", (1007,)),
    (r"DROP (DATABASE|SCHEMA)\b", (1008,)),
    # ER_CANNOT_USER
    (r"(CREATE|DROP|RENAME) (\w+ )*?(USER|ROLE)\b", (1396,)),
    # ER_NONEXISTING_GRANT, ER_NONEXISTING_TABLE_GRANT
    (r"REVOKE\b", (1141, 1147)),
)
"""The errors that mean "it had taken effect", each for the statements it can mean that of.

Source: the server error message references of MySQL 8.0 and of MariaDB (share/errmsg-utf8.txt in both servers). A test
repeats each kind of statement on the server; 1022, 3821 and 3822 were not seen on MariaDB 10.11.
"""


def means_done(statement: str, exc: BaseException) -> bool:
    """Return whether the error of a statement that is tried again says that it had taken effect the first time."""
    bare, number = plain(statement), error_number(exc)
    if number == _CANNOT_CREATE and "errno: 121 " in str(exc):  # HA_ERR_FOUND_DUPP_KEY: MariaDB's second foreign key
        number = _DUPLICATE_FOREIGN_KEY
    return any(number in numbers and re.match(pattern, bare, re.I | re.S) for pattern, numbers in _MEANS_DONE)


def error_number(exc: BaseException) -> Optional[int]:
    """Return the server's number of a driver's exception, None where it has none."""
    return read_driver_error(exc).number


def definition_before(driver: Any, statement: str) -> Optional[str]:
    """Return a digest of the definition of the table that an ALTER TABLE is about; None for other statements."""
    name = altered_table(statement)
    if name is None:
        return None
    try:
        shown = run(driver, f"SHOW CREATE TABLE {name}")[0][1]
    except Exception as exc:  # the driver's own class; without the privilege the errors have to do
        if is_lost(exc):
            raise
        return "absent" if error_number(exc) == _NOT_THERE else None
    return hashlib.sha256(re.sub(r" AUTO_INCREMENT=\d+", "", shown).encode()).hexdigest()
