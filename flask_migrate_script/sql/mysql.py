"""What a statement of MySQL or MariaDB is: a read, one inside the transaction, or one that commits.

Source: "Statements That Cause an Implicit Commit" in the manuals of MySQL 8.0 (section 13.3.3) and of MariaDB.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import List, Optional

_QUOTED = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`"
_COMMENT = r"/\*(?!!).*?\*/|/\*!\d*|\*/|--(?=\s|$)[^\n]*|#[^\n]*"  # what stands in /*! … */ is executed
_NAME = r"((?:`[^`]+`|[\w$]+)(?:\s*\.\s*(?:`[^`]+`|[\w$]+))?)"
_IF = r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"

_READS = ("SELECT", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "VALUES", "TABLE", "HELP", "CHECKSUM", "CHECK")
_OF_THE_SESSION = (
    *("SET", "USE", "LOCK", "UNLOCK", "SAVEPOINT", "RELEASE", "DO", "PREPARE", "DEALLOCATE", "HANDLER"),
    *("BEGIN", "START", "COMMIT", "ROLLBACK", "XA", "KILL"),
)
_UPKEEP = ("ANALYZE", "OPTIMIZE", "REPAIR", "FLUSH", "RESET", "CACHE")
_DML = ("INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "LOAD", "WITH")

_SETTING = re.compile(rf"^SET STATEMENT (?:{_QUOTED}|[^'\"`])*? FOR ", re.I | re.S)
"""MariaDB's SET STATEMENT … FOR: what a statement does is said by what follows."""

_TEMPORARY = re.compile(rf"(?:CREATE(?:\s+OR\s+REPLACE)?|DROP)\s+TEMPORARY\s+TABLE\s+{_IF}{_NAME}", re.I)
_TARGET = re.compile(
    r"(?:INSERT|REPLACE|UPDATE|DELETE|TRUNCATE|LOAD\s.*?\sINTO|(?:ALTER|DROP)\s+(?:ONLINE\s+|IGNORE\s+)*TABLE|"
    r"(?:CREATE\s+(?:\w+\s+)*?|DROP\s+)INDEX\s.*?\sON)\s+"
    rf"(?:(?:LOW_PRIORITY|HIGH_PRIORITY|DELAYED|QUICK|IGNORE|INTO|FROM|TABLE)\s+)*{_IF}{_NAME}",
    re.I | re.S,
)
_ROUTINE = re.compile(
    r"(?:CREATE|ALTER)\s+(?:OR\s+REPLACE\s+)?(?:DEFINER\s*=\s*\S+\s+)?(?:AGGREGATE\s+)?"
    r"(?:PROCEDURE|FUNCTION|TRIGGER|EVENT|PACKAGE)\b",
    re.I,
)
_TWICE_IS_BACK = re.compile(r"ALTER\s+TABLE\b.*\bEXCHANGE\s+PARTITION\b", re.I | re.S)
_RENAME = re.compile(rf"{_NAME}\s+TO\s+{_NAME}", re.I)


@lru_cache(maxsize=8)
def plain(statement: str) -> str:
    """Return a statement without its comments and settings, on one line; what is quoted stays as it is."""
    pattern = rf"({_QUOTED})|{_COMMENT}|\s+"
    return _SETTING.sub("", re.sub(r" {2,}", " ", _outside(pattern, statement)).strip(" ;"))


def word(statement: str) -> str:
    """Return the word that says what a statement does; ``WITH …`` does what follows it."""
    bare = plain(statement).lstrip("( ")
    first = re.match(r"\w*", bare)
    found = first[0].upper() if first else ""
    return _after_with(bare) if found == "WITH" else found


def is_read(statement: str) -> bool:
    """Return whether a statement changes no database: it reads, or it is about the session, or is upkeep."""
    return word(statement) in (*_READS, *_OF_THE_SESSION, *_UPKEEP) and not is_compound(statement)


def is_dml(statement: str) -> bool:
    """Return whether a statement is part of the transaction."""
    return word(statement) in _DML and not is_compound(statement)


