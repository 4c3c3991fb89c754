"""Which of the dropped and added tables and columns of one database were renamed."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple, Union

from alembic.operations import ops

from . import following
from .changes import Place, find_changes, write_name

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Column, Index

Pairs = Dict[str, str]
"""The new name of each old one."""

Drop = Union[ops.DropTableOp, ops.DropColumnOp]
Add = Union[ops.CreateTableOp, ops.AddColumnOp]

Confirm = Callable[[str, str], bool]
"""Returns whether the first name became the second."""


@dataclass
class Renaming:
    """The renames of one database, while they are found.

    :param context: Alembic's MigrationContext, whose comparisons are used.
    :param upgrade: the operations of the upgrade, and
    :param downgrade: those of the downgrade.
    :param asked: what was asked for by name.
    """

    context: MigrationContext
    upgrade: ops.UpgradeOps
    downgrade: ops.DowngradeOps
    asked: Pairs
    kept: List[Tuple[Place, Column[object], Column[object]]] = field(default_factory=list)
    indexes: Dict[Place, Set[Index]] = field(default_factory=dict)
    renamed: Pairs = field(default_factory=dict)
    forth: following.Direction = field(default_factory=following.Direction)
    back: following.Direction = field(default_factory=following.Direction)

    def take_asked(self) -> Set[str]:
        """Rename what was asked for and is there; return the old names, as they were asked for."""
        found = find_changes(self.upgrade)
        self._take(self._find_asked(found.dropped_tables, found.added_tables, self.asked), self._rename_table)
        found, names = find_changes(self.upgrade), self._map_to_new_tables()
        asked = {names[old]: new for old, new in self.asked.items()}
        self._take(self._find_asked(found.dropped_columns, found.added_columns, asked), self._rename_column)
        return {old for old, new in self.asked.items() if new in (self.renamed.get(old), self.renamed.get(names[old]))}

    def ask(self, confirm: Confirm) -> None:
        """Ask for each table and then each column that may have been renamed, the likeliest first."""
        self._take(self._find_confirmed(self.pair_tables(), confirm), self._rename_table)
        self._take(self._find_confirmed(self.pair_columns(), confirm), self._rename_column)

    def pair_tables(self) -> List[Tuple[str, str]]:
        """Return the pairs of a dropped and an added table with the same columns, the likeliest first."""
        found = find_changes(self.upgrade)
        dropped = {name: _list_columns(one) for name, one in found.dropped_tables.items()}
        added = {name: _list_columns(one) for name, one in found.added_tables.items()}
        pairs = [
            (_compare_names(old, new), old, new)
            for old in dropped
            for new in added
            if found.dropped_tables[old].schema == found.added_tables[new].schema
            and self._have_same_columns(dropped[old], added[new])
        ]
        return _sort_best_first(pairs)

    def pair_columns(self) -> List[Tuple[str, str]]:
        """Return the pairs of a dropped and an added column of one table and type, the likeliest first."""
        found = find_changes(self.upgrade)
        pairs = [
            (_compare_names(old, new) + _compare_positions(dropped.to_column(), added.column), old, new)
            for old, dropped in found.dropped_columns.items()
            for new, added in found.added_columns.items()
            if self._is_free(old, new) and self._is_candidate(dropped, added)
        ]
        return _sort_best_first(pairs)

    def apply(self) -> None:
        """Rewrite the upgrade and the downgrade."""
        if self.forth.tables or self.forth.columns:
            following.restore_unique_indexes(self.upgrade, self.downgrade)
            self._complete()
            following.rewrite(self.upgrade, self.forth, self.context.dialect)
            following.rewrite(self.downgrade, self.back, self.context.dialect)

    def _complete(self) -> None:
        """Add what Alembic leaves out because it takes it to come and go with a column."""
        for place, old, new in self.kept:
            following.complete(self.upgrade, self.downgrade, self.forth, place, self._find_old(place), old)
            if self.context.dialect.name in following.MYSQL:
                self._rename_implicit_index(place, old, new)

    def _rename_implicit_index(self, place: Place, old: Column[object], new: Column[object]) -> None:
        """Rename the index that MySQL made for a foreign key: Alembic knows it by the column's name."""
        indexes = self.indexes.get(place, old.table.indexes)
        if any(index.name == old.name and not index.unique for index in indexes):
            for container, table, names in (
                (self.upgrade, place, (old.name, new.name)),
                (self.downgrade, self._find_old(place), (new.name, old.name)),
            ):
                container.ops.append(following.rename_index(table, *names, self.context.dialect))

    def find_source(self, schema: Optional[str], table: str, column: str = "") -> Tuple[str, str]:
        """Return the names that a table and a column of the models have in the database at hand."""
        old = self.back.name_table(schema, table)
        return old, self.back.name_column(schema, old, column)

    def _take(self, pairs: Iterator[Tuple[str, str]], rename: Callable[[str, str], None]) -> None:
        for old, new in pairs:
            rename(old, new)
            self.renamed[old] = new

    def _is_free(self, old: str, new: str) -> bool:
        return old not in self.renamed and new not in self.renamed.values()

    def _find_asked(
        self, dropped: Mapping[str, Drop], added: Mapping[str, Add], asked: Pairs
    ) -> Iterator[Tuple[str, str]]:
        for old, new in asked.items():
            if (
                old in dropped
                and new in added
                and self._is_free(old, new)
                and _are_in_one_table(dropped[old], added[new])
            ):
                yield old, new

    def _find_confirmed(self, pairs: List[Tuple[str, str]], confirm: Confirm) -> Iterator[Tuple[str, str]]:
        for old, new in pairs:
            if self._is_free(old, new) and confirm(old, new):
                yield old, new

    def _have_same_columns(self, old: Dict[str, Column[object]], new: Dict[str, Column[object]]) -> bool:
        return old.keys() == new.keys() and all(self._have_same_type(old[name], new[name]) for name in old)

    def _is_candidate(self, dropped: ops.DropColumnOp, added: ops.AddColumnOp) -> bool:
        old, new = dropped.to_column(), added.column
        same_table = (dropped.schema, dropped.table_name) == (added.schema, added.table_name)
        return same_table and old.primary_key == new.primary_key and self._have_same_type(old, new)

    def _have_same_type(self, old: Column[object], new: Column[object]) -> bool:
        return not self.context.impl.compare_type(old, new)

    def _map_to_new_tables(self) -> Pairs:
        """Return each old name that was asked for as it is now: a column of a renamed table is under its new name."""
        names = {write_name(place[0], place[1]): write_name(place[0], new) for place, new in self.forth.tables.items()}
        split = {old: old.rpartition(".") for old in self.asked}
        return {old: f"{names[table]}.{column}" if table in names else old for old, (table, _, column) in split.items()}

    def _rename_table(self, old: str, new: str) -> None:
        dropped, added = find_changes(self.upgrade).dropped_tables[old], find_changes(self.upgrade).added_tables[new]
        schema = dropped.schema
        before, after = _list_columns(dropped), _list_columns(added)
        self.indexes[schema, added.table_name] = _list_indexes(dropped)
        following.expand_tables(self.upgrade, {(schema, dropped.table_name): added.table_name})
        following.expand_tables(self.downgrade, {(schema, added.table_name): dropped.table_name})
        self.forth.tables[schema, dropped.table_name] = added.table_name
        self.back.tables[schema, added.table_name] = dropped.table_name
        for name in before.keys() & after.keys():
            self._alter((schema, added.table_name), before[name], after[name])

    def _rename_column(self, old: str, new: str) -> None:
        found = find_changes(self.upgrade)
        dropped, added = found.dropped_columns[old], found.added_columns[new]
        place = (dropped.schema, dropped.table_name)
        self.forth.columns.setdefault(place, {})[dropped.column_name] = added.column.name
        self.back.columns.setdefault(self._find_old(place), {})[added.column.name] = dropped.column_name
        self.kept.append((place, dropped.to_column(), added.column))
        self._alter(place, dropped.to_column(), added.column)
        if (place, added.column.name) not in self.forth.alterations:
            self.back.unaltered[self._find_old(place), added.column.name] = dropped.to_column()

    def _find_old(self, place: Place) -> Place:
        return place[0], self.back.name_table(*place)

    def _alter(self, place: Place, old: Column[object], new: Column[object]) -> None:
        """Note what else differs in a column that keeps its values."""
        operation = ops.AlterColumnOp(place[1], new.name, schema=place[0])
        _compare(self.context, operation, place, new.name, old, new)
        _compare_what_env_py_does_not(self.context, operation, old, new)
        if operation.has_changes():
            reverse = operation.reverse()
            reverse.table_name, reverse.column_name = self._find_old(place)[1], old.name
            self.forth.alterations[place, new.name] = operation
            self.back.alterations[self._find_old(place), old.name] = reverse


