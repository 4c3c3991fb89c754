"""Lint: what will hurt in revision files, told before they are run.

The files are read, not run, except for the SQL that Squawk judges: that is written down without a database.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Dict, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ..config import get_state
from ..databases import find_engines
from ..errors import MigrateError
from ..revisions.documents import read_scripts
from . import scope, squawk
from .added import find_added
from .columns import find_types_left_behind, find_without_value
from .constraints import find_unnamed
from .data import find_lost
from .files import ParsedFile, read_file
from .findings import Finding, Report, document_report, explain_how_to_allow, sort_findings, write_lines
from .graph import find_broken, find_several_heads, read_revision_files
from .offline_sql import list_sql
from .reversal import SOMETHING, find_effect, find_irreversible, pair_functions
from .types import changes_in_place
from .written import read_operations

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy import MetaData

_NOTHING_ELSE = "Nothing else was looked at: the revisions have to follow one another first."

__all__ = [
    "Finding",
    "Report",
    "document_report",
    "explain_how_to_allow",
    "lint_graph",
    "lint_revisions",
    "write_lines",
]


def lint_graph(config: Config) -> Optional[Report]:
    """Return what is wrong with how the revisions follow one another; None where nothing is.

    :param config: an open Config; Alembic loads no revision for it.
    :raises MigrateError: if a file is not Python.
    """
    files = read_revision_files(read_scripts(config))
    found = sort_findings(find_broken(files), [file.shown for file in files])
    if not found:
        return None
    return Report(tuple(file.revision for file in files if file.revision), found, (_NOTHING_ELSE,))


def lint_revisions(
    config: Config, rev_range: str, since: Optional[str] = None, pg_version: Optional[str] = None
) -> Report:
    """Return what there is to say about revisions.

    :param config: an open Config.
    :param rev_range: see :func:`flask_migrate_script.linting.scope.choose_scripts`.
    :param since: a commit, branch or tag of git's: only files that were added after it are looked at.
    :param pg_version: the release of PostgreSQL to judge locks for, as ``15.2``; that of the database where it is asked
        anyway, by default.
    :raises MigrateError: if there is no such revision, a file is not Python, or git does not know the commit.
    """
    scripts = read_scripts(config)
    chosen = scope.choose_scripts(config, scripts, rev_range)
    if since is not None:
        added = find_added(scripts.dir, since)
        chosen = [script for script in chosen if os.path.realpath(script.path) in added]
    files = [read_file(script.path) for script in chosen]
    kinds = {name: engine.dialect.name for name, engine in find_engines(get_state().db).items()}
    conventions = getattr(_get_metadata(), "naming_convention", {})
    notes: List[str] = []
    found = [
        *find_several_heads(scripts),
        *(finding for file in files for finding in find_in_file(file, kinds, conventions)),
        *_find_locks(config, scripts, list(zip(chosen, files)), kinds, notes, pg_version),
    ]
    revisions = tuple(script.revision for script in chosen)
    return Report(revisions, sort_findings(found, [file.shown for file in files]), tuple(notes))


def find_in_file(file: ParsedFile, kinds: Mapping[str, str], conventions: Mapping[object, object]) -> Iterator[Finding]:
    """Yield what can be seen in a file as it is written.

    :param kinds: SQLAlchemy's name of the dialect of each configured database, by its own name.
    :param conventions: the naming convention of the models' MetaData.
    """
    for up, down, bind in pair_functions(file):
        upgrade = read_operations(file, up)
        yield from find_lost(file, upgrade, sorted(_list_kinds(kinds, bind)))
        yield from find_irreversible(file, up, down)
        downgrade = read_operations(file, down)
        for operations in (upgrade, downgrade):
            yield from find_without_value(file, operations, sorted(_list_kinds(kinds, bind)))
        if "postgresql" in _list_kinds(kinds, bind) and find_effect(file, down) == SOMETHING:
            yield from find_types_left_behind(file, upgrade, downgrade, file.functions[down].lineno)
        if "sqlite" in _list_kinds(kinds, bind):
            for operation in [*upgrade, *downgrade]:
                yield from find_unnamed(file, operation, conventions)


def _find_locks(
    config: Config,
    scripts: ScriptDirectory,
    chosen: Sequence[Tuple[Script, ParsedFile]],
    kinds: Mapping[str, str],
    notes: List[str],
    version: Optional[str],
) -> Iterator[Finding]:
    """Yield the long locks on PostgreSQL; what could not be judged goes into the notes."""
    concerned = [
        one for one in chosen if any("postgresql" in _list_kinds(kinds, bind) for _, _, bind in pair_functions(one[1]))
    ]
    program = squawk.find_program()
    if not concerned:
        return
    if program is None:
        notes.append(squawk.NOT_INSTALLED)
        return
    names = ["" if name == "default" else name for name, kind in kinds.items() if kind == "postgresql"]
    judged = []
    for script, file in concerned:
        try:
            listing = list_sql(config, scripts, script, names, _get_metadata())
            judged.append(squawk.Judged(file, listing, _find_in_place(file)))
        except MigrateError as error:
            notes.append(f"{file.shown}: its locks on PostgreSQL were not judged: {error.problem}")
    yield from squawk.find_locking(program, judged, version)


def _find_in_place(file: ParsedFile) -> FrozenSet[Tuple[str, str]]:
    """Return the tables and columns whose types a file changes on PostgreSQL without a look at the rows."""
    operations = (one for up, _, _ in pair_functions(file) for one in read_operations(file, up))
    found: Dict[Tuple[str, str], bool] = {}
    for one in operations:
        if one.name == "alter_column" and one.changes_type:
            column = one.table, one.read_text(0, "column_name")
            found[column] = found.get(column, True) and changes_in_place(file, one)
    return frozenset(column for column, in_place in found.items() if in_place)


def _list_kinds(kinds: Mapping[str, str], bind: Optional[str]) -> Set[str]:
    """Return the kinds of the databases that a function is for: of all of them where that is not known."""
    of_bind = {re.sub(r"\W", "_", "" if name == "default" else name): kind for name, kind in kinds.items()}
    return {of_bind[bind]} if bind in of_bind else set(kinds.values())


def _get_metadata() -> Optional[MetaData]:
    """Return the models' MetaData; None where the database object has none of its own."""
    return getattr(get_state().db, "metadata", None)
