"""What a statement is: a read, a change, the end of a transaction.

Sources: the lists of statements in the manuals of PostgreSQL, MySQL, MariaDB and SQLite; for what commits by itself
"Statements That Cause an Implicit Commit" (MySQL 8.0, section 13.3.3) and the page of that name in MariaDB's. A test
asks the servers.
"""

from __future__ import annotations

import enum
from typing import Callable, Dict, Optional, Sequence, Union

from .functions import calls_unknown_function
from .reader import Reader
from .tokens import BROKEN, FAMILIES, PLACEHOLDER, WORD, Token


class Kind(enum.Enum):
    """What a statement is.

    READ looks at the database. SESSION is about this connection alone. DML and DDL change rows and definitions. CALL
    may do anything that its author has written. UPKEEP is about how the server stores data, and about the server.
    """

    READ = "read"
    SESSION = "session"
    DML = "dml"
    DDL = "ddl"
    CALL = "call"
    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    SAVEPOINT = "savepoint"
    ROLLBACK_TO = "rollback to"
    RELEASE = "release"
    UPKEEP = "upkeep"
    UNKNOWN = "unknown"


Tokens = Sequence[Token]


def classify(tokens: Tokens, dialect: str) -> Kind:
    """Return what the statement that these tokens make up is."""
    if not tokens or tokens[-1].kind is BROKEN:
        return Kind.UNKNOWN
    family = FAMILIES.get(dialect, "")
    kind = _classify(tokens, family)
    if family == "mssql" and kind in (Kind.READ, Kind.SESSION) and _goes_on(tokens):
        return Kind.UNKNOWN
    return kind


def find_core(tokens: Tokens) -> Tokens:
    """Return a statement without what stands before its first word: parentheses, MariaDB's SET STATEMENT … FOR."""
    reader = Reader(tokens)
    if reader.skip("SET", "STATEMENT") and reader.skip_to("FOR"):
        return find_core(tokens[reader.place + 1 :])
    reader.place = 0
    reader.skip_any("(")
    return tokens[reader.place :]


def find_executed(tokens: Tokens, dialect: str) -> Tokens:
    """Return the statement that is executed: the one itself, or the one that an EXPLAIN ANALYZE runs.

    It begins with its first word; where that is WITH, with the word behind it that says what is done.
    """
    core, family = find_core(tokens), FAMILIES.get(dialect, "")
    if core and core[0].word in ("EXPLAIN", "DESCRIBE", "DESC", "ANALYZE") and _classify(core, family) in _CHANGING:
        reader = Reader(core, 1)
        if reader.look() == "(":
            reader.skip_parentheses()
        if reader.skip_to(*_EXPLAINED):
            return find_executed(core[reader.place :], dialect)
    return _find_behind_with(core)


def _find_behind_with(core: Tokens) -> Tokens:
    reader = Reader(core)
    if not reader.skip("WITH"):
        return core
    while reader.skip_to(*_VERBS):
        found = reader.place
        reader.place += 1
        reader.skip_parentheses()
        if reader.look() != "AS":  # else it is the name of a common table expression
            return core[found:]
    return core


def is_of_temporary_table(tokens: Tokens) -> bool:
    """Return whether a CREATE or DROP is about a temporary table: it is the session's, and gone with it."""
    reader = Reader(find_core(tokens))
    if not (reader.skip("CREATE") or reader.skip("DROP")):
        return False
    reader.skip("OR", "REPLACE")
    reader.skip_any("GLOBAL", "LOCAL")
    return (reader.skip("TEMPORARY") or reader.skip("TEMP")) and reader.look() == "TABLE"


def find_autocommit(tokens: Tokens) -> Optional[bool]:
    """Return what MySQL's ``autocommit`` is set to; True where that cannot be told, None where it is not set."""
    core = find_core(tokens)
    if Reader(core).look() != "SET":
        return None
    for place, token in enumerate(core[:-2]):
        named = token.text.lower().replace("`", "") in _AUTOCOMMIT and core[place - 1].word not in _OF_THE_SERVER
        if named and core[place + 1].word in ("=", ":="):
            return core[place + 2].text.strip("'\"").upper() not in ("0", "OFF", "FALSE")
    return None


