"""The other files of a migrations folder: env.py, alembic.ini and script.py.mako, and the folder itself."""

from __future__ import annotations

import os
import re
from typing import Any, Iterator, Optional

from ..errors import MigrateError
from ..seam.driver_errors import Cause
from .failure import AGAIN, UNCHANGED, Failure, is_users, name_module, put_on_one_line, shorten_path


def explain_settings(failure: Failure) -> Optional[MigrateError]:
    """An alembic.ini that configparser cannot read, or that logging cannot use."""
    exc: Any = failure.find_kind("Error")
    if exc is not None and type(exc).__module__ == "configparser":
        source = re.sub(r"\w*Path\('(.*?)'\)", r"\1", put_on_one_line(str(exc)))
        return MigrateError(f"alembic.ini: {source}", f"{UNCHANGED} {_FIX_INI}")
    modules = list(_walk_modules_below_the_user(failure))
    if isinstance(failure.exc, UnicodeDecodeError) and "configparser" in modules:
        return MigrateError(f"{_find_ini(failure) or 'alembic.ini'}: {failure.exc}", f"Save that file as UTF-8 {AGAIN}")
    if "logging.config" not in modules:
        return None
    path = _find_ini(failure)
    if path and not os.path.exists(path):
        return MigrateError(f"There is no {path}.", f"{UNCHANGED} {_RESTORE}")
    missing = f"it has no section for {failure.exc.args[0]!r}" if isinstance(failure.exc, KeyError) else failure.text
    return MigrateError(f"alembic.ini: logging cannot be set up from it: {missing}", f"{UNCHANGED} {_FIX_INI}")


_FIX_INI = f"Fix that file (alembic.ini in the migrations folder) {AGAIN}"


def _walk_modules_below_the_user(failure: Failure) -> Iterator[str]:
    """Yield the modules that the failure came through, innermost first, up to the user's code."""
    for frame, _ in failure.list_frames():
        if is_users(frame.f_code.co_filename):
            return
        yield name_module(frame)


def _find_ini(failure: Failure) -> str:
    """Return the configuration file that Alembic was given, empty where that is not known."""
    name = getattr(failure.context.config, "config_file_name", None)
    return shorten_path(name) if name else ""


def explain_template(failure: Failure) -> Optional[MigrateError]:
    """A script.py.mako that Mako cannot read; Alembic itself reports one that fails while it is filled in."""
    if not type(failure.exc).__module__.startswith("mako."):
        return None
    return MigrateError(
        f"script.py.mako: {put_on_one_line(failure.text)}",
        f"{UNCHANGED} Fix that file in the migrations folder {AGAIN}",
    )


def explain_clash(failure: Failure) -> Optional[MigrateError]:
    clash = re.search(r"multiple values for keyword argument '(\w+)'", failure.text)
    if not clash:
        return None
    return MigrateError(
        f"env.py passes {clash[1]} to context.configure twice.",
        f"{UNCHANGED} Take it out of env.py or out of the arguments of Migrate(…).",
    )


def explain_no_environment(failure: Failure) -> Optional[MigrateError]:
    """A folder without env.py: an ImportError in Alembic 1.20, a FileNotFoundError before."""
    exc = failure.exc
    words = str(exc)
    if not isinstance(exc, (ImportError, OSError)) or not re.search(r"env\.py['\"]?$", words):
        return None
    path = getattr(exc, "filename", None) or words.split()[-1].strip("'\"")
    folder = shorten_path(os.path.dirname(path))
    what = "it has no env.py" if os.path.isdir(folder) else "it is a file"
    return MigrateError(
        f"{folder} is not a migrations folder: {what}.",
        f"{UNCHANGED} Restore it, create another folder with {{line}} init -d FOLDER, or say where it is with -d.",
    )


def explain_os_error(failure: Failure) -> Optional[MigrateError]:
    exc = failure.exc
    if not isinstance(exc, OSError):
        return None
    path = shorten_path(exc.filename) if exc.filename else ""
    words = exc.strerror or str(exc)
    if failure.cause is Cause.DISK_FULL:
        return MigrateError(
            f"{path}: {words}" if path else words, "Make room on that disk, then run the command again."
        )
    return MigrateError(f"{path}: {words}" if path else words, _advise_on_os_error(path, words))


_RESTORE = "Restore that file; {line} init -d FOLDER makes a new folder to copy it from."


def _advise_on_os_error(path: str, words: str) -> str:
    if (isinstance(path, str) and path.endswith((".mako", ".ini"))) or "alembic.ini" in words or "config file" in words:
        return _RESTORE
    if re.search(r"[Nn]ot a directory|File exists", words):
        return "Choose another folder with -d."
    if "editor" in words.lower():
        return "Set the environment variable EDITOR to the editor to use."
    return "Check that the folder is there, that there is room, and that you may write to it."
