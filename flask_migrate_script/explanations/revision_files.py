"""Revision files that cannot be read, and revisions that do not make a graph: the files say what is wrong.

Alembic's failure only says that something is; what it is, and in which file, is found by ``history.problems``.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, List, Optional, Sequence

from ..errors import MigrateError
from ..revisions.problems import CYCLE_ADVICE, GRAPH, INCOMPLETE, UNREADABLE, Problem, describe_folder, find_problems
from .failure import AGAIN, UNCHANGED, Failure, is_alembics, name_module, shorten_path


def explain_revision_files(failure: Failure) -> Optional[MigrateError]:
    """Ask the files where the failure is one that they can be the reason of."""
    if _CYCLE.search(failure.text):
        return MigrateError(failure.text, CYCLE_ADVICE)  # Alembic's words name the revisions
    suspected = _list_suspects(failure)
    if not suspected:
        return None
    found = [problem for problem in find_folder_problems(failure) if problem.name in suspected]
    problem = next((one for one in found if one.thing and one.thing in failure.text), found[0] if found else None)
    return answer_problem(problem) if problem else _answer_from_words(failure)


def find_folder_problems(failure: Failure) -> List[Problem]:
    """Return what is wrong with the migrations folder; nothing where it is not known which one that is."""
    config = failure.context.config
    try:
        return find_problems(describe_folder(config)) if config else []
    except Exception:  # alembic.ini, or what a callback made of the Config: that has its own explanation
        return []


def answer_problem(problem: Problem) -> MigrateError:
    """Return the error that says what is wrong with a file, and what to do."""
    return _ANSWERS[problem.name](problem)


_DUPLICATE = re.compile(r"Revision (\S+) is present more than once")
_MISSING = re.compile(r"Revision (\S+) referenced from .* is not present", re.DOTALL)
_CYCLE = re.compile(r"\b(?:cycle|self-loop) is detected", re.IGNORECASE)
_LACKS = re.compile(r"module '.*' has no attribute '(revision|down_revision|upgrade|downgrade)'")


def _list_suspects(failure: Failure) -> Sequence[str]:
    """Return the kinds of problem that an exception, by its class, its words and where it was raised, can come of."""
    exc, text = failure.exc, failure.text
    if isinstance(exc, (SyntaxError, UnicodeDecodeError)) or (isinstance(exc, ValueError) and "null bytes" in text):
        return UNREADABLE
    if _DUPLICATE.match(text):
        return ("duplicate-revision",)
    if _MISSING.match(text):
        return ("missing-parent", "missing-dependency")
    if is_alembics(failure) or not failure.list_frames():
        return ()
    module = name_module(failure.list_frames()[0][0])
    if _LACKS.search(text) and module.startswith("alembic."):
        return INCOMPLETE
    if module.startswith("alembic.script"):
        return ("no-down-revision", "revision-type", *GRAPH)
    return ("revision-type",) if module.startswith("alembic.") else ()


def _answer_from_words(failure: Failure) -> Optional[MigrateError]:
    """Answer from what Alembic says, where the files do not say it in literals."""
    exc, text = failure.exc, failure.text
    found = _DUPLICATE.match(text)
    if found:
        return MigrateError(f"Two revision files have the id {found[1]}.", _DUPLICATE_ADVICE)
    found = _MISSING.match(text)
    if found:
        return MigrateError(
            f"A revision names {found[1]}, which is in no file.",
            _advise_to_restore(found[1], "down_revision` or `depends_on"),
        )
    if isinstance(exc, SyntaxError):
        line = f", line {exc.lineno}" if exc.lineno else ""
        return MigrateError(
            f"{shorten_path(exc.filename) if exc.filename else 'A file'}{line}: {exc.msg}", f"Fix that file {AGAIN}"
        )
    return None


def _explain_unreadable(problem: Problem) -> MigrateError:
    line = f", line {problem.line}" if problem.line else ""
    return MigrateError(f"{shorten_path(problem.path)}{line}: {problem.thing}", f"{_HOW_TO_READ[problem.name]} {AGAIN}")


_HOW_TO_READ = {
    "no-access": "Make that file readable",
    "nul-byte": "Fix that file",
    "encoding": "Save that file as UTF-8",
    "python-2": "Rewrite that line for Python 3",
    "syntax-error": "Fix that file",
}


def _explain_incomplete(problem: Problem) -> MigrateError:
    what = {
        "no-revision": " has no revision.",
        "no-down-revision": " has no down_revision.",
        "no-function": f" has no {problem.thing}().",
        "revision-type": f", line {problem.line}: {problem.thing}, which is no string.",
    }
    return MigrateError(
        f"{shorten_path(problem.path)}{what[problem.name]}",
        f"{UNCHANGED} A revision file has `revision` and `down_revision` (a string, or None for the first),\n"
        "upgrade() and downgrade(). What is no revision belongs in another folder.",
    )


def _explain_duplicate(problem: Problem) -> MigrateError:
    both = f"{shorten_path(problem.other)} and {shorten_path(problem.path)}"
    return MigrateError(f"Two revision files have the id {problem.thing}: {both}.", _DUPLICATE_ADVICE)


_DUPLICATE_ADVICE = f"{UNCHANGED} Give one of them an id of its own (`revision = …` in the file), or remove it."


def _explain_missing(problem: Problem) -> MigrateError:
    verb, name = ("follows", "down_revision") if problem.name == "missing-parent" else ("depends on", "depends_on")
    return MigrateError(
        f"{shorten_path(problem.path)}: revision {problem.revision} {verb} {problem.thing}, which is in no file.",
        _advise_to_restore(problem.thing, name),
    )


def _advise_to_restore(revision: str, name: str) -> str:
    return (
        f"{UNCHANGED} Restore the file of {revision} (another branch of the code may have it), or correct\n"
        f"`{name}` in the one that names it."
    )


def _explain_cycle(problem: Problem) -> MigrateError:
    return MigrateError(f"Cycle is detected in revisions ({problem.thing})", CYCLE_ADVICE)


_ANSWERS: Dict[str, Callable[[Problem], MigrateError]] = {
    **dict.fromkeys(UNREADABLE, _explain_unreadable),
    **dict.fromkeys(INCOMPLETE, _explain_incomplete),
    "duplicate-revision": _explain_duplicate,
    "missing-parent": _explain_missing,
    "missing-dependency": _explain_missing,
    "cycle": _explain_cycle,
}
