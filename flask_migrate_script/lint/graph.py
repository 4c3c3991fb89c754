"""Revisions that do not make one line: read from the files, before Alembic gives up on them."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from .. import invocation
from .files import RevisionFile, read
from .findings import Finding


def revision_files(scripts: Any) -> List[RevisionFile]:
    """Return the revision files of a migrations folder, sorted by path.

    :param scripts: Alembic's ScriptDirectory; nothing in it is loaded.
    """
    from alembic.util import coerce_resource_to_filename

    given = scripts.version_locations or [os.path.join(scripts.dir, "versions")]
    folders = [os.path.abspath(str(coerce_resource_to_filename(str(one)))) for one in given]
    recursive = getattr(scripts, "recursive_version_locations", False)  # Alembic 1.10 and newer
    return [read(path) for path in sorted({path for folder in folders for path in _python_files(folder, recursive)})]


def broken(files: Sequence[RevisionFile]) -> Iterator[Finding]:
    """Yield the files that share an identifier, and those that follow a revision which is in no file."""
    by_revision: Dict[str, List[RevisionFile]] = defaultdict(list)
    for file in files:
        if file.revision is not None:
            by_revision[file.revision].append(file)
    for first, *others in by_revision.values():
        yield from (_duplicate(first, other) for other in others)
    if all(file.revision for file in files):
        labels = {label for file in files for label in _names(file.value("branch_labels"))}
        for file in files:
            yield from _orphaned(file, list(by_revision), labels)


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


def _duplicate(first: RevisionFile, other: RevisionFile) -> Finding:
    return Finding(
        "duplicate-revision",
        other.shown,
        other.line("revision"),
        other.revision,
        f"{first.shown} has the id {other.revision} too",
        "Alembic knows only one of them: the other is never run, or no command works at all.",
        "Give this file an id of its own, or remove it.",
    )


def _orphaned(file: RevisionFile, known: Sequence[str], labels: Any) -> Iterator[Finding]:
    for name, verb in (("down_revision", "follows"), ("depends_on", "depends on")):
        for parent in _names(file.value(name)):
            if parent not in known and (name == "down_revision" or not _is_named(parent, known, labels)):
                yield Finding(
                    "missing-parent",
                    file.shown,
                    file.line(name),
                    file.revision,
                    f"{file.revision} {verb} {parent}, which is in no file",
                    "No command works until the way from the first revision to this one is whole.",
                    f"Restore the file of {parent} (another branch of the code may have it), or correct {name}.",
                )


def _is_named(dependency: str, known: Sequence[str], labels: Any) -> bool:
    """Unlike a parent, a dependency may be a branch label, or the beginning of an identifier."""
    return dependency in labels or "@" in dependency or any(revision.startswith(dependency) for revision in known)


def _names(value: Any) -> Tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(one for one in value or () if isinstance(one, str))


def _python_files(folder: str, recursive: bool) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if recursive and one != "__pycache__"]
        yield from (os.path.join(root, one) for one in names if _is_revision(one))


def _is_revision(name: str) -> bool:
    return name.endswith(".py") and not name.startswith(("__init__", ".#"))
