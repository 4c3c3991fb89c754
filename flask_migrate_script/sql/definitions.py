"""Definitions as SHOW CREATE has them on MySQL and MariaDB, made fit for another database."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional, Tuple

from .reader import Reader
from .splitting import find_created_kind
from .targets import find_alteration, split_at_commas
from .text import split
from .tokens import PLACEHOLDER, Token, tokenize


class Rename(NamedTuple):
    """What a statement gives a new name, without quotes.

    :param column: None where it is the table itself.
    """

    table: str
    column: Optional[str]
    new: str


def remove_definer(sql: str) -> str:
    """Return a CREATE without its ``DEFINER = user``, so that whoever runs it is the definer."""
    tokens = tokenize(sql, "mysql")
    reader = Reader(tokens)
    if not reader.skip_to("DEFINER") or reader.look(1) != "=":
        return sql
    start = tokens[reader.place].start
    reader.place += 3
    while reader.place < len(tokens) and tokens[reader.place].kind is PLACEHOLDER:
        reader.place += 1
    return sql[:start] + sql[tokens[reader.place].start :]


def remove_foreign_keys_elsewhere(sql: str) -> Tuple[str, List[str]]:
    """Return a CREATE TABLE without the foreign keys into other databases, and the tables that those lead to."""
    tokens = tokenize(sql, "mysql")
    reader = Reader(tokens)
    if not reader.skip_to("("):
        return sql, []
    start = reader.place + 1
    reader.skip_parentheses()
    inside, end = tokens[start : reader.place - 1], tokens[reader.place - 1]
    kept: List[str] = []
    elsewhere: List[str] = []
    for part in split_at_commas(inside):
        target = _find_target_elsewhere(list(part))
        if target:
            elsewhere.append(target)
        elif part:
            kept.append(sql[part[0].start : part[-1].end])
    if not elsewhere or not inside:
        return sql, []
    return sql[: inside[0].start] + ",\n  ".join(kept) + "\n" + sql[end.start :], elsewhere


def _find_target_elsewhere(part: List[Token]) -> str:
    reader = Reader(part)
    if not reader.skip_to("FOREIGN") or not reader.skip_to("REFERENCES"):
        return ""
    reader.place += 1
    name = reader.read_name()
    return name.plain if name and "." in name.plain and len(_parts(part, reader.place)) > 1 else ""


def _parts(part: List[Token], end: int) -> List[Token]:
    """Return the names before a place that have a dot between them."""
    found = [part[end - 1]]
    while end >= 3 and part[end - 2].word == ".":
        end -= 2
        found.append(part[end - 1])
    return found


def find_renames(sql: str) -> Iterator[Rename]:
    """Yield what the statements of a text give new names, in their order."""
    for statement in split(sql, "mysql"):
        reader = Reader(statement.core)
        if reader.skip("RENAME", "TABLE") or reader.skip("RENAME", "TABLES"):
            for pair in map(Reader, split_at_commas(reader.rest)):
                pair.skip_if_exists()
                old = pair.read_name()
                pair.skip_to("TO")
                pair.place += 1
                new = pair.read_name()
                if old and new:
                    yield Rename(old.plain, None, new.plain)
            continue
        alteration = find_alteration(statement)
        if alteration:
            yield from _find_renames_in(alteration.table.plain, alteration.actions)


def _find_renames_in(table: str, actions: List[Reader]) -> Iterator[Rename]:
    new_table = ""
    for action in actions:
        if action.skip("RENAME", "COLUMN"):
            action.skip_if_exists()
            old = action.read_name()
            action.skip("TO")
        elif action.skip("CHANGE"):
            action.skip("COLUMN")
            action.skip_if_exists()
            old = action.read_name()
        elif action.look() == "RENAME" and action.look(1) not in ("INDEX", "KEY"):
            action.place += 1
            action.skip_any("TO", "AS", "=")
            renamed = action.read_name()
            new_table = renamed.plain if renamed else new_table
            continue
        else:
            continue
        new = action.read_name()
        if old and new and old.plain.lower() != new.plain.lower():
            yield Rename(table, old.plain, new.plain)
    if new_table:
        yield Rename(table, None, new_table)


_DECIDING = ("UNIQUE", "PRIMARY", "FOREIGN", "CHECK", "MODIFY", "CHANGE", "CONVERT", "CONSTRAINT", "EXCHANGE")


def find_table_to_decide(sql: str) -> Optional[str]:
    """Return the table of which a statement asks all rows: for a new constraint, or another type; None where none."""
    for statement in split(sql, "mysql"):
        alteration = find_alteration(statement)
        if alteration and any(
            action.look() != "DROP" and any(token.word in _DECIDING for token in action.rest)
            for action in alteration.actions
        ):
            return alteration.table.plain
        reader = Reader(statement.core)
        is_unique = reader.look() == "CREATE" and any(token.word == "UNIQUE" for token in statement.core[:4])
        if is_unique and find_created_kind(reader) == "INDEX" and reader.skip_to("ON"):
            reader.place += 1
            table = reader.read_name()
            return table.plain if table else None
    return None
