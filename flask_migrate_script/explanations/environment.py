"""Failures in env.py that are not env.py's: databases that are not configured, models that are not there, revisions
made for another kind of env.py."""

from __future__ import annotations

import linecache
import os
import re
from typing import Any, List, Mapping, Optional

from ..errors import MigrateError
from ..revisions.problems import describe_folder, list_revision_files, takes_an_argument
from ..seam.driver_errors import read_driver_error
from .failure import TRACEBACK, UNCHANGED, Failure, name_error, name_module, shorten_path


def explain_binds(failure: Failure) -> Optional[MigrateError]:
    """Answer where env.py asks for a database that the application has not."""
    name = _find_unknown_bind(failure)
    if name is None:
        return None
    binds = _list_configured_binds()
    have = f"the application's binds are: {', '.join(binds)}" if binds else "the application has no binds"
    if name in ("", "default"):
        return MigrateError(
            f"env.py asks for the default database, and the application has none; {have}.",
            f"{UNCHANGED} Set SQLALCHEMY_DATABASE_URI. To do without a default database, take it out of env.py:\n"
            "{line} init --multidb -d FOLDER makes one that migrates the binds alone.",
        )
    if _is_asking_for(failure, "metadata"):
        return MigrateError(
            f"env.py asks for the models of the bind {name}, and no model belongs to it.",
            f"{UNCHANGED} Give its models `__bind_key__ = {name!r}` and import them where the application is made,\n"
            "or take the bind out of env.py.",
        )
    return MigrateError(
        f"env.py asks for the database of the bind {name}, which is not configured; {have}.",
        f"{UNCHANGED} Add it to SQLALCHEMY_BINDS before db.init_app(app), or take it out of env.py.",
    )


def explain_metadata(failure: Failure) -> Optional[MigrateError]:
    """Answer where the object that Migrate was given has no MetaData, as Flask-SQLAlchemy-Lite's."""
    found = re.search(r"'(\w+)' object has no attribute '(?:metadata|metadatas|Model)'", failure.text)
    place = _find_env_py(failure)
    if found is None or place is None or not isinstance(failure.exc, AttributeError):
        return None
    return MigrateError(
        f"{place}: the {found[1]} object given to Migrate(app, db) has no metadata.",
        f"{UNCHANGED} In env.py, take target_metadata from the models: for example Base.metadata.",
    )


def explain_url_without_database(failure: Failure) -> Optional[MigrateError]:
    """MySQL connects without a database, and refuses the first statement that needs one."""
    exc = failure.database_error
    refused = exc is not None and read_driver_error(exc).number == _NO_DATABASE
    if not refused and not _has_no_schema(failure):
        return None
    return MigrateError(
        "The database URL names no database.",
        f"{UNCHANGED} Write its name at the end of SQLALCHEMY_DATABASE_URI: mysql+pymysql://user@host/DATABASE",
    )


_NO_DATABASE = 1046  # ER_NO_DB_ERROR


def _has_no_schema(failure: Failure) -> bool:
    """SQLAlchemy 2 asserts in has_table() that a connection to MySQL has a database."""
    asserted = isinstance(failure.exc, AssertionError) and _find_innermost(failure).startswith(
        "sqlalchemy.dialects.mysql"
    )
    return asserted and failure.list_frames()[0][0].f_code.co_name == "has_table"


def explain_number_of_databases(failure: Failure) -> Optional[MigrateError]:
    """Answer where revisions were made for one database and env.py is for several, or the other way round."""
    found = re.match(r"(?:\w+\.)?((?:up|down)grade)\(\) .*argument", failure.text)
    if not isinstance(failure.exc, TypeError) or found is None or not _is_calling_steps(_find_innermost(failure)):
        return None
    several = ("engine_name" in failure.text and "unexpected" in failure.text) or "takes 0 positional" in failure.text
    function, revision = found[1], failure.context.revision
    names = [] if revision else _list_revisions_that_take(failure, function, not several)
    who = f"Revision {revision}" if revision else names[0] if names else "A revision"
    others = f" So were {len(names) - 1} others." if len(names) > 1 else ""
    if several:
        return MigrateError(
            f"{who} was made for one database, and env.py is for several: {function}() takes no engine_name.{others}",
            "Write `def upgrade(engine_name):` and `def downgrade(engine_name):` in it, with\n"
            "`if engine_name == '':` for what is only for the default database.",
        )
    return MigrateError(
        f"{who} was made for several databases, and env.py is for one: {function}() wants an engine_name.{others}",
        "Use the env.py that it was made with ({line} init --multidb -d FOLDER makes one), or write\n"
        "`def upgrade():` and `def downgrade():` in it.",
    )


