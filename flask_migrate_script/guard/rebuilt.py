"""SQLite's tables that a batch makes anew: what the new one is left without is said, as nobody has asked for it."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, ContextManager, Dict, Iterator, List, Set

from ..seam.driver import driver_connection, run
from ..seam.parts import Part

if TYPE_CHECKING:
    from alembic.operations import MigrateOperation, Operations

    from ..seam.database import Database
    from ..sql.sqlite_schema import Object


class Rebuilt(Part):
    """Compares SQLite's schema before and after a batch, in a real run; a dry run has it in its report."""

    def __init__(self) -> None:
        self._asked: Set[str] = set()

    def around_operation(
        self, database: Database, operations: Operations, operation: MigrateOperation
    ) -> ContextManager[None]:
        """Note what a script drops by its name."""
        for name in ("index_name", "constraint_name"):
            self._asked.add(str(getattr(operation, name, None)))
        return nullcontext()

    @contextmanager
    def around_flush(self, database: Database) -> Iterator[None]:
        if database.dialect != "sqlite":
            yield
            return
        from ..sql.sqlite_schema import find_left_out

        before = _read_tables(database)
        yield
        after = _read_tables(database)
        for table in before.keys() & after.keys():
            missing = [
                f"{kind} {name}"
                for kind, name in find_left_out(before[table], after[table])
                if not self._asked & set(name.split())
            ]
            if missing:
                database.say(f"{table} was made anew without its {_join(sorted(missing))}.")
        self._asked.clear()


def _read_tables(database: Database) -> Dict[str, List[Object]]:
    from ..sql.sqlite_schema import Object

    rows = run(driver_connection(database.connection), "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master")
    found: Dict[str, List[Object]] = {}
    for kind, name, table, root, sql in rows:
        found.setdefault(str(table), []).append(Object(kind, name, table, int(root or 0), sql or ""))
    return {table: objects for table, objects in found.items() if any(one.kind == "table" for one in objects)}


def _join(words: List[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
