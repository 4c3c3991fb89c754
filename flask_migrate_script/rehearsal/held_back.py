"""What a rehearsal holds back so that it can go on: a COMMIT, a BEGIN, CONCURRENTLY; and what cannot be done here."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, NamedTuple, Sequence

from ..seam.driver_errors import read_driver_error
from ..sql.text import Kind, Statement, split

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

NOTHING = "SELECT 1 WHERE 1 = 0"
"""What is sent in the place of a statement that is not."""

IN_BLOCK = "its autocommit_block() ran inside of the transaction: a real run commits before it, and what it does stays"
_COMMITS = "{0} was not sent: a real run commits there, and what it has done until then stays"
_BEGINS = "{0} was not sent: a real run begins a transaction there"
_WAITS = "CONCURRENTLY was left out: a real run blocks no writes there"


class Passed(NamedTuple):
    """A text as it is sent.

    :param text: without what is held back.
    :param commits: a real run would commit somewhere in it.
    :param begins: after it a real run would be in a transaction that it has begun by itself.
    :param notes: what a real run does otherwise.
    """

    text: str
    commits: bool
    begins: bool
    notes: List[str]


def hold_back(sql: str, dialect: str, outside: bool) -> Passed:
    """Return a text without what would end the transaction or cannot be in one.

    :param outside: a real run would be outside of a transaction.
    """
    statements = split(sql, dialect)
    ends = [one for one in statements if one.kind is Kind.COMMIT]
    begins = [one for one in statements if one.kind is Kind.BEGIN]
    kept = [one for one in statements if one.kind not in (Kind.COMMIT, Kind.BEGIN)]
    notes = [_COMMITS.format(one.word) for one in ends] + [_BEGINS.format(one.word) for one in begins]
    texts = [_without_concurrently(one) for one in kept] if outside else [one.text for one in kept]
    if texts != [one.text for one in kept]:
        notes.append(_WAITS)
    if not notes:
        return Passed(sql, False, False, [])
    last = [one.kind for one in statements if one.kind in (Kind.COMMIT, Kind.BEGIN)][-1:]
    return Passed(";\n".join(texts) or NOTHING, bool(ends), last == [Kind.BEGIN], list(dict.fromkeys(notes)))


def _without_concurrently(statement: Statement) -> str:
    """Return CREATE, DROP and REINDEX … CONCURRENTLY without it; REFRESH may be concurrent in a transaction, too."""
    if statement.word not in ("CREATE", "DROP", "REINDEX", "ALTER"):
        return statement.text
    found: Sequence[str] = [token.text for token in statement.core if token.word == "CONCURRENTLY"][:1]
    return statement.text.replace(found[0], "", 1) if found else statement.text


def find_limit(exc: BaseException, outside: bool, committed: bool) -> str:
    """Return what has failed only because a rehearsal stays in one transaction, in words; empty for any other failure.

    :param outside: a real run would be outside of a transaction.
    :param committed: a real run would have committed since the rehearsal began.
    """
    error = read_driver_error(exc)
    in_one = error.sqlstate == "25001" or " inside a transaction" in error.text or "within a transaction" in error.text
    if outside and in_one:
        return "it runs a statement that cannot be in a transaction"
    if committed and error.sqlstate == "55P04":
        return "it uses a value of an enum that was added in the same transaction"
    return ""


def stays_outside(connection: Connection) -> bool:
    """Return whether no transaction is begun by itself after a COMMIT that was sent as a statement.

    psycopg2 and SQLAlchemy's asyncpg remember that they have begun one; psycopg and pg8000 ask the server.
    """
    return connection.dialect.name == "sqlite" or connection.dialect.driver in ("psycopg2", "psycopg2cffi", "asyncpg")
