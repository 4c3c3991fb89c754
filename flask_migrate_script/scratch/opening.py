"""A scratch database for a block: found or made, and gone, or empty again, when the block is over."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from ..databases import change_database, identify_database, name_server, shown_url
from ..errors import MigrateError
from ..seam.binds import DEFAULT
from ..seam.driver import OtherConnection, driver_connection, run
from . import mysql, postgresql
from .mysql import MySQLPlace
from .places import Place, make_engine
from .postgresql import PostgreSQLPlace

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

SETTING = "MIGRATE_SCRATCH_URL"
"""The key of ``app.config`` that names a scratch database: a URL, or a URL for each bind."""

T = TypeVar("T")
Server = Union[Type[MySQLPlace], Type[PostgreSQLPlace]]

_SERVERS: Dict[str, Tuple[Server, int]] = {
    "mysql": (MySQLPlace, mysql.LONGEST),
    "mariadb": (MySQLPlace, mysql.LONGEST),
    "postgresql": (PostgreSQLPlace, postgresql.LONGEST),
}


class ScratchRefused(MigrateError):
    """There is no scratch database to be had; what would give one is in the advice."""


@dataclass(frozen=True)
class Scratch:
    """A scratch database, which this process alone uses until its block is over.

    It has one table, :data:`flask_migrate_script.scratch.places.MARKER`, unless it is an SQLite file.

    :param engine: leads to it and keeps no connection. One that was made beside the real database connects as the real
        one's engine does (PostgreSQL and SQLite: by its URL), one that was configured by the URL that was given.
    :param name: of the database on its server; of an SQLite one, the path of the file.
    :param made: it was made for this block, and is dropped at its end; else it was configured, and is emptied.
    :param logged: what is done in it goes into the server's binary log, and so to its replicas.
    :param differences: where it may behave unlike the real one, a sentence each.
    """

    engine: Engine
    name: str
    made: bool
    logged: bool = False
    differences: Tuple[str, ...] = ()


def find_scratch_url(configured: Mapping[str, Any], bind: str = DEFAULT) -> Optional[str]:
    """Return the URL of the scratch database that an application has configured for a bind; None where it has none.

    :param configured: ``app.config``, in which ``MIGRATE_SCRATCH_URL`` is a URL, which is for the default bind, or has
        one for each bind.
    """
    found = configured.get(SETTING)
    by_bind = found if isinstance(found, Mapping) else {DEFAULT: found}
    url = by_bind.get(bind) or (by_bind.get(None) if bind == DEFAULT else None)
    return None if url is None else str(url)


@contextmanager
def open_scratch(real: Union[Connection, Engine], url: Optional[str] = None) -> Iterator[Scratch]:
    """Hold a scratch database for the block.

    Those that a killed process has left behind beside the same database are dropped first: only what has the marker,
    and whose lock is free.

    :param real: leads to the database that the scratch one stands in for; nothing is written there.
    :param url: of the scratch database, as :func:`find_scratch_url` returns it; without, one is made beside the real
        one, on the same server.
    :raises ScratchRefused: where there is none: the account may make none; or the one that is configured is the real
        one, holds something else than this package's, or is in use.
    """
    if real.dialect.name == "sqlite":
        with _open_file(real) as scratch:
            yield scratch
        return
    if real.dialect.name not in _SERVERS:
        raise ScratchRefused(f"There are no scratch databases on {name_server(real.dialect)}.")
    with ExitStack() as held:
        known = held.enter_context(OtherConnection(real))
        place = _take(held, known, url) if url else _make(held, known, real)
        yield _describe(place, known, make_engine_to(place, real if not url else _engine_of(url)), made=not url)


@contextmanager
def _open_file(real: Union[Connection, Engine]) -> Iterator[Scratch]:
    folder = tempfile.mkdtemp(prefix="flask_migrate_script_scratch_")
    try:
        path = os.path.join(folder, "scratch.db")
        engine = make_engine(f"{real.engine.url.drivername}://", path)
        yield Scratch(engine, path, made=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(held: ExitStack, known: OtherConnection, real: Union[Connection, Engine]) -> Place:
    """Return a new database beside the real one, locked and marked; it is dropped when the block is over."""
    server, longest = _SERVERS[real.dialect.name]
    prefix = _name_prefix(str(known.value(_NAMES[real.dialect.name])), longest)
    _drop_left(server, known, real.engine, prefix)
    place: Place = server(real.engine, prefix + uuid.uuid4().hex[:8])
    held.callback(place.close)
    try:
        if isinstance(place, MySQLPlace):
            place.lock()  # before it is there: so nobody takes it for one that was left behind
        place.create(known)
    except Exception as exc:  # the driver's own class
        raise ScratchRefused(
            f"No scratch database can be made beside {shown_url(real.engine.url)}: {_first_line(exc)}",
            f"Let its account make some: {server.write_grant(known, prefix)}\nOr name an empty database that may be"
            f' overwritten: app.config["{SETTING}"] = "…"',
        ) from exc
    held.callback(_quietly, place.drop)
    _connect(place.open, real.engine.url)
    place.lock()
    place.mark()
    return place


def _take(held: ExitStack, known: OtherConnection, url: str) -> Place:
    """Return the database that is configured, locked, marked and empty; it is emptied when the block is over."""
    engine = _engine_of(url)
    kind, name = engine.dialect.name, str(engine.url.database or "")
    shown, where = shown_url(engine.url), f"{SETTING} names an empty database that may be overwritten."
    if _SERVERS.get(kind, (None,))[0] is not _SERVERS[known.dialect.name][0] or not name:
        raise ScratchRefused(f"{shown} is no scratch database for {name_server(known.dialect)}.", where)
    place: Place = _connect(lambda: _SERVERS[kind][0](engine, name), engine.url)
    held.callback(place.close)
    _connect(place.open, engine.url)
    if identify_database(kind, place.server.run) == identify_database(known.dialect.name, known.run):
        raise ScratchRefused(f"{shown} is the real database itself, and not a scratch database.", where)
    if not place.lock():
        raise ScratchRefused(
            f"The scratch database {shown} is in use by another command.", "Run this one again when that is over."
        )
    if not place.has_marker() and not place.is_empty():
        raise ScratchRefused(
            f"{shown} is not empty, and is not known as a scratch database: it has no table"
            f" flask_migrate_script_scratch.",
            where,
        )
    place.clear()
    held.callback(_quietly, place.clear)
    return place


def _drop_left(server: Server, known: OtherConnection, engine: Engine, prefix: str) -> None:
    """Drop what a killed process has left behind: only what has the marker, and whose lock is free."""
    for name in server.list_databases(known, prefix):
        with suppress(Exception):  # whatever is in the way: it is not needed
            place = server(engine, name)
            try:
                place.open()
                if place.lock() and place.has_marker():
                    place.drop()
            finally:
                place.close()


def _describe(place: Place, known: OtherConnection, engine: Engine, made: bool) -> Scratch:
    server = _SERVERS[known.dialect.name][0]
    ours, theirs = server.read_traits(place.server), server.read_traits(known)
    differences = [
        f"The {trait} of the scratch database is {ours[trait] or 'empty'}, of the real one {theirs[trait] or 'empty'}."
        for trait in theirs
        if ours[trait] != theirs[trait]
    ]
    return Scratch(engine, place.name, made, place.logs(), tuple(differences))


def make_engine_to(place: Place, origin: Union[Connection, Engine]) -> Engine:
    """Return an engine to a place that connects as another one does, which leads to its server.

    MySQL's sessions go from one database to another: there the origin's pool connects, with arguments and events
    that its URL does not have.
    """
    if isinstance(place, MySQLPlace):
        return make_engine_like(origin, place.name, place.session())
    made: Engine = make_engine(origin.engine.url, place.name)
    return made


def make_engine_like(origin: Union[Connection, Engine], name: str, session: Sequence[str] = ()) -> Engine:
    """Return an engine that keeps no connection, and makes each as another engine's pool makes its own.

    :param name: of the database that its URL names.
    :param session: the statements with which each of its connections begins.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = origin.engine

    def connect() -> Any:
        pooled = engine.pool.recreate().connect()
        driver = driver_connection(pooled)
        for statement in session:
            run(driver, statement)
        pooled.detach()
        return driver

    options = {name: getattr(engine.dialect, f"_{name}", None) for name in ("json_serializer", "json_deserializer")}
    given = {name: value for name, value in options.items() if value is not None}
    return create_engine(change_database(engine.url, name), creator=connect, poolclass=NullPool, **given)