def _compare(
    context: MigrationContext,
    operation: ops.AlterColumnOp,
    place: Place,
    name: str,
    old: Column[object],
    new: Column[object],
) -> None:
    """Have Alembic compare a column in the database with one of the models."""
    from alembic.autogenerate import comparators
    from alembic.autogenerate.api import AutogenContext

    autogen = AutogenContext(context)
    compare: Any = comparators.dispatch("column")
    if hasattr(autogen, "comparators"):  # those of one run, with its plugins: seen on Alembic 1.20.1
        compare = autogen.comparators.dispatch("column", qualifier=context.dialect.name)
    compare(autogen, operation, place[0], place[1], name, old, new)


def _compare_what_env_py_does_not(
    context: MigrationContext, operation: ops.AlterColumnOp, old: Column[object], new: Column[object]
) -> None:
    """Note a new type, and a server default that came or went, where env.py does not have them compared.

    The column that Alembic would have added had them.
    """
    is_compared = callable(context.opts.get("compare_type")) or operation.modify_type is not None
    if not is_compared and context.impl.compare_type(old, new):
        operation.existing_type, operation.modify_type = old.type, new.type
    defaults = old.server_default, new.server_default
    is_compared = operation.modify_server_default is not False or _is_numbered(old)
    if not is_compared and (defaults[0] is None) != (defaults[1] is None):
        operation.existing_server_default, operation.modify_server_default = defaults