def _is_calling_steps(module: str) -> bool:
    """Return whether a module calls upgrade() and downgrade(): Alembic, or the seam around them."""
    return module == "alembic.runtime.migration" or module.startswith("flask_migrate_script.")


def explain_users_code(failure: Failure) -> Optional[MigrateError]:
    """A revision file, env.py or the application's own code that fails while it runs."""
    place = failure.find_users_frame()
    if place is None:
        return None
    frame, line = place
    return MigrateError(
        f"{shorten_path(frame.f_code.co_filename)}, line {line}: {name_error(failure.exc)}",
        f"Fix that file and run the command again; {TRACEBACK}",
    )


def _find_unknown_bind(failure: Failure) -> Optional[str]:
    """Return the bind that was asked for and is not there, empty for the default one; None for another failure."""
    found = re.match(r"Bind (?:key )?'(.*?)' is not (?:specified|in)", failure.text)  # Flask-SQLAlchemy 2 and 3
    if found:
        return found[1]
    if re.match(r"'NoneType' object has no attribute '(?:url|connect|replace)'", failure.text):
        return _find_first_without_engine() if _is_asking_for(failure, "engine") else None
    if not isinstance(failure.exc, KeyError) or not failure.exc.args:
        return None
    asks = _is_asking_for(failure, "engine") or _is_asking_for(failure, "metadata")
    return str(failure.exc.args[0] or "") if asks else None


def _is_asking_for(failure: Failure, what: str) -> bool:
    """Return whether the line of the user's file that fails asks Flask-SQLAlchemy for engines, or metadatas."""
    frame = failure.find_users_frame()
    inner = _find_innermost(failure).partition(".")[0]
    if frame is None or not (inner.startswith("flask_sqlalchemy") or frame[0] is failure.list_frames()[0][0]):
        return False
    line = linecache.getline(frame[0].f_code.co_filename, frame[1])
    return _ASKING[what].search(line) is not None


_ASKING = {
    "engine": re.compile(r"engines?\b|SQLALCHEMY_DATABASE_URI"),
    "metadata": re.compile(r"metadatas\b"),
}


def _find_first_without_engine() -> Optional[str]:
    """Return the first database that has no engine, empty for the default one; None where that is not known."""
    from flask import current_app

    state: Any = current_app.extensions.get("migrate")
    engines = getattr(getattr(state, "db", None), "engines", None)
    if not isinstance(engines, Mapping):
        return None
    if None not in engines and "default" not in engines:
        return ""
    return next((bind for bind in _list_configured_binds() if bind not in engines), None)


def _find_innermost(failure: Failure) -> str:
    return name_module(failure.list_frames()[0][0]) if failure.list_frames() else ""


def _find_env_py(failure: Failure) -> str:
    """Return where env.py failed, or what it called in the application; empty for another place."""
    place = failure.find_users_frame()
    if place is None or os.path.basename(place[0].f_code.co_filename) != "env.py":
        return ""
    return f"{shorten_path(place[0].f_code.co_filename)}, line {place[1]}"


def _list_configured_binds() -> List[str]:
    from flask import current_app

    from ..databases import list_binds

    state: Any = current_app.extensions.get("migrate") if current_app else None
    return list_binds(state.db) if state is not None else []


def _list_revisions_that_take(failure: Failure, function: str, argument: bool) -> List[str]:
    """Return the files whose function can be called with an argument, or cannot."""
    config = failure.context.config
    paths = list_revision_files(describe_folder(config)) if config else []
    return [shorten_path(path) for path in paths if takes_an_argument(path, function) is argument]
