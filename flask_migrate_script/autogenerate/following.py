"""Rewrite the operations of one direction so that tables and columns are renamed, and what is on them follows.

The upgrade and the downgrade are rewritten by the same functions, each with the names seen from its own side: what
Alembic made of them is already the reverse of each other.

The order is one that every database can follow: constraints that get another name go first, then the tables are
renamed, then the columns, then comes the rest as Alembic had it, in the new names.

Renames are written outside a batch on SQLite too: its own RENAME (3.25 and newer) keeps the rows where they are, and
indexes, constraints and the foreign keys of other tables follow it, which they do not when a table is rebuilt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Type, TypeVar, Union, cast

from alembic.operations import ops

from ..sql.quoting import identifier, qualified
from .changes import Place, list_tables, walk_tables
from .scripted import RenameColumn, RenameTable

if TYPE_CHECKING:
    from sqlalchemy import Column, Constraint, Index, Table
    from sqlalchemy.engine import Dialect

T = TypeVar("T")

MYSQL = ("mysql", "mariadb")

Drop = Union[ops.DropConstraintOp, ops.DropIndexOp]
Creation = Union[ops.CreateIndexOp, ops.CreateUniqueConstraintOp, ops.CreateForeignKeyOp]
Renaming = Union[RenameColumn, ops.ExecuteSQLOp]
Change = TypeVar("Change", ops.DropTableOp, ops.CreateTableOp)

Shape = Tuple[object, ...]
"""What an index or a constraint is, but for its name."""


@dataclass
class Direction:
    """The new names on one way, upgrade or downgrade.

    :param tables: by place, the new name.
    :param columns: by the table's new place, the new name of each column.
    :param alterations: by the table's new place and the column's new name, what else changes in it.
    :param unaltered: by the table's new place and the column's old name, the column as the database has it: a legacy
        one may be unsigned, or of another collation than that of the models, and MySQL would be told of theirs.
    """

    tables: Dict[Place, str] = field(default_factory=dict)
    columns: Dict[Place, Dict[str, str]] = field(default_factory=dict)
    alterations: Dict[Tuple[Place, str], ops.AlterColumnOp] = field(default_factory=dict)
    unaltered: Dict[Tuple[Place, str], Column[object]] = field(default_factory=dict)

    def name_table(self, schema: Optional[str], name: str) -> str:
        return self.tables.get((schema, name), name)

    def name_column(self, schema: Optional[str], new_table: str, name: str) -> str:
        return self.columns.get((schema, new_table), {}).get(name, name)


NO_NEW_NAMES = Direction()


def expand_tables(container: ops.OpContainer, names: Dict[Place, str]) -> None:
    """Put in the place of a dropped and an added table what differs between the two.

    :param names: the new name of each dropped table.
    """
    for (schema, old), new in names.items():
        dropped = _find_only(container, ops.DropTableOp, schema, old)
        added = _find_only(container, ops.CreateTableOp, schema, new)
        container.ops[container.ops.index(added)] = ops.ModifyTableOps(
            new, _compare_tables(dropped.to_table(), added.to_table(), schema, new), schema=schema
        )
        container.ops.remove(dropped)


def rewrite(container: ops.OpContainer, direction: Direction, dialect: Dialect) -> None:
    """Rename what the direction renames, and leave out what needs no operation then."""
    renamed = _take_renamed_columns(container, direction, dialect)
    before, after = _follow(container, direction)
    _name_tables(container, direction)
    first = [RenameTable(old, new, schema=schema) for (schema, old), new in direction.tables.items()]
    rest = [one for one in container.ops if not (isinstance(one, ops.ModifyTableOps) and one.is_empty())]
    container.ops[:] = [*before, *first, *renamed, *rest, *after]


def complete(
    upgrade: ops.OpContainer,
    downgrade: ops.OpContainer,
    forth: Direction,
    place: Place,
    old_place: Place,
    column: Column[object],
) -> None:
    """Have the upgrade drop, and the downgrade create, the unique constraints of a column that is renamed.

    Alembic takes those to go with the column that have no name, as on SQLite; then nothing says that they follow.

    :param column: as the database has it.
    """
    for constraint in _list_constraints(column.table):
        dropped = ops.DropConstraintOp.from_constraint(constraint)
        known = [_shape(one, NO_NEW_NAMES) for _, one in walk_tables(upgrade) if isinstance(one, _DROPS)]
        if _shape(dropped, NO_NEW_NAMES) not in known and _find_partner(upgrade, _shape(dropped, forth)):
            _get_table(upgrade, place).ops.append(dropped)
            _get_table(downgrade, old_place).ops.append(dropped.reverse())


def rename_index(place: Place, old: str, new: str, dialect: Dialect) -> ops.ExecuteSQLOp:
    """Return MySQL's renaming of an index.

    It drops an index that it made for a foreign key by itself, once there is another one to use: so in place.
    """
    table = qualified(dialect, *place)
    names = [identifier(name, dialect) for name in (old, new)]
    return _make_statement("ALTER TABLE {} RENAME INDEX {} TO {}".format(table, *names))


def _make_statement(sql: str) -> ops.ExecuteSQLOp:
    return ops.ExecuteSQLOp(sql.replace(":", r"\:"))


def restore_unique_indexes(upgrade: ops.OpContainer, downgrade: ops.OpContainer) -> None:
    """Say of a dropped index again that it is unique: Alembic forgets it (seen on 1.7.7, not on 1.4.3 and 1.20.1)."""
    restored = []
    for _, operation in walk_tables(upgrade):
        kept = getattr(operation, "_reverse", None)
        if isinstance(operation, ops.DropIndexOp) and getattr(kept, "unique", False):
            operation.kw["unique"] = True
            restored.append((operation.table_name, operation.index_name))
    for _, operation in walk_tables(downgrade):
        if isinstance(operation, ops.CreateIndexOp) and (operation.table_name, operation.index_name) in restored:
            operation.unique = True


_DROPS = (ops.DropConstraintOp, ops.DropIndexOp)


def _find_only(container: ops.OpContainer, kind: Type[Change], schema: Optional[str], name: str) -> Change:
    return next(
        one for one in container.ops if isinstance(one, kind) and (one.schema, one.table_name) == (schema, name)
    )


def _compare_tables(old: Table, new: Table, schema: Optional[str], name: str) -> List[ops.MigrateOperation]:
    before, after = ({column.name: column for column in table.columns} for table in (old, new))
    return [
        *(ops.AddColumnOp.from_column_and_tablename(schema, name, after[one]) for one in after if one not in before),
        *_leave_out_doubles([ops.DropConstraintOp.from_constraint(one) for one in _list_constraints(old)]),
        *_leave_out_doubles([_create(one) for one in _list_constraints(new)]),
        *(ops.DropColumnOp.from_column_and_tablename(schema, name, before[one]) for one in before if one not in after),
    ]


def _list_constraints(table: Table) -> List[Constraint]:
    from sqlalchemy import ForeignKeyConstraint, UniqueConstraint

    return [one for one in table.constraints if isinstance(one, (ForeignKeyConstraint, UniqueConstraint))]


def _create(constraint: Constraint) -> ops.AddConstraintOp:
    return ops.DropConstraintOp.from_constraint(constraint).reverse()


def _leave_out_doubles(operations: Sequence[T]) -> List[T]:
    """Leave out what is there twice: as a constraint, and as the flag of a column."""
    found = {_shape(one, NO_NEW_NAMES): one for one in operations}
    found.update({_shape(one, NO_NEW_NAMES): one for one in operations if _find_name(one)})
    return list(found.values())


def _take_renamed_columns(container: ops.OpContainer, direction: Direction, dialect: Dialect) -> List[Renaming]:
    """Take the drop and the addition of each renamed column out; return its renaming."""
    renamed: List[Renaming] = []
    for table, operation in walk_tables(container):
        place = (table.schema, table.table_name)
        names = direction.columns.get(place, {})
        if isinstance(operation, ops.DropColumnOp) and operation.column_name in names:
            table.ops.remove(operation)
            name, column = operation.column_name, operation.to_column()
            renamed.append(
                _rename_column(place, name, direction.unaltered.get((place, name), column), names[name], dialect)
            )
        elif isinstance(operation, ops.AddColumnOp) and operation.column.name in names.values():
            table.ops.remove(operation)
    for (place, _), operation in direction.alterations.items():
        _get_table(container, place).ops.insert(0, operation)
    return renamed


def _rename_column(place: Place, old: str, column: Column[object], name: str, dialect: Dialect) -> Renaming:
    """Return the renaming of a column with all that MySQL needs to be told of it, or it forgets it."""
    default = column.server_default
    if _is_a(default, "Computed") and dialect.name in MYSQL:  # Alembic cannot say it there: seen on 1.4.3 to 1.20.1
        names = [identifier(str(one), dialect) for one in (old, name)]
        return _make_statement("ALTER TABLE {} RENAME COLUMN {} TO {}".format(qualified(dialect, *place), *names))
    more: Dict[str, Any] = {"existing_autoincrement": True} if _is_autoincrement(column) else {}
    return RenameColumn(
        place[1],
        old,
        schema=place[0],
        modify_name=name,
        existing_type=column.type,
        existing_nullable=column.nullable,
        existing_server_default=False if default is None or _is_a(default, "Identity") else default,
        existing_comment=column.comment,
        **more,
    )


def _is_a(default: object, name: str) -> bool:
    """Return whether a server default is a Computed or an Identity, which came with SQLAlchemy 1.3.11 and 1.4."""
    return type(default).__name__ == name


def _is_autoincrement(column: Column[object]) -> bool:
    from sqlalchemy import Integer

    alone = column.table is not None and len(column.table.primary_key.columns) == 1
    number = isinstance(column.type, Integer) and not column.foreign_keys
    return bool(column.primary_key and column.autoincrement and (column.autoincrement is True or (alone and number)))


def _get_table(container: ops.OpContainer, place: Place) -> ops.ModifyTableOps:
    for table in list_tables(container):
        if (table.schema, table.table_name) == place:
            return table
    table = ops.ModifyTableOps(place[1], [], schema=place[0])
    container.ops.append(table)
    return table


def _follow(
    container: ops.OpContainer, direction: Direction
) -> Tuple[List[ops.ModifyTableOps], List[ops.ModifyTableOps]]:
    """Leave out what follows a renaming by itself; return what is dropped before it, and what is created at the end.

    An index that gets another name is dropped after the new one is there, because MySQL keeps the last one that a
    foreign key needs. A foreign key that goes because of the unique constraint it needs is created after that.
    """
    dropped_before: List[Union[Drop, Creation]] = []
    created_after: List[Union[Drop, Creation]] = []
    rebuilt: List[Shape] = []
    for table, dropped in _find_affected(container, direction):
        shape = _shape(dropped, direction)
        partner = _find_partner(container, shape)
        if partner and _has_same_name(dropped, partner[1]) and not (_refers_to(shape, rebuilt) and _find_name(dropped)):
            table.ops.remove(dropped)
            partner[0].ops.remove(partner[1])
        elif isinstance(dropped, ops.DropConstraintOp):
            rebuilt.append(shape)
            table.ops.remove(dropped)
            dropped_before.insert(0, dropped)
            if partner and isinstance(partner[1], ops.CreateForeignKeyOp):
                partner[0].ops.remove(partner[1])
                created_after.append(partner[1])
        elif partner:
            table.ops.remove(dropped)
            dropped.table_name = _find_place(partner[1])[1]
            partner[0].ops.insert(partner[0].ops.index(partner[1]) + 1, dropped)
    return _group_by_table(dropped_before), _group_by_table(created_after)


def _group_by_table(operations: Sequence[Union[Drop, Creation]]) -> List[ops.ModifyTableOps]:
    """Return the operations in as few ModifyTableOps as their order allows."""
    found: List[ops.ModifyTableOps] = []
    for one in operations:
        place = _find_place(one)
        if not found or (found[-1].schema, found[-1].table_name) != place:
            found.append(ops.ModifyTableOps(place[1], [], schema=place[0]))
        found[-1].ops.append(one)
    return found


def _find_place(operation: Union[Drop, Creation]) -> Place:
    if isinstance(operation, ops.CreateForeignKeyOp):
        return operation.kw.get("source_schema"), operation.source_table
    assert operation.table_name is not None, "Alembic names the table of all that it compares"
    return operation.schema, operation.table_name


def _find_affected(container: ops.OpContainer, direction: Direction) -> List[Tuple[ops.ModifyTableOps, Drop]]:
    """Return the drops that a renaming changes, with the ModifyTableOps they are in; foreign keys come last."""
    found = [
        (table, operation)
        for table, operation in walk_tables(container)
        if isinstance(operation, _DROPS) and _shape(operation, NO_NEW_NAMES) != _shape(operation, direction)
    ]
    return sorted(found, key=lambda one: isinstance(one[1].reverse(), ops.CreateForeignKeyOp))


def _find_partner(container: ops.OpContainer, shape: Shape) -> Optional[Tuple[ops.ModifyTableOps, Creation]]:
    kinds = (ops.CreateIndexOp, ops.CreateUniqueConstraintOp, ops.CreateForeignKeyOp)
    for table, operation in walk_tables(container):
        if isinstance(operation, kinds) and _shape(operation, NO_NEW_NAMES) == shape:
            return table, operation
    return None


def _refers_to(shape: Shape, rebuilt: List[Shape]) -> bool:
    """Return whether a foreign key needs a unique constraint that has to be dropped: then it goes before it."""
    return shape[0] == "foreign key" and ("unique", *cast(Shape, shape[4])) in rebuilt


def _has_same_name(dropped: ops.MigrateOperation, created: ops.MigrateOperation) -> bool:
    """Return whether a renaming is all there is to do: a constraint without a name keeps that of the database."""
    names = (_find_name(dropped), _find_name(created))
    return None in names or names[0] == names[1]


def _find_name(operation: object) -> Optional[str]:
    name = getattr(operation, "index_name", None) or getattr(operation, "constraint_name", None)
    return str(name) if isinstance(name, str) else None


def _shape(operation: object, direction: Direction) -> Shape:
    """Return what an index or a constraint is once the direction's names are in force."""
    if isinstance(operation, _DROPS):
        operation = operation.reverse()
    if isinstance(operation, ops.CreateIndexOp):
        index = operation.to_index()
        return _shape_columns("unique" if index.unique else "index", operation, _list_columns(index), direction)
    if isinstance(operation, ops.CreateUniqueConstraintOp):
        return _shape_columns("unique", operation, list(operation.columns), direction)
    if isinstance(operation, ops.CreateForeignKeyOp):
        return _shape_foreign_key(operation, direction)
    return ("other", id(operation))


