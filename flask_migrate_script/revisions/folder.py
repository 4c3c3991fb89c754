"""The migrations folder, as Alembic's configuration describes it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Tuple

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory


class Folder(NamedTuple):
    """A migrations folder, as Alembic's configuration describes it.

    :param path: absolute.
    :param locations: the folders of its revision files, absolute.
    :param recursive: their subfolders count too.
    :param compiled: revision files without their source count too (``sourceless``).
    """

    path: str
    locations: Tuple[str, ...]
    recursive: bool = False
    compiled: bool = False


def find_folder(scripts: ScriptDirectory) -> Folder:
    """Return the folder of a ScriptDirectory; nothing in it is loaded."""
    from alembic.util import coerce_resource_to_filename

    given = scripts.version_locations or [os.path.join(str(scripts.dir), "versions")]
    locations = tuple(os.path.abspath(str(coerce_resource_to_filename(str(one)))) for one in given)
    recursive = getattr(scripts, "recursive_version_locations", False)  # Alembic 1.10 and newer
    return Folder(os.path.abspath(str(scripts.dir)), locations, bool(recursive), bool(scripts.sourceless))
