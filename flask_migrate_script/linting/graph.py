"""Revisions that do not make one line: found in the files, before Alembic gives up on them."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Sequence

from .. import invocation
from ..explanations.failure import shown
from ..revisions.problems import Problem, find_graph_problems, folder_of, list_revision_files
from .files import ParsedFile, read
from .findings import Finding


def revision_files(scripts: Any) -> List[ParsedFile]:
    """Return the revision files of a migrations folder, sorted by path.

    :param scripts: Alembic's ScriptDirectory; nothing in it is loaded.
    """
    return [read(path) for path in list_revision_files(folder_of(scripts))]


def broken(files: Sequence[ParsedFile]) -> Iterator[Finding]:
    """Yield what keeps the files from making one graph: no command gets past it."""
    for problem in find_graph_problems([file.metadata for file in files]):
        yield _FINDINGS[problem.name](problem)


def several_heads(scripts: Any) -> Iterator[Finding]:
    """Yield the finding where more than one revision is followed by none.

    :param scripts: Alembic's ScriptDirectory.
    """
    heads = sorted(scripts.get_heads())
    files = [read(scripts.get_revision(head).path) for head in heads]
    if len(heads) > 1 and not any(file.allows("two-heads", file.line("revision")) for file in files):
        last, db = files[-1], invocation.get_invocation().words
        yield Finding(
            "two-heads",
            last.shown,
            last.line("revision"),
            last.revision,
            f"there are {len(heads)} heads: {', '.join(heads)}",
            "upgrade and migrate do not know which one is meant, and refuse.",
            f'{db} merge heads -m "…" joins them; or let one of them follow the other in its down_revision.',
        )


def _duplicate(problem: Problem) -> Finding:
    return _finding(
        problem,
        "duplicate-revision",
        f"{shown(problem.other)} has the id {problem.thing} too",
        "Alembic knows only one of them: the other is never run, or no command works at all.",
        "Give this file an id of its own, or remove it.",
    )


def _missing(problem: Problem) -> Finding:
    follows = problem.name == "missing-parent"
    return _finding(
        problem,
        "missing-parent",
        f"{problem.revision} {'follows' if follows else 'depends on'} {problem.thing}, which is in no file",
        "No command works until the way from the first revision to this one is whole.",
        f"Restore the file of {problem.thing} (another branch of the code may have it), or correct"
        f" {'down_revision' if follows else 'depends_on'}.",
    )


def _cycle(problem: Problem) -> Finding:
    return _finding(
        problem,
        "cycle",
        f"these revisions follow one another in a circle: {problem.thing}",
        "Alembic cannot tell which one comes first: no command works.",
        "Correct down_revision or depends_on in one of their files.",
    )


def _finding(problem: Problem, name: str, what: str, why: str, instead: str) -> Finding:
    return Finding(name, shown(problem.path), problem.line or 1, problem.revision, what, why, instead)


_FINDINGS: Dict[str, Callable[[Problem], Finding]] = {
    "duplicate-revision": _duplicate,
    "missing-parent": _missing,
    "missing-dependency": _missing,
    "cycle": _cycle,
}