def commits(statement: str) -> bool:
    """Return whether a statement commits the transaction it is in."""
    ends = word(statement) in (*_UPKEEP, "BEGIN", "START", "COMMIT", "LOCK")
    return ends or not (is_read(statement) or is_dml(statement))


def is_compound(statement: str) -> bool:
    """Return whether there is more than one statement in the text, or a block of them."""
    bare = plain(statement)
    if _ROUTINE.match(bare):
        return False
    return bool(re.match(r"BEGIN\s+NOT\s+ATOMIC", bare, re.I)) or ";" in re.sub(_QUOTED, "", bare, flags=re.S)


def is_atomic(statement: str) -> bool:
    """Return whether it takes effect as a whole or not at all, and it can be seen afterwards which of the two."""
    bare = plain(statement)
    if is_compound(statement) or word(statement) in ("CALL", "EXECUTE", "BEGIN") or _TWICE_IS_BACK.match(bare):
        return False
    return word(statement) != "RENAME" or not _swaps(bare)


def with_another_lock(statement: str, lock: str) -> Optional[str]:
    """Return a LOCK TABLES with one lock more; None for other statements."""
    locking, count = re.subn(r"^(LOCK TABLES?) ", rf"\1 {lock}, ", plain(statement), flags=re.I)
    return locking if count else None


def drops_several(statement: str) -> bool:
    """Return whether a DROP names several things: where it fails, some of them may be dropped."""
    return bool(re.match(r"DROP\s(?!INDEX\b).*,", re.sub(_QUOTED, "", plain(statement), flags=re.S), re.I))


def starts_autocommit(statement: str) -> bool:
    """Return whether each statement after this one is a transaction of its own."""
    return bool(re.match(r"SET\b.*\bautocommit\s*:?=\s*(1|ON|TRUE)\b", plain(statement), re.I))


def returns_rows(statement: str) -> bool:
    """Return whether a statement that changes rows returns them."""
    return bool(re.search(r"\bRETURNING\b", re.sub(_QUOTED, "", plain(statement), flags=re.S), re.I))


def temporary_table(statement: str) -> Optional[str]:
    """Return the temporary table that a statement creates or drops: it is the session's, and gone with it."""
    found = _TEMPORARY.match(plain(statement))
    return _unquoted(found[1]) if found else None


def dropped_tables(statement: str) -> List[str]:
    """Return the tables that a DROP TABLE names, without quotes."""
    found = re.match(rf"DROP\s+(?:TEMPORARY\s+)?TABLES?\s+{_IF}(.*)", plain(statement), re.I)
    return [_unquoted(name) for name in re.findall(_NAME, found[1])] if found else []


def target(statement: str) -> Optional[str]:
    """Return the table that a statement changes, without quotes, where one is named first."""
    found = _TARGET.match(plain(statement))
    return _unquoted(found[1]) if found else None


def altered_table(statement: str) -> Optional[str]:
    """Return the table that an ALTER TABLE names, as it stands there."""
    bare = plain(statement)
    found = _TARGET.match(bare) if bare[:5].upper() == "ALTER" else None
    return found[1] if found else None


def _outside(pattern: str, statement: str) -> str:
    return re.sub(pattern, lambda found: found[1] or " ", statement, flags=re.S)


def _after_with(bare: str) -> str:
    flat, before = re.sub(_QUOTED, "", bare, flags=re.S), ""
    while flat != before:
        flat, before = re.sub(r"\([^()]*\)", "", flat), flat
    found = re.search(r"\b(SELECT|VALUES|TABLE|INSERT|UPDATE|DELETE|REPLACE)\b", flat, re.I)
    return found[1].upper() if found else "WITH"


def _swaps(bare: str) -> bool:
    """A RENAME that uses a name twice may bring the tables back when it is run again."""
    names = [
        _unquoted(name)
        for pair in _RENAME.findall(re.sub(r"^RENAME\s+TABLES?\s+", "", bare, flags=re.I))
        for name in pair
    ]
    return len(names) != len(set(names))


def _unquoted(name: str) -> str:
    return re.sub(r"[`\s]", "", name)
