"""What the journal of MySQL and MariaDB has to know of a statement: is it run again, can it take effect in part."""

from __future__ import annotations

from typing import FrozenSet, Iterator, List, Optional

from .kinds import Kind
from .reader import Reader
from .splitting import find_created_kind
from .targets import Alteration, find_alteration, find_target, split_at_commas
from .text import Statement, flatten, join, split
from .text import commits as commits_in
from .tokens import BROKEN, STRING, tokenize

_MYSQL = "mysql"
"""SQLAlchemy's name for MariaDB, too; what differs in how their text is read is little."""

_RUN_AGAIN = (
    *(Kind.READ, Kind.SESSION, Kind.UPKEEP, Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK),
    *(Kind.SAVEPOINT, Kind.ROLLBACK_TO, Kind.RELEASE),
)
_QUERIES = ("SELECT", "WITH", "VALUES", "TABLE", "DO", "SET")


def normalize(sql: str) -> str:
    """Return a text on one line, without comments and MariaDB's SET STATEMENT … FOR; what is quoted stays as it is."""
    only = _find_only(sql)
    reader = Reader(only.tokens if only else ())
    if reader.skip("SET", "STATEMENT") and reader.skip_to("FOR"):
        reader.place += 1
        return join(reader.rest)
    return flatten(sql, _MYSQL)


_OF_SCHEMA = frozenset(("CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"))
_OF_ACCOUNTS = frozenset(("USER", "ROLE", "SERVER", "IDENTIFIED", "PASSWORD"))


def hide_values(sql: str) -> str:
    """Return a text with ``'***'`` for the strings in it that may be data or a password; others tell what a table is.

    A string without its end, of a text that was cut, is hidden up to there.
    """
    tokens = tokenize(sql, _MYSQL)
    words = {token.word for token in tokens}
    if tokens and tokens[0].word in _OF_SCHEMA and not words & _OF_ACCOUNTS:
        return sql
    shown, end = "", 0
    for token in tokens:
        shown += sql[end : token.start] + ("'***'" if token.kind in (STRING, BROKEN) else token.text)
        end = token.end
    return shown + sql[end:]


def is_read(sql: str) -> bool:
    """Return whether a text changes no table: it reads, or it is about the session, or is upkeep.

    A SELECT counts, whatever functions it calls: what it returns is needed again.
    """
    return all(one.kind in _RUN_AGAIN or (one.kind is Kind.CALL and one.word in _QUERIES) for one in split(sql, _MYSQL))


def is_dml(sql: str) -> bool:
    """Return whether a text is one statement that is part of the transaction."""
    only = _find_only(sql)
    return only is not None and only.kind is Kind.DML


def commits(sql: str) -> bool:
    """Return whether a text commits the transaction it is in."""
    return commits_in(sql, _MYSQL)


def is_atomic(sql: str) -> bool:
    """Return whether it takes effect as a whole or not at all, and it can be seen afterwards which of the two."""
    only = _find_only(sql)
    if only is None or only.kind not in (Kind.DML, Kind.DDL):
        return False
    return not (_exchanges_a_partition(only) or _swaps(only))


def add_lock(sql: str, lock: str) -> Optional[str]:
    """Return a LOCK TABLES with one lock more; None for other statements."""
    only = _find_only(sql)
    reader = Reader(only.core if only else ())
    if not (reader.skip("LOCK", "TABLES") or reader.skip("LOCK", "TABLE")):
        return None
    return f"LOCK TABLES {lock}, {join(reader.rest)}"


def drops_several(sql: str) -> bool:
    """Return whether a DROP names several things: where it fails, some of them may be dropped."""
    only = _find_only(sql)
    reader = Reader(only.core if only else ())
    return reader.skip("DROP") and reader.look() != "INDEX" and reader.skip_to(",")


def starts_autocommit(sql: str) -> bool:
    """Return whether each statement after this one is a transaction of its own."""
    return any(statement.autocommit for statement in split(sql, _MYSQL))


