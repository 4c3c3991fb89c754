"""Lint: what will hurt in revision files, told before they are run.

The files are read, not run, except for the SQL that Squawk judges: that is written down without a database.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ..config import XArg, opened_config, registered_state
from ..console.stdout import divert_prints
from ..databases import configured_engines
from ..errors import CannotConnect, MigrateError
from ..guard import guarded, settings
from ..look import look
from . import scope, squawk
from .constraints import unnamed
from .data import lost
from .files import RevisionFile, read
from .findings import Finding, Report, document, how_to_allow, in_order, lines
from .graph import broken, revision_files, several_heads
from .listing import listed
from .operations import operations
from .reversal import irreversible, pairs

_NOTHING_ELSE = "Nothing else was looked at: the revisions have to follow one another first."

__all__ = ["Finding", "Report", "document", "how_to_allow", "lines", "linted"]


def linted(directory: Any, rev_range: str, x_arg: XArg, wait: Any) -> Report:
    """Return what there is to say about revisions.

    :param directory: the migrations folder; None for the registered one.
    :param rev_range: see :func:`flask_migrate_script.lint.scope.chosen`.
    :param wait: seconds to wait for a server that is not up yet.
    :raises MigrateError: if there is no such revision, a file is not Python, or a database does not answer.
    """
    files = _every_file(directory, x_arg)
    found = in_order(broken(files), [file.shown for file in files])
    if found:
        return Report(tuple(file.revision for file in files if file.revision), found, (_NOTHING_ELSE,))
    try:
        return look(lambda config: _report(config, rev_range), directory, x_arg, rev_range, wait=wait)
    except CannotConnect as error:
        advice = f"{error.advice}\nTo lint without the database, say which revisions: {{db}} lint base:head"
        raise CannotConnect(error.problem, advice.strip()) from error.__cause__


def _every_file(directory: Any, x_arg: XArg) -> List[RevisionFile]:
    """Return the files of the migrations folder; not by ``look``, which on Alembic 1.4 loads them."""
    files: List[RevisionFile] = []

    def once() -> None:
        with divert_prints(), opened_config(directory, x_arg) as config:
            files[:] = revision_files(_scripts(config))

    guarded(once, settings())
    return files


def _report(config: Any, rev_range: str) -> Report:
    scripts = _scripts(config)
    chosen = scope.chosen(config, scripts, rev_range)
    files = [read(script.path) for script in chosen]
    kinds = {name: engine.dialect.name for name, engine in configured_engines(registered_state().db).items()}
    notes: List[str] = []
    found = [
        *several_heads(scripts),
        *(finding for file in files for finding in _read(file, kinds)),
        *_locking(config, scripts, list(zip(chosen, files)), kinds, notes),
    ]
    revisions = tuple(script.revision for script in chosen)
    return Report(revisions, in_order(found, [file.shown for file in files]), tuple(notes))


def _scripts(config: Any) -> Any:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(config)


def _read(file: RevisionFile, kinds: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what can be seen in a file as it is written."""
    conventions = getattr(_metadata(), "naming_convention", {})
    for up, down, bind in pairs(file):
        upgrade = operations(file, up)
        yield from lost(file, upgrade)
        yield from irreversible(file, up, down)
        if "sqlite" in _kinds(kinds, bind):
            for operation in [*upgrade, *operations(file, down)]:
                yield from unnamed(file, operation, conventions)


def _locking(
    config: Any, scripts: Any, chosen: Sequence[Tuple[Any, RevisionFile]], kinds: Mapping[str, str], notes: List[str]
) -> Iterator[Finding]:
    """Yield the long locks on PostgreSQL; what could not be judged goes into the notes."""
    concerned = [one for one in chosen if any("postgresql" in _kinds(kinds, bind) for _, _, bind in pairs(one[1]))]
    program = squawk.program()
    if not concerned:
        return
    if program is None:
        notes.append(squawk.NOT_INSTALLED)
        return
    names = ["" if name == "default" else name for name, kind in kinds.items() if kind == "postgresql"]
    judged = []
    for script, file in concerned:
        try:
            judged.append(squawk.Judged(file, listed(config, scripts, script, names, _metadata())))
        except MigrateError as error:
            notes.append(f"{file.shown}: its locks on PostgreSQL were not judged: {error.problem}")
    yield from squawk.locking(program, judged)


def _kinds(kinds: Mapping[str, str], bind: Optional[str]) -> Set[str]:
    """Return the kinds of the databases that a function is for: of all of them where that is not known."""
    of_bind = {re.sub(r"\W", "_", "" if name == "default" else name): kind for name, kind in kinds.items()}
    return {of_bind[bind]} if bind in of_bind else set(kinds.values())


def _metadata() -> Any:
    """Return the models' MetaData; None where the database object has none of its own."""
    return getattr(registered_state().db, "metadata", None)