_NAMES = {
    **dict.fromkeys(("mysql", "mariadb"), "SELECT DATABASE()"),
    "postgresql": "SELECT current_database()",
}


def _name_prefix(real: str, longest: int) -> str:
    """Return what the names of the scratch databases of a database begin with, so that a person sees whose they are."""
    room = longest - len("_scratch_") - 8
    while len(real.encode()) > room:
        real = real[:-1]
    return f"{real}_scratch_"


def _engine_of(url: str) -> Engine:
    from sqlalchemy.engine.url import make_url

    parsed = make_url(url)
    engine: Engine = make_engine(parsed, str(parsed.database or ""))
    return engine


def _connect(open_place: Callable[[], T], url: Any) -> T:
    try:
        return open_place()
    except Exception as exc:  # the driver's own class
        raise ScratchRefused(
            f"The scratch database cannot be reached ({shown_url(url)}): {_first_line(exc)}",
            f'app.config["{SETTING}"] names one, with all that it takes to connect to it.',
        ) from exc


def _quietly(do: Callable[[], None]) -> None:
    """Do what a server that has gone cannot do; the next scratch database finds what is left."""
    with suppress(Exception):
        do()


def _first_line(exc: BaseException) -> str:
    lines: List[str] = str(exc).strip().splitlines()
    return lines[0] if lines else type(exc).__name__