def _list_columns(index: Index) -> List[str]:
    """Return the columns of an index, and its expressions as they are."""
    return [str(getattr(one, "name", None) or one) for one in index.expressions]


def _shape_columns(
    kind: str,
    operation: Union[ops.CreateIndexOp, ops.CreateUniqueConstraintOp],
    columns: Sequence[object],
    direction: Direction,
) -> Shape:
    schema = operation.schema
    table = direction.name_table(schema, operation.table_name)
    return (kind, schema, table, tuple(direction.name_column(schema, table, str(one)) for one in columns))


def _shape_foreign_key(operation: ops.CreateForeignKeyOp, direction: Direction) -> Shape:
    referred_schema = operation.kw.get("referent_schema")
    schema, name = _find_place(operation)
    table = direction.name_table(schema, name)
    referred = direction.name_table(referred_schema, operation.referent_table)
    return (
        "foreign key",
        schema,
        table,
        tuple(direction.name_column(schema, table, one) for one in operation.local_cols),
        (
            referred_schema,
            referred,
            tuple(direction.name_column(referred_schema, referred, one) for one in operation.remote_cols),
        ),
        tuple(_normalize_action(operation.kw.get(one)) for one in ("onupdate", "ondelete", "initially", "deferrable")),
    )


def _normalize_action(given: object) -> str:
    """Databases report the action that is the default in different words, or not at all."""
    text = str(given or "").lower()
    return "" if text in ("no action", "restrict") else text


def _name_tables(container: ops.OpContainer, direction: Direction) -> None:
    for table in list_tables(container):
        new = direction.tables.get((table.schema, table.table_name))
        if new:
            table.table_name = new
            for operation in table.ops:
                operation.table_name = new  # type: ignore[attr-defined]  # each one on a table has it