def _is_numbered(column: Column[object]) -> bool:
    """Return whether the default in the database is a sequence, which no model names as its server default."""
    return column.primary_key or "nextval" in str(getattr(column.server_default, "arg", ""))


def _list_columns(operation: Union[ops.DropTableOp, ops.CreateTableOp]) -> Dict[str, Column[object]]:
    """Return the columns of a table that is dropped or added, by name."""
    return {column.name: column for column in operation.to_table().columns}


def _list_indexes(dropped: ops.DropTableOp) -> Set[Index]:
    """Return the indexes of a table that is dropped, which newer Alembics leave out of ``to_table()`` (1.7.7)."""
    kept: Any = getattr(dropped, "_reverse", None) or dropped.reverse()
    indexes: Set[Index] = kept.columns[0].table.indexes
    return indexes


def _are_in_one_table(dropped: Drop, added: Add) -> bool:
    """Return whether a column stays in its table, and a table in its schema."""
    tables = isinstance(dropped, ops.DropTableOp) or dropped.table_name == added.table_name
    return bool(tables and dropped.schema == added.schema)


def _sort_best_first(pairs: List[Tuple[float, str, str]]) -> List[Tuple[str, str]]:
    return [(old, new) for _, old, new in sorted(pairs, key=lambda one: (-one[0], one[1], one[2]))]


def _compare_names(old: str, new: str) -> float:
    return SequenceMatcher(None, old.rpartition(".")[2], new.rpartition(".")[2]).ratio()


def _compare_positions(old: Column[object], new: Column[object]) -> float:
    """Return half a point where both are the n-th column of their table."""
    places = [list(one.table.columns.keys()).index(one.key) for one in (old, new) if one.table is not None]
    return 0.5 if len(places) == 2 and places[0] == places[1] else 0.0