def commits(tokens: Tokens, kind: Kind, dialect: str) -> bool:
    """Return whether a statement commits the transaction it is in.

    :param kind: what it is.
    """
    family = FAMILIES.get(dialect, "")
    if kind is Kind.COMMIT:
        return True
    if family in _DDL_IN_TRANSACTIONS:
        return False
    core = find_core(tokens)
    word = core[0].word if core else ""
    if family != "mysql":
        return kind in (Kind.DDL, Kind.UNKNOWN) or (kind is Kind.CALL and word not in _QUERIES)
    if kind is Kind.DDL:
        return not is_of_temporary_table(tokens)
    if kind is Kind.CALL:
        return word not in _QUERIES
    if kind is Kind.SESSION:
        return word in ("LOCK", "UNLOCK") or bool(find_autocommit(tokens))
    if kind is Kind.UPKEEP:
        return word in _COMMITTING_UPKEEP
    return kind in (Kind.BEGIN, Kind.UNKNOWN)


_COMMITTING_UPKEEP = (
    *("CHECK", "ANALYZE", "OPTIMIZE", "REPAIR", "FLUSH", "RESET", "CACHE", "LOAD", "BACKUP", "START", "STOP", "CHANGE"),
)
_DDL_IN_TRANSACTIONS = ("postgresql", "sqlite", "mssql")
_QUERIES = ("SELECT", "WITH", "VALUES", "TABLE", "DO", "SET", "EXPLAIN", "ANALYZE", "DESCRIBE", "DESC")
"""What may call a function; a function of MySQL's cannot commit."""
_CHANGING = (Kind.DML, Kind.DDL, Kind.CALL)
_VERBS = ("SELECT", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE")
_CHANGES = ("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE")
_AUTOCOMMIT = ("autocommit", "@@autocommit", "@@session.autocommit", "@@local.autocommit")
_OF_THE_SERVER = ("GLOBAL", "PERSIST", "PERSIST_ONLY")


def _classify(tokens: Tokens, family: str) -> Kind:
    core = find_core(tokens)
    word = core[0].word if core and core[0].kind is WORD else ""
    if core is not tokens and core and tokens[0].word == "(" and word not in ("SELECT", "WITH", "VALUES", "TABLE"):
        return Kind.UNKNOWN
    found = _WORDS.get(family, _STANDARD).get(word, Kind.UNKNOWN)
    return found if isinstance(found, Kind) else found(core, family)


def _classify_from(tokens: Tokens, place: int, family: str) -> Kind:
    """Return what a statement is that stands within another, from a place on."""
    return _classify(tokens[place:], family) if place < len(tokens) else Kind.READ


def _classify_query(tokens: Tokens, family: str) -> Kind:
    """SELECT, VALUES and TABLE, with or without a WITH before it."""
    if _find_behind_with(tokens)[0].word in _CHANGES:
        return Kind.DML
    if _has_change(tokens):
        return Kind.DML
    return _classify_into(tokens, family) or (Kind.CALL if calls_unknown_function(tokens, family) else Kind.READ)


def _has_change(tokens: Tokens) -> bool:
    """Return whether a WITH has an INSERT, UPDATE, DELETE or MERGE in it, as it may on PostgreSQL."""
    return any(
        token.word in _CHANGES and before.word in ("(", ")") and after.word not in (")", ",", ".")
        for before, token, after in zip(tokens, tokens[1:], tokens[2:])
    )


def _classify_into(tokens: Tokens, family: str) -> Optional[Kind]:
    """Return what the INTO of a SELECT makes of it: a table, on MySQL a variable of the session or a file."""
    place = next((place for place, token in enumerate(tokens) if token.word == "INTO"), None)
    if place is None:
        return None
    if family == "mysql":
        behind = tokens[place + 1] if place + 1 < len(tokens) else None
        return None if behind and behind.kind is PLACEHOLDER else Kind.DML
    return Kind.DDL if family in ("postgresql", "mssql") else Kind.UNKNOWN


def _classify_explain(tokens: Tokens, family: str) -> Kind:
    """EXPLAIN changes nothing, unless it runs what it explains."""
    reader = Reader(tokens, 1)
    if family == "oracle":
        return Kind.DML  # it writes into PLAN_TABLE
    if family == "sqlite" or not _runs_what_it_explains(reader, family):
        return Kind.READ
    reader.skip_to(*_EXPLAINED)
    found = _classify_from(tokens, reader.place, family)
    return Kind.READ if found is Kind.SESSION else found


_EXPLAINED = ("(", "WITH", *_VERBS, "EXECUTE", "DECLARE", "CREATE", "REFRESH")


def _runs_what_it_explains(reader: Reader, family: str) -> bool:
    if family == "postgresql" and reader.look() == "(":
        start = reader.place
        reader.skip_parentheses()
        options = reader.tokens[start : reader.place]
        for option, value in zip(options, options[1:]):
            if option.word in ("ANALYZE", "ANALYSE"):
                return value.text.strip("'").upper() not in ("FALSE", "OFF", "0")
        return False
    start = reader.place
    reader.skip_to(*_EXPLAINED)
    return any(token.word in ("ANALYZE", "ANALYSE") for token in reader.tokens[start : reader.place])


def _classify_analyze(tokens: Tokens, family: str) -> Kind:
    """MariaDB's ANALYZE of a statement runs it; that of a table is upkeep."""
    reader = Reader(tokens, 1)
    reader.skip_any("NO_WRITE_TO_BINLOG", "LOCAL")
    if reader.look() == "TABLE" or not reader.skip_to(*_EXPLAINED):
        return Kind.UPKEEP
    return _classify_from(tokens, reader.place, family)


def _classify_set(tokens: Tokens, family: str) -> Kind:
    """SET is about the session; MySQL's also about the server and its accounts."""
    if family != "mysql":
        return Kind.SESSION
    words = [token.word for token in tokens]
    if words[1:2] == ["PASSWORD"] or words[1:3] == ["DEFAULT", "ROLE"]:
        return Kind.DDL
    if any(
        token.word in _OF_THE_SERVER or token.text.lower().startswith(("@@global.", "@@persist"))
        for token in _find_assignments(tokens)
    ):
        return Kind.UPKEEP
    return Kind.CALL if calls_unknown_function(tokens, family) else Kind.SESSION


def _find_assignments(tokens: Tokens) -> Tokens:
    """Return the first token of each assignment of a SET."""
    depth, found = 0, list(tokens[1:2])
    for token, following in zip(tokens, tokens[1:]):
        depth += (token.word == "(") - (token.word == ")")
        if token.word == "," and not depth:
            found.append(following)
    return found


def _classify_rollback(tokens: Tokens, family: str) -> Kind:
    words = [token.word for token in tokens]
    if words[1:2] == ["PREPARED"]:
        return Kind.CALL
    return Kind.ROLLBACK_TO if "TO" in words[1:3] else Kind.ROLLBACK


def _classify_commit(tokens: Tokens, family: str) -> Kind:
    """COMMIT PREPARED is about another transaction."""
    return Kind.CALL if Reader(tokens).look(1) == "PREPARED" else Kind.COMMIT


def _classify_begin(tokens: Tokens, family: str) -> Kind:
    behind = Reader(tokens).look(1)
    if family == "oracle" or (family == "mysql" and behind == "NOT"):
        return Kind.CALL
    if family == "mssql" and behind not in ("TRAN", "TRANSACTION", "DISTRIBUTED"):
        return Kind.CALL
    return Kind.BEGIN


def _classify_start(tokens: Tokens, family: str) -> Kind:
    if Reader(tokens).look(1) == "TRANSACTION":
        return Kind.BEGIN
    return Kind.UPKEEP if family == "mysql" else Kind.UNKNOWN


def _classify_prepare(tokens: Tokens, family: str) -> Kind:
    """PostgreSQL's PREPARE TRANSACTION is the end of the transaction, whatever becomes of it."""
    return Kind.COMMIT if Reader(tokens).look(1) == "TRANSACTION" else Kind.SESSION


def _classify_xa(tokens: Tokens, family: str) -> Kind:
    kinds = {"START": Kind.BEGIN, "BEGIN": Kind.BEGIN, "END": Kind.SESSION, "RECOVER": Kind.READ}
    return {**kinds, "ROLLBACK": Kind.ROLLBACK}.get(Reader(tokens).look(1), Kind.COMMIT)


def _classify_copy(tokens: Tokens, family: str) -> Kind:
    reader = Reader(tokens, 1)
    if reader.look() == "(":
        inside = _classify_from(tokens, 2, family)
        if inside is not Kind.READ:
            return inside
        reader.skip_parentheses()
    if not reader.skip_to("FROM", "TO") or reader.look() == "FROM":
        return Kind.DML
    return Kind.READ if reader.look(1) == "STDOUT" else Kind.CALL  # a file or a program of the server's


def _classify_declare(tokens: Tokens, family: str) -> Kind:
    """A cursor of PostgreSQL's is as good as its query."""
    if family == "oracle":
        return Kind.CALL
    reader = Reader(tokens, 1)
    if family == "postgresql":
        return _classify_from(tokens, reader.place + 1, family) if reader.skip_to("FOR") else Kind.UNKNOWN
    return Kind.SESSION


def _classify_do(tokens: Tokens, family: str) -> Kind:
    """PostgreSQL's DO is a program; MySQL's evaluates an expression."""
    if family == "mysql" and not calls_unknown_function(tokens, family):
        return Kind.READ
    return Kind.CALL


def _classify_load(tokens: Tokens, family: str) -> Kind:
    """MySQL's LOAD DATA is DML, its LOAD INDEX INTO CACHE upkeep; PostgreSQL loads a library."""
    if family == "postgresql":
        return Kind.SESSION
    return Kind.UPKEEP if Reader(tokens).look(1) == "INDEX" else Kind.DML


def _classify_alter(tokens: Tokens, family: str) -> Kind:
    behind = Reader(tokens).look(1)
    if family == "oracle" and behind == "SESSION":
        return Kind.SESSION
    return Kind.UPKEEP if behind == "SYSTEM" else Kind.DDL


def _classify_pragma(tokens: Tokens, family: str) -> Kind:
    """Most pragmas of SQLite's ask, or set something for the connection; some are written into the file."""
    reader = Reader(tokens, 1)
    if reader.look(1) == ".":
        reader.place += 2
    name = tokens[reader.place].text.lower().strip("\"'`[]") if reader.place < len(tokens) else ""
    if name in _PRAGMAS_OF_UPKEEP:
        return Kind.UPKEEP
    has_value = len(tokens) > reader.place + 1
    if name in _PRAGMAS_IN_THE_FILE and has_value:
        return Kind.DML
    return Kind.SESSION if has_value and name not in _PRAGMAS_THAT_ASK else Kind.READ


_PRAGMAS_OF_UPKEEP = ("optimize", "incremental_vacuum", "wal_checkpoint")
_PRAGMAS_IN_THE_FILE = (
    *("user_version", "application_id", "schema_version", "encoding", "page_size", "auto_vacuum", "journal_mode"),
    *("writable_schema", "default_cache_size"),
)
_PRAGMAS_THAT_ASK = (
    *("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list"),
    *("foreign_key_check", "integrity_check", "quick_check"),
)


def _goes_on(tokens: Tokens) -> bool:
    """SQL Server takes one statement behind another without a semicolon."""
    starts = (
        *_CHANGES,
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "EXEC",
        "EXECUTE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "GRANT",
    )
    return any(token.word in starts for token in tokens[1:])


_Rule = Union[Kind, Callable[[Tokens, str], Kind]]


def _map_each(kind: Kind, words: str) -> Dict[str, _Rule]:
    return dict.fromkeys(words.split(), kind)


_EVERYWHERE: Dict[str, _Rule] = {
    **dict.fromkeys(("SELECT", "VALUES", "WITH"), _classify_query),
    **_map_each(Kind.DML, "INSERT UPDATE DELETE"),
    **_map_each(Kind.DDL, "CREATE DROP"),
    **_map_each(Kind.SAVEPOINT, "SAVEPOINT"),
    **{
        "COMMIT": _classify_commit,
        "ROLLBACK": _classify_rollback,
        "BEGIN": _classify_begin,
        "EXPLAIN": _classify_explain,
        "ALTER": _classify_alter,
    },
}
_STANDARD: Dict[str, _Rule] = {
    **_EVERYWHERE,
    **{"TABLE": _classify_query, "SET": _classify_set, "START": _classify_start, "PREPARE": _classify_prepare},
    **_map_each(Kind.READ, "SHOW DESCRIBE FETCH"),
    **_map_each(Kind.SESSION, "USE LOCK DEALLOCATE CLOSE"),
    **_map_each(Kind.DML, "MERGE"),
    **_map_each(Kind.DDL, "TRUNCATE COMMENT GRANT REVOKE RENAME"),
    **_map_each(Kind.CALL, "CALL EXECUTE EXEC"),
    **_map_each(Kind.RELEASE, "RELEASE"),
}
_WORDS: Dict[str, Dict[str, _Rule]] = {
    "postgresql": {
        **_EVERYWHERE,
        **{
            "TABLE": _classify_query,
            "SET": _classify_set,
            "START": _classify_start,
            "PREPARE": _classify_prepare,
            "COPY": _classify_copy,
            "DECLARE": _classify_declare,
        },
        **{"END": _classify_commit, "ABORT": _classify_rollback, "DO": _classify_do, "LOAD": _classify_load},
        **_map_each(Kind.READ, "SHOW FETCH MOVE"),
        **_map_each(Kind.SESSION, "LOCK RESET DISCARD LISTEN UNLISTEN DEALLOCATE CLOSE"),
        **_map_each(Kind.DML, "MERGE NOTIFY"),
        **_map_each(Kind.DDL, "TRUNCATE COMMENT SECURITY GRANT REVOKE REASSIGN IMPORT REFRESH"),
        **_map_each(Kind.CALL, "CALL EXECUTE"),
        **_map_each(Kind.UPKEEP, "ANALYZE ANALYSE VACUUM REINDEX CLUSTER CHECKPOINT"),
        **_map_each(Kind.RELEASE, "RELEASE"),
    },
    "mysql": {
        **_EVERYWHERE,
        **{
            "TABLE": _classify_query,
            "SET": _classify_set,
            "START": _classify_start,
            "PREPARE": _classify_prepare,
            "LOAD": _classify_load,
            "DO": _classify_do,
            "XA": _classify_xa,
        },
        **{"DESCRIBE": _classify_explain, "DESC": _classify_explain, "ANALYZE": _classify_analyze},
        **_map_each(Kind.READ, "SHOW HELP CHECKSUM HANDLER"),
        **_map_each(Kind.SESSION, "USE LOCK UNLOCK DEALLOCATE SIGNAL RESIGNAL GET"),
        **_map_each(Kind.DML, "REPLACE"),
        **_map_each(Kind.DDL, "TRUNCATE RENAME GRANT REVOKE INSTALL UNINSTALL IMPORT"),
        **_map_each(Kind.CALL, "CALL EXECUTE"),
        **_map_each(
            Kind.UPKEEP, "CHECK OPTIMIZE REPAIR FLUSH RESET CACHE KILL PURGE CHANGE STOP SHUTDOWN RESTART BACKUP"
        ),
        **_map_each(Kind.RELEASE, "RELEASE"),
    },
    "sqlite": {
        **_EVERYWHERE,
        **{"END": _classify_commit, "PRAGMA": _classify_pragma},
        **_map_each(Kind.SESSION, "ATTACH DETACH"),
        **_map_each(Kind.DML, "REPLACE"),
        **_map_each(Kind.UPKEEP, "ANALYZE VACUUM REINDEX"),
        **_map_each(Kind.RELEASE, "RELEASE"),
    },
    "mssql": {
        **_EVERYWHERE,
        **{"SET": _classify_set, "DECLARE": _classify_declare},
        **_map_each(Kind.SESSION, "USE PRINT"),
        **_map_each(Kind.DML, "MERGE"),
        **_map_each(Kind.DDL, "TRUNCATE GRANT REVOKE DENY"),
        **_map_each(Kind.CALL, "EXEC EXECUTE"),
        **_map_each(Kind.UPKEEP, "DBCC CHECKPOINT"),
        **_map_each(Kind.SAVEPOINT, "SAVE"),
    },
    "oracle": {
        **_EVERYWHERE,
        **{"SET": _classify_set, "DECLARE": _classify_declare},
        **_map_each(Kind.SESSION, "LOCK"),
        **_map_each(Kind.DML, "MERGE"),
        **_map_each(Kind.DDL, "TRUNCATE COMMENT GRANT REVOKE RENAME PURGE FLASHBACK AUDIT NOAUDIT ANALYZE"),
        **_map_each(Kind.CALL, "CALL"),
    },
}
"""By the first word: what a statement is, or the function that tells. Other words are not known."""
