"""Refuse the script that drops every table because the models were never imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from ..errors import MigrateError
from ..sql.counting import plural

if TYPE_CHECKING:
    from alembic.operations.ops import MigrationScript
    from alembic.runtime.migration import MigrationContext


def refuse_to_drop_all(context: MigrationContext, revision: object, directives: List[MigrationScript]) -> None:
    """Raise where there are no models at all and the script would drop tables.

    A function for ``process_revision_directives``, which Alembic calls with the script before env.py's own sees it.

    :param context: Alembic's MigrationContext of the database at hand.
    :param directives: the MigrationScript, in a list.
    :raises MigrateError: before any file is written.
    """
    from alembic.operations.ops import DropTableOp

    metadata = context.opts["target_metadata"]
    known = metadata if isinstance(metadata, (list, tuple)) else [metadata]
    if any(one is not None and one.tables for one in known):
        return
    dropped = [
        op.table_name for ops in directives[0].upgrade_ops_list[-1:] for op in ops.ops if isinstance(op, DropTableOp)
    ]
    if dropped:
        tables = plural(len(dropped), "table")
        raise MigrateError(
            f"There are no models, so the script would drop {tables} ({', '.join(sorted(dropped)[:5])}"
            f"{', …' if len(dropped) > 5 else ''}). Are the models imported?",
            "Nothing was written. Import them where the application is made."
            " To drop the tables: {db} migrate --allow-drop-all",
        )
