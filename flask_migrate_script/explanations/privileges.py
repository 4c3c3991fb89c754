"""Which privilege a database's user lacks, from the words of the refusal: the statement that gives it."""

from __future__ import annotations

import re
from typing import Callable, Match, Tuple


def find_grant(words: str, statement: str) -> str:
    """Return the statement that gives the privilege, empty where it is not known.

    :param words: PostgreSQL's, MySQL's or MariaDB's, in English.
    :param statement: what was refused.
    """
    verb = (re.findall(r"\w+", statement.upper()) or [""])[0]
    for pattern, write in _GRANTS:
        found = re.search(pattern, words)
        if found:
            return write(found, verb)
    return ""


def _grant_on_schema(found: Match[str], verb: str) -> str:
    return f"GRANT {'CREATE' if verb in ('CREATE', 'ALTER') else 'USAGE'} ON SCHEMA {found[1]} TO <user>"


def _grant_on_table(found: Match[str], verb: str) -> str:
    privilege = verb if verb in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE") else "REFERENCES"
    return f"GRANT {privilege} ON {found[1]} TO <user>"


def _grant_on_other(found: Match[str], verb: str) -> str:
    kind = found[1].upper()
    privilege = _OF_KIND.get(kind, "USAGE")
    return f"GRANT {privilege} ON {kind} {found[2]} TO <user>"


_OF_KIND = {"DATABASE": "CREATE", "FUNCTION": "EXECUTE", "PROCEDURE": "EXECUTE", "TABLESPACE": "CREATE"}


def _grant_to_owner(found: Match[str], verb: str) -> str:
    """PostgreSQL grants no right to alter or drop a thing: its owner may, and the members of that role."""
    return f"ALTER {found[1].replace('relation', 'table').upper()} {found[2]} OWNER TO <user>"


def _grant_on_mysql(found: Match[str], verb: str) -> str:
    """The account may be another than the user and host that MySQL names: it is not repeated."""
    thing = found[3].strip("'")
    if found[2] == "routine":
        thing = f"{'PROCEDURE' if verb == 'CALL' else 'FUNCTION'} {thing}"
    return f"GRANT {found[1].upper()} ON {thing} TO <user>"


def _grant_on_mysql_database(found: Match[str], verb: str) -> str:
    privilege = verb if verb in ("CREATE", "ALTER", "DROP", "SELECT", "INSERT", "UPDATE", "DELETE") else "<privilege>"
    return f"GRANT {privilege} ON `{found[1]}`.* TO <user>"


_GRANTS: Tuple[Tuple[str, Callable[[Match[str], str], str]], ...] = (
    (r"permission denied for schema (\S+)", _grant_on_schema),
    (r"permission denied for (?:table|relation|view|materialized view|foreign table) (\S+)", _grant_on_table),
    (r"permission denied for (\w+) (\S+)", _grant_on_other),
    (r"must be owner of (\w+(?: view| table)?) (\S+)", _grant_to_owner),
    (r'permission denied to create extension "([^"]+)"', lambda found, verb: f"CREATE EXTENSION {found[1]}"),
    (r"permission denied to create database", lambda found, verb: "ALTER ROLE <user> CREATEDB"),
    (r"permission denied to create role", lambda found, verb: "ALTER ROLE <user> CREATEROLE"),
    (r"([\w, ]+) command denied to user '.*?'@'.*?' for (table|routine) (\S+)", _grant_on_mysql),
    (
        r"(\w+) command denied to user '.*?'@'.*?' for column '(.*?)' in table '(.*?)'",
        lambda found, verb: f"GRANT {found[1]} ({found[2]}) ON {found[3]} TO <user>",
    ),
    (r"Access denied for user '.*?'@'.*?' to database '(.*?)'", _grant_on_mysql_database),
    (
        r"you need (?:\(at least one of\) )?the (.+?) privilege",
        lambda found, verb: f"GRANT {found[1].split(',')[0].strip()} ON *.* TO <user>",
    ),
)
