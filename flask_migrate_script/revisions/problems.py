"""What is wrong with a migrations folder, found in its files: nothing in it is run.

Asked where Alembic has failed or warned, and by lint. What is not written as a literal is left to Alembic: then what
depends on it is not claimed.
"""

from __future__ import annotations

import ast
import os
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from ..errors import MigrateError
from .folder import Folder, find_folder
from .metadata import (
    RevisionFile,
    Unreadable,
    describe_file,
    list_names_at_the_top,
    parse_source,
    read_metadata,
    read_source,
)

if TYPE_CHECKING:
    from alembic.config import Config

UNREADABLE = ("no-access", "nul-byte", "encoding", "python-2", "syntax-error")
INCOMPLETE = ("no-revision", "no-down-revision", "revision-type", "no-function")
GRAPH = ("duplicate-revision", "missing-parent", "missing-dependency", "cycle")
FOLDER = ("no-folder", "no-environment", "no-versions")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a migrations folder.

    :param name: what kind it is: one of ``UNREADABLE``, ``INCOMPLETE``, ``GRAPH`` or ``FOLDER``.
    :param path: the file or folder, absolute.
    :param line: its line in the file, from 1; 0 where there is none.
    :param revision: the revision of that file; None where it is not known.
    :param thing: what it is about: the revision that is missing or doubled, the function that the file lacks, the words
        of Python; of a cycle the revisions.
    :param other: the second file, absolute, of two with one identifier.
    """

    name: str
    path: str
    line: int = 0
    revision: Optional[str] = None
    thing: str = ""
    other: str = ""


def describe_folder(config: Config) -> Folder:
    """Return the migrations folder of a Config; it need not be there.

    :raises CommandError: Alembic's, if the configuration names none.
    """
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError, coerce_resource_to_filename

    try:
        return find_folder(ScriptDirectory.from_config(config))
    except CommandError:
        location = config.get_main_option("script_location")
        if location is None:
            raise
    path = os.path.abspath(str(coerce_resource_to_filename(location)))
    return Folder(path, (os.path.join(path, "versions"),))


def list_revision_files(folder: Folder) -> List[str]:
    """Return the files that Alembic would load as revisions, absolute, sorted; each once."""
    found = {path for location in folder.locations for path in _list_python_files(location, folder.recursive)}
    return sorted({os.path.realpath(path): path for path in sorted(found)}.values())


def find_problems(folder: Folder) -> List[Problem]:
    """Return what is wrong with a folder, the worst first: what comes first may be the reason of what follows."""
    if not os.path.isdir(folder.path):
        return [Problem("no-folder", folder.path)]
    found = list(_find_missing_environment(folder))
    files: List[RevisionFile] = []
    for path in list_revision_files(folder):
        try:
            tree = parse_source(path, read_source(path))
        except Unreadable as exc:
            found.append(Problem(exc.kind, exc.path, exc.line, thing=exc.words))
        else:
            files.append(describe_file(path, tree))
            found += _find_incomplete(files[-1], tree)
    unseen = any(problem.name in UNREADABLE for problem in found) or _has_compiled_alone(folder)
    return [*found, *find_graph_problems(files, all_known=not unseen)]


def find_graph_problems(files: Sequence[RevisionFile], all_known: bool = True) -> List[Problem]:
    """Return what keeps revisions from making one graph.

    :param all_known: these are all revisions there are, so that one which is in none of them is missing.
    """
    by_revision: Dict[str, List[RevisionFile]] = defaultdict(list)
    for file in files:
        if file.revision is not None:
            by_revision[file.revision].append(file)
    found = [_report_duplicate(first, other) for first, *others in by_revision.values() for other in others]
    if all_known and all(file.revision is not None for file in files):
        labels_known = not any("branch_labels" in file.unknown for file in files)
        labels = {label for file in files for label in file.branch_labels} if labels_known else None
        found += [problem for file in files for problem in _find_missing(file, list(by_revision), labels)]
    cycle = find_cycle(files)
    if cycle:
        first = min((file for file in files if file.revision in cycle), key=lambda file: file.path)
        found.append(Problem("cycle", first.path, first.find_line("down_revision"), first.revision, ", ".join(cycle)))
    return found


def find_cycle(files: Sequence[RevisionFile]) -> Tuple[str, ...]:
    """Return the revisions that follow, or depend on, one another in a circle, sorted; nothing where there is none."""
    known = {file.revision: file for file in files if file.revision}
    labels = {label: revision for revision, file in known.items() for label in file.branch_labels}
    left = {
        revision: {*file.parents, *(_resolve(name, list(known), labels) for name in file.depends_on)}
        for revision, file in known.items()
    }
    while True:
        followed = {parent for parents in left.values() for parent in parents}
        kept = {one: parents for one, parents in left.items() if parents & set(left) and one in followed}
        if len(kept) == len(left):
            return tuple(sorted(left))
        left = kept


def find_heads(files: Sequence[RevisionFile]) -> Optional[Tuple[str, ...]]:
    """Return the revisions that none follows, sorted; None where not every file says what it is."""
    if not all(file.revision and "down_revision" not in file.unknown for file in files):
        return None
    followed = {parent for file in files for parent in file.parents}
    return tuple(sorted({file.revision for file in files if file.revision} - followed))


def refuse_cycles(config: Config) -> None:
    """Raise where revisions follow one another in a circle, for an Alembic that does not see it.

    Alembic 1.4 leaves them out of everything, without a word, and reports success; newer ones raise CycleDetected.

    :raises MigrateError: with the revisions of the circle.
    """
    files = []
    for path in list_revision_files(describe_folder(config)):
        try:
            files.append(read_metadata(path))
        except Unreadable:
            return  # Alembic loads the file next, and its error is the one to explain
    cycle = find_cycle(files)
    if cycle:
        raise MigrateError(f"Cycle is detected in revisions ({', '.join(cycle)})", CYCLE_ADVICE)


CYCLE_ADVICE = (
    "Nothing was changed. Correct `down_revision` or `depends_on` in one of these files: no revision can follow itself."
)


UNKNOWN_VERSION = (
    "Restore its file (another branch of the code may have it), or, if the schema is that of\n"
    "another revision, say so: {db} stamp --purge REVISION"
)
"""What to do where a database is at a revision that no file has."""


def takes_an_argument(path: str, function: str) -> Optional[bool]:
    """Return whether a function at the top of a revision file can be called with an argument; None if not known."""
    try:
        defined = list_names_at_the_top(parse_source(path, read_source(path)))
    except Unreadable:
        return None
    found = (defined or {}).get(function)
    if not isinstance(found, ast.FunctionDef):
        return None
    arguments = found.args
    return bool(arguments.args or arguments.kwonlyargs or arguments.vararg or arguments.kwarg)


def _find_missing_environment(folder: Folder) -> Iterator[Problem]:
    if not os.path.exists(os.path.join(folder.path, "env.py")):
        yield Problem("no-environment", folder.path)
    for location in folder.locations:
        if not os.path.isdir(location):
            yield Problem("no-versions", location)


def _find_incomplete(file: RevisionFile, tree: ast.Module) -> Iterator[Problem]:
    """Yield what a file lacks that Alembic needs of it."""
    if not file.is_given("revision") and file.revision is None:
        yield Problem("no-revision", file.path)
    elif not file.is_given("down_revision"):
        yield Problem("no-down-revision", file.path, revision=file.revision)
    for name in ("revision", "down_revision"):
        value = file.values.get(name)
        if _is_no_identifier(value, name):
            yield Problem("revision-type", file.path, file.find_line(name), file.revision, f"`{name}` is {value!r}")
    defined = list_names_at_the_top(tree)
    for function in ("upgrade", "downgrade"):
        if defined is not None and function not in defined:
            yield Problem("no-function", file.path, revision=file.revision, thing=function)


def _is_no_identifier(value: Any, name: str) -> bool:
    if name == "revision":
        return value is not None and not isinstance(value, str)
    several = value if isinstance(value, (tuple, list, set)) else (value,)
    return not all(one is None or isinstance(one, str) for one in several)


def _report_duplicate(first: RevisionFile, other: RevisionFile) -> Problem:
    revision = other.revision or ""
    return Problem("duplicate-revision", other.path, other.find_line("revision"), revision, revision, first.path)


def _find_missing(file: RevisionFile, known: Sequence[str], labels: Optional[Set[str]]) -> Iterator[Problem]:
    for parent in file.parents:
        if parent not in known:
            yield Problem("missing-parent", file.path, file.find_line("down_revision"), file.revision, parent)
    for name in file.depends_on:
        if labels is not None and not _is_named(name, known, labels):
            yield Problem("missing-dependency", file.path, file.find_line("depends_on"), file.revision, name)


def _is_named(dependency: str, known: Sequence[str], labels: Set[str]) -> bool:
    """Unlike a parent, a dependency may be a branch label, or the beginning of an identifier."""
    return dependency in labels or "@" in dependency or any(revision.startswith(dependency) for revision in known)


def _resolve(dependency: str, known: Sequence[str], labels: Dict[str, str]) -> str:
    if dependency in known:
        return dependency
    begun = [revision for revision in known if revision.startswith(dependency)]
    return labels.get(dependency) or (begun[0] if len(begun) == 1 else dependency)


def _list_python_files(folder: str, recursive: bool) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if recursive and one != "__pycache__"]
        yield from (os.path.join(root, one) for one in names if _is_revision(one))


def _is_revision(name: str) -> bool:
    return name.endswith(".py") and not name.startswith(("__init__", ".#"))


def _has_compiled_alone(folder: Folder) -> bool:
    """Return whether there may be revisions that only their compiled files know."""
    if not folder.compiled:
        return False
    sources = {os.path.basename(path).partition(".")[0] for path in list_revision_files(folder)}
    return any(
        name.endswith((".pyc", ".pyo")) and name.partition(".")[0] not in {*sources, "__init__"}
        for location in folder.locations
        for _, _, names in os.walk(location)
        for name in names
    )