def returns_rows(sql: str) -> bool:
    """Return whether a statement that changes rows returns them."""
    return any(token.word == "RETURNING" for statement in split(sql, _MYSQL) for token in statement.tokens)


def find_temporary_table(sql: str) -> Optional[str]:
    """Return the temporary table that a statement creates or drops: it is the session's, and gone with it."""
    only = _find_only(sql)
    if only is None or not only.is_of_temporary_table:
        return None
    reader = Reader(only.core)
    reader.skip_to("TABLE")
    reader.place += 1
    reader.skip_if_exists()
    table = reader.read_name()
    return table.plain if table else None


def find_tables_dropped(sql: str) -> List[str]:
    """Return the tables that a DROP TABLE names, without quotes."""
    only = _find_only(sql)
    reader = Reader(only.core if only else ())
    if not reader.skip("DROP"):
        return []
    reader.skip("TEMPORARY")
    if not (reader.skip("TABLE") or reader.skip("TABLES")):
        return []
    reader.skip_if_exists()
    return [table.plain for table in reader.read_names()]


def find_table_changed(sql: str) -> Optional[str]:
    """Return the table that a statement changes, without quotes, where one is named first."""
    only = _find_only(sql)
    table = find_target(only) if only else None
    return table.plain if table else None


def find_table_altered(sql: str) -> Optional[str]:
    """Return the table that an ALTER TABLE names, as it stands there."""
    only = _find_only(sql)
    alteration = find_alteration(only) if only else None
    return alteration.table.written if alteration else None


def find_actions(sql: str) -> FrozenSet[str]:
    """Return what a statement does to definitions, in words: ``CREATE TABLE``, ``ALTER TABLE ADD``, ``REVOKE``."""
    only = _find_only(sql)
    if only is None:
        return frozenset()
    alteration = find_alteration(only)
    if alteration:
        return frozenset(_find_alterations(alteration))
    reader = Reader(only.core)
    word = reader.look()
    if word not in ("CREATE", "DROP", "RENAME", "ALTER"):
        return frozenset([word])
    kind = find_created_kind(reader)
    return frozenset([f"{word} {_SINGULAR.get(kind, kind)}"])


_SINGULAR = {"TABLES": "TABLE", "SCHEMA": "DATABASE"}


def remove_counter(definition: str) -> str:
    """Return what SHOW CREATE TABLE says without the next key, which is no part of the definition."""
    only = _find_only(definition)
    reader = Reader(only.tokens if only else ())
    if not reader.skip_to("AUTO_INCREMENT"):
        return definition
    before, counter = reader.tokens[reader.place - 1], reader.tokens[reader.place : reader.place + 3]
    if len(counter) < 3 or counter[1].word != "=" or not reader.place:
        return definition
    return definition[: before.end] + definition[counter[2].end :]


def _find_only(sql: str) -> Optional[Statement]:
    """Return the statement of a text; None where there are several, or none."""
    statements = split(sql, _MYSQL)
    return statements[0] if len(statements) == 1 else None


def _find_alterations(alteration: Alteration) -> Iterator[str]:
    for action in alteration.actions:
        word, following = action.look(), action.look(1)
        is_of_a_part = word == "RENAME" and following in ("COLUMN", "INDEX", "KEY")
        yield f"ALTER TABLE {word} {following}" if is_of_a_part else f"ALTER TABLE {word}"


def _exchanges_a_partition(statement: Statement) -> bool:
    """Where it is run a second time, everything is as before."""
    alteration = find_alteration(statement)
    return alteration is not None and any(action.skip("EXCHANGE", "PARTITION") for action in alteration.actions)


def _swaps(statement: Statement) -> bool:
    """A RENAME that uses a name twice may bring the tables back when it is run again."""
    reader, names = Reader(statement.core), []
    if not (reader.skip("RENAME", "TABLE") or reader.skip("RENAME", "TABLES")):
        return False
    for pair in map(Reader, split_at_commas(reader.rest)):
        pair.skip_if_exists()
        names.append(pair.read_name())
        pair.skip("TO")
        names.append(pair.read_name())
    plain = [name.plain for name in names if name]
    return len(plain) != len(set(plain))
