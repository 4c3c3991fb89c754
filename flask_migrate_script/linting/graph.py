"""Revisions that do not make one line: found in the files, before Alembic gives up on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, Iterator, List, Sequence

from .. import invocation
from ..explanations.failure import shorten_path
from ..revisions.folder import find_folder
from ..revisions.problems import Problem, find_graph_problems, list_revision_files
from .files import ParsedFile, read_file
from .findings import Finding

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory


def read_revision_files(scripts: ScriptDirectory) -> List[ParsedFile]:
    """Return the revision files of a migrations folder, sorted by path.

    :param scripts: Alembic's ScriptDirectory; nothing in it is loaded.
    """
    return [read_file(path) for path in list_revision_files(find_folder(scripts))]


def find_broken(files: Sequence[ParsedFile]) -> Iterator[Finding]:
    """Yield what keeps the files from making one graph: no command gets past it."""
    for problem in find_graph_problems([file.metadata for file in files]):
        yield _FINDINGS[problem.name](problem)


def find_several_heads(scripts: ScriptDirectory) -> Iterator[Finding]:
    """Yield the finding where more than one revision is followed by none.

    :param scripts: Alembic's ScriptDirectory.
    """
    heads = sorted(scripts.get_heads())
    files = [read_file(scripts.get_revision(head).path) for head in heads]
    if len(heads) > 1 and not any(file.allows("two-heads", file.find_line("revision")) for file in files):
        last, db = files[-1], invocation.get_invocation().words
        yield Finding(
            "two-heads",
            last.shown,
            last.find_line("revision"),
            last.revision,
            f"there are {len(heads)} heads: {', '.join(heads)}",
            "upgrade and migrate do not know which one is meant, and refuse.",
            f'{db} merge heads -m "…" joins them; or let one of them follow the other in its down_revision.',
        )


def _report_duplicate(problem: Problem) -> Finding:
    return _report(
        problem,
        "duplicate-revision",
        f"{shorten_path(problem.other)} has the id {problem.thing} too",
        "Alembic knows only one of them: the other is never run, or no command works at all.",
        "Give this file an id of its own, or remove it.",
    )


def _report_missing(problem: Problem) -> Finding:
    follows = problem.name == "missing-parent"
    return _report(
        problem,
        "missing-parent",
        f"{problem.revision} {'follows' if follows else 'depends on'} {problem.thing}, which is in no file",
        "No command works until the way from the first revision to this one is whole.",
        f"Restore the file of {problem.thing} (another branch of the code may have it), or correct"
        f" {'down_revision' if follows else 'depends_on'}.",
    )


def _report_cycle(problem: Problem) -> Finding:
    return _report(
        problem,
        "cycle",
        f"these revisions follow one another in a circle: {problem.thing}",
        "Alembic cannot tell which one comes first: no command works.",
        "Correct down_revision or depends_on in one of their files.",
    )


def _report(problem: Problem, name: str, what: str, why: str, instead: str) -> Finding:
    return Finding(name, shorten_path(problem.path), problem.line or 1, problem.revision, what, why, instead)


_FINDINGS: Dict[str, Callable[[Problem], Finding]] = {
    "duplicate-revision": _report_duplicate,
    "missing-parent": _report_missing,
    "missing-dependency": _report_missing,
    "cycle": _report_cycle,
}
