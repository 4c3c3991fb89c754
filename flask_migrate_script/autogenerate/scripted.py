"""The operations that this package adds to a generated script, and how each reads in it.

They are subclasses of Alembic's own, so that what an env.py does with those it does with these.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, List, Optional, Union

from alembic.autogenerate import renderers
from alembic.operations import ops

from ..console.terminal import join_lines

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext

INDENT = " " * 11


class RenameTable(ops.RenameTableOp):
    """A table gets another name; Alembic has the operation and nothing that writes it into a script."""

    def to_diff_tuple(self) -> Any:
        return ("rename_table", self.schema, self.table_name, self.new_table_name)


class RenameColumn(ops.AlterColumnOp):
    """A column gets another name, which the renderer of older Alembics leaves out (seen on 1.4.3)."""

    def to_diff_tuple(self) -> Any:
        return [("modify_name", self.schema, self.table_name, self.column_name, {}, self.column_name, self.modify_name)]


class InBatch(ops.ModifyTableOps):
    """Changes that are written as a batch, whatever ``render_as_batch`` says: SQLite cannot make them otherwise."""


class FillNulls(ops.ExecuteSQLOp):
    """Rows without a value get one: an expression, as the script may be run on a database that quotes otherwise.

    :param value: as it stands in SQL.
    """

    def __init__(self, table: str, column: str, value: str, schema: Optional[str]) -> None:
        super().__init__(f"UPDATE {table} SET {column} = {value} WHERE {column} IS NULL")
        self.table, self.column, self.value, self.schema = table, column, value, schema


class Remarked:
    """An operation with a remark above it.

    :param remark: one line, without the ``#``.
    """

    remark: str


class DestroyingDropTable(ops.DropTableOp, Remarked):
    """A table is dropped, with a remark above."""


class DestroyingDropColumn(ops.DropColumnOp, Remarked):
    """A column is dropped, with a remark above."""


class DestroyingAlterColumn(ops.AlterColumnOp, Remarked):
    """A column gets a type that holds less, with a remark above."""


_DESTROYING = {
    ops.DropTableOp: DestroyingDropTable,
    ops.DropColumnOp: DestroyingDropColumn,
    ops.AlterColumnOp: DestroyingAlterColumn,
}


def add_remark(operation: ops.MigrateOperation, remark: str) -> ops.MigrateOperation:
    """Return the operation with a comment above it, which goes where the operation goes.

    :param remark: one line, without the ``#``.
    """
    # Each version of Alembic has its own constructors: a copy of another class is the same on all.
    found = copy.copy(operation)
    found.__class__ = _DESTROYING[type(operation)]
    assert isinstance(found, Remarked)
    found.remark = remark
    return found


@renderers.dispatch_for(RenameTable)
def _render_rename_table(context: AutogenContext, operation: RenameTable) -> str:
    names = f"{str(operation.table_name)!r}, {str(operation.new_table_name)!r}"
    schema = f", schema={str(operation.schema)!r}" if operation.schema else ""
    return f"{context.opts['alembic_module_prefix']}rename_table({names}{schema})"


@renderers.dispatch_for(RenameColumn)
def _render_rename_column(context: AutogenContext, operation: RenameColumn) -> str:
    plain = copy.copy(operation)
    plain.modify_name = None  # what newer ones write, and older ones leave out
    text = renderers.dispatch(ops.AlterColumnOp)(context, plain)
    more = [f"new_column_name={str(operation.modify_name)!r}"]
    if operation.kw.get("existing_autoincrement"):
        more.append("existing_autoincrement=True")
    return f"{text[:-1]},\n{INDENT}" + f",\n{INDENT}".join(more) + ")"


@renderers.dispatch_for(FillNulls)
def _render_fill_nulls(context: AutogenContext, operation: FillNulls) -> str:
    sa, column = context.opts["sqlalchemy_module_prefix"], str(operation.column)
    schema = f", schema={str(operation.schema)!r}" if operation.schema else ""
    value = operation.value.replace(":", r"\:")  # in a text() a colon begins a parameter
    table = f"{sa}table({str(operation.table)!r}, {sa}column({column!r}){schema})"
    lines = [
        f"{context.opts['alembic_module_prefix']}execute({table}",
        ".update()",
        f".where({sa}column({column!r}).is_(None))",
        f".values({{{column!r}: {sa}text({value!r})}}))",
    ]
    return f"\n{INDENT}".join(lines)


@renderers.dispatch_for(InBatch)
def _render_in_batch(context: AutogenContext, operation: InBatch) -> List[str]:
    before = context.opts.get("render_as_batch", False)
    context.opts["render_as_batch"] = True
    try:
        lines: List[str] = renderers.dispatch(ops.ModifyTableOps)(context, operation)
        return lines
    finally:
        context.opts["render_as_batch"] = before


def _render_with_remark(context: AutogenContext, operation: Remarked) -> List[str]:
    plain = type(operation).__mro__[1]
    text: Union[str, List[str]] = renderers.dispatch(plain)(context, operation)
    return [f"# {join_lines(operation.remark)}", *([text] if isinstance(text, str) else text)]


for _one in _DESTROYING.values():
    renderers.dispatch_for(_one)(_render_with_remark)
