"""Binds that lead to one database: it would be migrated twice at once, and the second time wait for the first."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence, Tuple

from ..databases import identify_database, name_engines, shown_url
from ..errors import MigrateError
from ..seam.driver import driver_connection, run

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.engine import Engine

_SCHEMAS = {"postgresql": "SELECT current_schema()"}
"""Where one database has several schemas, each may be a bind of its own: it has a version table of its own."""


def refuse_shared_databases(config: Config, db: Any, chosen: Sequence[str]) -> None:
    """Look whether two of the binds that a run is for lead to the same database, before it begins.

    Asks the databases only where two URLs may name the same one, and env.py is for several databases.

    :param chosen: the names of the binds; none for all.
    :raises MigrateError: if two do.
    """
    if len(chosen) == 1 or not _is_for_several(config):
        return
    try:
        engines = {name: engine for name, engine in name_engines(db).items() if not chosen or name in chosen}
    except Exception:  # a bind that has no engine: env.py makes it next, and its error is the one to show
        return
    found: Dict[str, str] = {}
    for one, other in combinations(engines, 2):
        if _may_be_the_same(engines[one], engines[other]):
            for name in (one, other):
                if name not in found:
                    found[name] = _identify(engines[name])
            if found[one] and found[one] == found[other]:
                raise _make_error((one, engines[one]), (other, engines[other]))


def _make_error(one: Tuple[str, Engine], other: Tuple[str, Engine]) -> MigrateError:
    places = dict.fromkeys(shown_url(engine.url) for _, engine in (one, other))
    return MigrateError(
        f"The binds {one[0]!r} and {other[0]!r} lead to the same database: {' and '.join(places)}",
        "Nothing was changed. Give each of them a database of its own in SQLALCHEMY_BINDS, or run the command\n"
        f"for one of them: --bind {one[0]}",
    )


def _is_for_several(config: Config) -> bool:
    """Return whether env.py is for several databases: it names each of them in ``upgrade_token``.

    One that says by itself where the version table is may keep several in one database.
    """
    try:
        path = os.path.join(config.get_main_option("script_location") or "", "env.py")
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError):
        return False  # Alembic reads the file next, and its error is the one to show
    return "_upgrades" in text and "version_table" not in text


def _may_be_the_same(one: Engine, other: Engine) -> bool:
    """Return whether two URLs may lead to the same database: hosts and ports have many names, a database has one."""
    if one.dialect.name != other.dialect.name:
        return False
    if one.dialect.name == "sqlite":
        return _may_be_the_same_file(str(one.url.database or ""), str(other.url.database or ""))
    names = [str(engine.url.database or "").lower() for engine in (one, other)]
    return names[0] == names[1] or "" in names


def _may_be_the_same_file(one: str, other: str) -> bool:
    """Return whether two paths may lead to one file; ``file:`` begins a URI, which SQLite reads."""
    if one in ("", ":memory:") or other in ("", ":memory:"):
        return False
    if one.startswith("file:") or other.startswith("file:"):
        return True
    with suppress(OSError):  # one is not there yet
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)


def _identify(engine: Engine) -> str:
    """Return what a database says that it is; empty where it cannot be asked: env.py fails next, with its own error."""
    dialect = engine.dialect.name
    if getattr(engine.dialect, "is_async", False):
        return ""
    try:
        with engine.connect() as connection:
            ask = partial(run, driver_connection(connection))
            identity = identify_database(dialect, ask)
            schema: Optional[Any] = ask(_SCHEMAS[dialect])[0][0] if identity and dialect in _SCHEMAS else ""
        return identity and f"{identity} {schema}"
    except Exception:  # the driver's own class
        return ""
