"""What a statement of MySQL's and MariaDB's reaches beside the tables of the database that it is sent to.

It fails closed: what is not known to stay within is said to reach out.
"""

from __future__ import annotations

from typing import Collection, Iterator, List, NamedTuple, Sequence

from .reader import Reader
from .splitting import find_created_kind
from .text import Statement, split
from .tokens import BROKEN, NAME, NUMBER, STRING, WORD, Token

_VERBS = (
    *(
        "SELECT",
        "WITH",
        "VALUES",
        "TABLE",
        "INSERT",
        "UPDATE",
        "DELETE",
        "REPLACE",
        "CREATE",
        "ALTER",
        "DROP",
        "RENAME",
    ),
    *("TRUNCATE", "SET", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "ANALYZE", "OPTIMIZE", "CHECK", "CHECKSUM", "REPAIR"),
    *("BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "DO", "CALL", "LOCK", "UNLOCK"),
)
_BEHIND = {"START": ("TRANSACTION",), "LOCK": ("TABLE", "TABLES"), "UNLOCK": ("TABLE", "TABLES")}
_THINGS = ("TABLE", "TABLES", "VIEW", "INDEX", "TRIGGER", "PROCEDURE", "FUNCTION", "SEQUENCE")
_PROGRAMS = ("TRIGGER", "PROCEDURE", "FUNCTION")
_DYNAMIC = ("PREPARE", "EXECUTE", "OUTFILE", "DUMPFILE", "LOAD_FILE", "GET_LOCK", "SONAME")
_OF_THE_SERVER = (
    *(
        "GRANT",
        "REVOKE",
        "USER",
        "PASSWORD",
        "ROLE",
        "EVENT",
        "SERVER",
        "KILL",
        "FLUSH",
        "SHUTDOWN",
        "INSTALL",
        "PURGE",
        "RESET",
    ),
    *("GLOBAL", "PERSIST", "PERSIST_ONLY", "XA", "LOAD", "TABLESPACE", "LOGFILE"),
)
_ENGINES = (
    "INNODB",
    "MYISAM",
    "ARIA",
    "MEMORY",
    "HEAP",
    "ARCHIVE",
    "CSV",
    "BLACKHOLE",
    "ROCKSDB",
    "TOKUDB",
    "SEQUENCE",
)
"""Those that keep their rows themselves; others lead to tables elsewhere."""

_BEFORE_A_TABLE = (
    *("FROM", "JOIN", "INTO", "UPDATE", "TABLE", "TABLES", "REFERENCES", "LIKE", "VIEW", "TRIGGER", "PROCEDURE"),
    *("FUNCTION", "CALL", "EXISTS", "IGNORE", "STRAIGHT_JOIN", "TO", "AS", "SEQUENCE"),
)


class _Chain(NamedTuple):
    """Names with dots between them.

    :param before: the word that stands before it.
    :param after: the one behind it.
    """

    names: List[str]
    before: str
    after: str


def find_reach(sql: str, databases: Collection[str], tables: Collection[str] = ()) -> str:
    """Return why a text may reach past its own database, in words; empty where it certainly does not.

    :param databases: the names of all other databases of the server.
    :param tables: the names of tables in its own: such a name before a dot may be a table's.
    """
    others = {name.lower() for name in databases} - {"information_schema"}
    known = {name.lower() for name in tables}
    reasons = (_find_reach(statement, others, known) for statement in split(sql, "mysql"))
    return next(filter(None, reasons), "")


def keeps_its_rows(engine: str) -> bool:
    """Return whether the tables of a storage engine are where they seem to be."""
    return engine.upper() in _ENGINES


def _find_reach(statement: Statement, databases: Collection[str], tables: Collection[str]) -> str:
    tokens = statement.tokens
    if any(token.kind is BROKEN for token in tokens):
        return "it cannot be read to its end"
    word = statement.word
    if word not in _VERBS or Reader(statement.core).look(1) not in _BEHIND.get(word, (Reader(statement.core).look(1),)):
        return f"{word or 'what it begins with'} is about more than its tables"
    kind = find_created_kind(Reader(statement.core)) if word in ("CREATE", "ALTER", "DROP") else ""
    if kind in ("DATABASE", "SCHEMA") and word == "ALTER" and _is_of_no_name(statement.core):
        return ""
    if kind and kind not in _THINGS:
        return f"{word} {kind} is about more than its tables"
    return (
        _find_word(tokens, _DYNAMIC)
        or (_find_word(tokens, _OF_THE_SERVER) if kind in _PROGRAMS or word == "SET" else "")
        or _find_setting(tokens)
        or _find_engine(tokens)
        or _find_database(statement, databases, tables)
    )


def _is_of_no_name(core: Sequence[Token]) -> bool:
    """ALTER DATABASE without a name is about the one that is in use."""
    return Reader(core).look(2) in ("CHARACTER", "CHARSET", "COLLATE", "DEFAULT")


def _find_word(tokens: Sequence[Token], words: Collection[str]) -> str:
    found = next((token.word for token in tokens if token.kind is WORD and token.word in words), "")
    return f"it says {found}, and what that does is not known" if found else ""


def _find_setting(tokens: Sequence[Token]) -> str:
    for token in tokens:
        name = token.text.lower().replace("`", "")
        if name.startswith(("@@global.", "@@persist")) or "sql_log_bin" in name:
            return f"it sets {token.text} for the server"
    return ""


def _find_engine(tokens: Sequence[Token]) -> str:
    reader = Reader(tokens)
    while reader.place < len(tokens):
        if reader.skip("ENGINE") or reader.skip("TYPE", "="):
            reader.skip("=")
            name = _plain(tokens[reader.place]) if reader.place < len(tokens) else ""
            if name and _is_name(tokens[reader.place]) and not keeps_its_rows(name):
                return f"tables of the engine {name} may be elsewhere"
        reader.place += 1
    return ""


def _find_database(statement: Statement, databases: Collection[str], tables: Collection[str]) -> str:
    tokens = statement.tokens
    alone = {_plain(token).lower() for token in _find_names_alone(tokens)}
    for chain in _find_chains(tokens):
        name = chain.names[0]
        if name.lower() in databases and _is_of_a_database(chain, {*tables, *alone}, statement.word):
            return f"it names the database {name}"
    by_text = any(_is_name(token) and _plain(token).lower() == "information_schema" for token in tokens)
    for before, token in zip(tokens, tokens[1:]):
        shows = statement.word == "SHOW" and before.word in ("FROM", "IN") and _plain(token).lower() not in tables
        if (shows or (by_text and token.kind is STRING)) and _plain(token).lower() in databases:
            return f"it asks about the database {_plain(token)} by its name"
    return ""


def _find_names_alone(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the names that have no dot beside them: those of tables, columns, and what a query calls them."""
    for place, token in enumerate(tokens):
        around = [one.word for one in (*tokens[max(place - 1, 0) : place], *tokens[place + 1 : place + 2])]
        if _is_name(token) and "." not in around:
            yield token


def _is_of_a_database(chain: _Chain, tables: Collection[str], word: str) -> bool:
    """Return whether the first of some names may be that of a database, where a table has it, too."""
    if chain.names[0].lower() not in tables or len(chain.names) != 2:
        return True
    return chain.before in _BEFORE_A_TABLE or chain.after == "(" or (chain.before == "," and word != "SELECT")


def _find_chains(tokens: Sequence[Token]) -> Iterator[_Chain]:
    place = 0
    while place < len(tokens):
        names, start = [_plain(tokens[place])], place
        while place + 1 < len(tokens) and _may_be_name(tokens[place]):
            following = tokens[place + 1]
            if following.word == "." and place + 2 < len(tokens):
                names.append(_plain(tokens[place + 2]))
                place += 2
            elif following.kind is NUMBER and following.text.startswith(".") and not following.spaced:
                names.append(following.text[1:])  # a name that begins with a digit
                place += 1
            else:
                break
        if len(names) > 1:
            before = tokens[start - 1].word if start else ""
            yield _Chain(names, before, tokens[place + 1].word if place + 1 < len(tokens) else "")
        place += 1


def _is_name(token: Token) -> bool:
    return token.kind in (WORD, NAME)


def _may_be_name(token: Token) -> bool:
    """In its mode ANSI_QUOTES MySQL takes strings for names, too."""
    return _is_name(token) or token.kind in (STRING, NUMBER)


def _plain(token: Token) -> str:
    text = token.text
    return text[1:-1].replace(text[0] * 2, text[0]) if text[:1] in ("`", '"', "'") and len(text) > 1 else text
