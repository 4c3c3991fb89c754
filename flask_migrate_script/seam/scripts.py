"""Revision files as Alembic's Scripts without running them: each is run when something asks for its module."""

from __future__ import annotations

import os
from functools import lru_cache
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Callable, Dict, Iterable, Iterator, List, MutableSet, Optional, Tuple, TypeVar

from ..failure_context import note_failures
from ..revisions.folder import find_folder
from ..revisions.usual import Head, may_change, read_usual_head

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory

T = TypeVar("T")


def read_without_running(scripts: ScriptDirectory) -> None:
    """Let a ScriptDirectory read the files of which it needs no more than their place in the history.

    :param scripts: one that has loaded nothing yet. Its revision map gets another source of its Scripts; whatever is
        not certain comes from Alembic's own, which runs the file.
    """
    from alembic.script.revision import RevisionMap

    own = _find_own_loading(scripts)
    if own is None or scripts.sourceless:
        return
    load_all, load_one = own

    def load() -> Iterable[Script]:
        files = _list_files(scripts)
        return load_all() if files is None else _read_files(files, load_one)

    scripts.revision_map = RevisionMap(load)


def _find_own_loading(
    scripts: ScriptDirectory,
) -> Optional[Tuple[Callable[[], Iterable[Script]], Callable[[str], Optional[Script]]]]:
    """Return what loads all files in Alembic, and what loads one; None where they have other names.

    ``ScriptDirectory._load_revisions()`` and ``Script._from_path(scripts, path)``, seen on Alembic 1.4 to 1.20.
    """
    from alembic.script import Script

    load_all = getattr(scripts, "_load_revisions", None)
    load_one = getattr(Script, "_from_path", None)
    if load_all is None or load_one is None:
        return None
    return load_all, lambda path: load_one(scripts, path)


def _read_files(files: Iterable[str], load: Callable[[str], Optional[Script]]) -> Iterator[Script]:
    make = _script_class()
    for path in files:
        head = _read_head(path)
        script = load(path) if head is None else make(head, path)
        if script is not None:
            yield script


def _read_head(path: str) -> Optional[Head]:
    """Return what places a file in the history, where literals say it."""
    try:
        with open(path, "rb", buffering=0) as file:
            source = file.read()
    except OSError:
        return None
    return read_usual_head(source) or _parse_head(path, source)


def _parse_head(path: str, source: bytes) -> Optional[Head]:
    """Return the same of a file that is not in the usual form."""
    from ..revisions.metadata import Unreadable, read_metadata

    if may_change(source):
        return None
    try:
        file = read_metadata(path)
    except Unreadable:
        return None
    return file.head


def _list_files(scripts: ScriptDirectory) -> Optional[List[str]]:
    """Return the revision files in the order in which Alembic loads them; None where it has more to say about them.

    Before it had ``recursive_version_locations`` (1.10) Alembic took the files of a folder as the system lists them,
    under the path that was configured; since then sorted, under the path that symbolic links lead to.
    """
    recursive = getattr(scripts, "recursive_version_locations", None)
    found: Dict[str, str] = {}
    try:
        for location in find_folder(scripts).locations:
            for path, real in _walk(location, recursive is not None, bool(recursive)):
                if real in found:
                    return None
                found[real] = path
    except OSError:
        return None
    return [*(found.values() if recursive is None else found)]


def _walk(folder: str, in_order: bool, recursive: bool) -> Iterator[Tuple[str, str]]:
    """Yield the paths of the revision files in a folder, each as it is found and where it really is."""
    with os.scandir(folder) as listed:
        entries = sorted(listed, key=lambda entry: entry.name) if in_order else list(listed)
    real_folder = os.path.realpath(folder)
    folders = []
    for entry in entries:
        name = entry.name
        if entry.is_dir():
            if recursive and not entry.is_symlink() and not name.endswith("__pycache__"):
                folders.append(entry.path)
        elif name.endswith(".py") and not name.startswith((".#", "__init__")):
            yield entry.path, os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(real_folder, name)
    for one in folders:
        yield from _walk(one, in_order, recursive)


@lru_cache(maxsize=None)
def _script_class() -> Callable[[Head, str], Script]:
    """Return the class of the Scripts whose file was not run; made here: Alembic is loaded where it is used."""
    from alembic import util
    from alembic.script import Script

    class UnrunScript(Script):
        """Alembic's Script, for all who see it."""

        def __init__(self, head: Head, path: str) -> None:
            self._docstring = head.docstring or ""
            self._module: Optional[ModuleType] = None
            super().__init__(head, head.revision, path)  # type: ignore[arg-type]  # it has what is read of a module

        @property
        def module(self) -> ModuleType:
            """The module; its file is run when it is first asked for.

            :raises Exception: whatever the file raises.
            """
            if self._module is None:
                with note_failures(path=self.path):
                    self._module = util.load_python_file(*os.path.split(self.path))
            return self._module

        @module.setter
        def module(self, module: ModuleType) -> None:
            if isinstance(module, ModuleType):
                self._module = module

        @property
        def longdoc(self) -> str:
            """The docstring."""
            return self._docstring.strip()

    return UnrunScript


def list_own_labels(script: Script) -> Tuple[str, ...]:
    """Return the branch labels that a revision gives itself, without those of the branch that it is in.

    ``Revision._orig_branch_labels``, seen on Alembic 1.4 to 1.20; where it is missing the module says it.
    """
    from alembic.util import to_tuple

    kept = getattr(script, "_orig_branch_labels", None)
    return tuple(kept if kept is not None else to_tuple(getattr(script.module, "branch_labels", None), default=()))


class QuickOrderedSet(MutableSet[T]):
    """A set in the order in which things were added, out of which one is taken as quickly as it is put in.

    SQLAlchemy's looks through a list: Alembic takes nearly every revision out of a set of all of them, twice.
    """

    def __init__(self, elements: Iterable[T] = ()) -> None:
        self._elements = dict.fromkeys(elements)

    def __contains__(self, element: object) -> bool:
        return element in self._elements

    def __iter__(self) -> Iterator[T]:
        return iter(self._elements)

    def __len__(self) -> int:
        return len(self._elements)

    def add(self, value: T) -> None:
        """Put one in."""
        self._elements[value] = None

    def discard(self, value: T) -> None:
        """Take one out, if it is there."""
        self._elements.pop(value, None)


def sort_heads_quickly() -> None:
    """Let Alembic keep the heads in a quick set while it finds them: of 10,000 revisions that is half of its time.

    ``alembic.script.revision.sqlautil.OrderedSet``, used for the heads alone; seen on Alembic 1.4 to 1.20. Where it is
    missing, Alembic is as quick as it is.
    """
    from alembic.script import revision

    known = getattr(revision, "sqlautil", None)
    if getattr(known, "OrderedSet", QuickOrderedSet) is not QuickOrderedSet:
        quick = SimpleNamespace(**{**vars(known), "OrderedSet": QuickOrderedSet})
        revision.sqlautil = quick  # type: ignore[assignment,attr-defined]  # a module there
