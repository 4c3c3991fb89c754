"""Long locks on PostgreSQL, judged by Squawk (https://squawkhq.com), which the extra ``[lint]`` installs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..errors import MigrateError
from ..sql.targets import find_alteration
from ..sql.text import shorten, split
from .files import ParsedFile
from .findings import Finding
from .offline_sql import Listing

_SHOWN = 120
"""Characters of a statement that are shown."""

NOT_INSTALLED = "Locks on PostgreSQL were not judged: Squawk is not installed. pip install 'Flask-Migrate-Script[lint]'"

_NOT_VALID = (
    'op.execute("ALTER TABLE … ADD CONSTRAINT … NOT VALID"), and VALIDATE CONSTRAINT in the next revision:'
    " it blocks no writes."
)
_CONCURRENTLY = "postgresql_concurrently=True, inside `with op.get_context().autocommit_block():`."
_NEW_COLUMN = "Add a new column, fill it in batches, and let the code change over to it; drop the old one later."
_INSTEAD: Dict[str, str] = {
    "adding-field-with-default": "Add the column without it, fill it in batches, and set the default afterwards.",
    "adding-foreign-key-constraint": _NOT_VALID,
    "adding-not-nullable-field": "Add CHECK (… IS NOT NULL) NOT VALID; in the next revision validate it, set NOT NULL.",
    "adding-serial-primary-key-field": "Build a unique index concurrently, then ADD PRIMARY KEY USING INDEX.",
    "changing-column-type": _NEW_COLUMN,
    "constraint-missing-not-valid": _NOT_VALID,
    "disallowed-unique-constraint": f"Build a unique index, {_CONCURRENTLY} Then ADD CONSTRAINT … UNIQUE USING INDEX.",
    "prefer-repack": "Let pg_repack do it: it blocks nobody while it copies.",
    "require-concurrent-index-creation": _CONCURRENTLY,
    "require-concurrent-index-deletion": _CONCURRENTLY,
    "require-concurrent-partition-detach": "DETACH PARTITION … CONCURRENTLY, outside the transaction.",
    "require-concurrent-reindex": "REINDEX … CONCURRENTLY, outside the transaction.",
}
"""The rules of Squawk 2.70 that are about locks, and what to write in a migration instead; others are about style."""

_SAID_BETTER = ("disallowed-unique-constraint", "adding-serial-primary-key-field", "adding-foreign-key-constraint")


@dataclass(frozen=True)
class Judged:
    """A revision whose SQL is to be judged.

    :param in_place: the tables and columns whose types it changes without a look at the rows.
    """

    file: ParsedFile
    listing: Listing
    in_place: FrozenSet[Tuple[str, str]] = frozenset()


def find_program() -> Optional[str]:
    """Return Squawk's path: beside this Python's own commands, or wherever else the PATH finds it."""
    return shutil.which("squawk", path=sysconfig.get_path("scripts")) or shutil.which("squawk")


def find_locking(squawk: str, judged: Sequence[Judged], version: Optional[str]) -> Iterator[Finding]:
    """Yield the statements that lock a table for long.

    :param squawk: the path of the program.
    :param version: the release of PostgreSQL to judge for, as ``15.2``; None for whatever Squawk takes.
    :raises MigrateError: if it does not answer as it should.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = {os.path.join(folder, f"{place}.sql"): one for place, one in enumerate(judged) if one.listing.sql}
        for path, one in files.items():
            with open(path, "w", encoding="utf-8") as file:
                file.write(one.listing.sql)
        said = _run(squawk, list(files), version) if files else []
        yield from (finding for path, one in files.items() for finding in _make_findings(one, _choose(said, path)))


def _run(squawk: str, paths: List[str], version: Optional[str]) -> List[Mapping[str, Any]]:
    # It ends with 1 where it finds something, and where it fails.
    options = ["--reporter", "json", "--assume-in-transaction", *([f"--pg-version={version}"] if version else [])]
    done = subprocess.run([squawk, *options, *paths], capture_output=True, encoding="utf-8")
    try:
        said = json.loads(done.stdout)
        return [{name: one[name] for name in ("file", "line", "rule_name", "message", "help")} for one in said]
    except (ValueError, KeyError, TypeError) as error:
        answer = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[0]
        raise MigrateError(
            f"Squawk ({squawk}) did not answer with the JSON of its version 2: {answer}",
            "pip install --upgrade squawk-cli",
        ) from error


def _choose(said: Sequence[Mapping[str, Any]], path: str) -> List[Mapping[str, Any]]:
    """Return what is about locks in one file; of two rules for one line, the one that says more."""
    here = [one for one in said if one["file"] == path and one["rule_name"] in _INSTEAD]
    better = {one["line"] for one in here if one["rule_name"] in _SAID_BETTER}
    return [one for one in here if one["rule_name"] != "constraint-missing-not-valid" or one["line"] not in better]


def _make_findings(judged: Judged, said: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    sql = judged.listing.sql.splitlines()
    for one in said:
        statement = _read_statement(sql, one["line"])
        changed = _find_changed(statement) if one["rule_name"] == "changing-column-type" else None
        if changed and changed <= judged.in_place:
            continue
        origin, name = judged.listing.find_origin(one["line"]), one["rule_name"]
        # A batch writes all that is in it when it ends.
        span = judged.file.find_batch(origin) or judged.file.find_statement(origin)
        if not judged.file.allows(name, origin, span):
            yield Finding(
                name,
                judged.file.shown,
                span[0],
                judged.file.revision,
                f"{shorten(statement, _SHOWN, 'postgresql')} (found by Squawk)",
                " ".join(one["message"].split()),
                _INSTEAD[name],
            )


def _read_statement(lines: Sequence[str], line: int) -> str:
    """Return the statement that a line, from 0, is a part of: Alembic writes an empty line behind each."""
    first = next((place + 1 for place in range(line, -1, -1) if not lines[place].strip()), 0)
    last = next((place for place in range(line, len(lines)) if not lines[place].strip()), len(lines))
    return "\n".join(lines[first:last]).strip()


def _find_changed(sql: str) -> FrozenSet[Tuple[str, str]]:
    """Return the tables and columns whose type a text changes."""
    found = set()
    for statement in split(sql, "postgresql"):
        alteration = find_alteration(statement)
        for action in alteration.actions if alteration else ():
            if alteration and action.skip("ALTER"):
                action.skip("COLUMN")
                column = action.read_name()
                found.update([(alteration.table.plain, column.plain)] if column else [])
    return frozenset(found)
