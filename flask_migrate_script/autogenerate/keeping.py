"""What happens to a generated script before env.py sees it: renames, values, and remarks on what destroys data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Sequence, Set

from ..errors import MigrateError
from ..seam import binds
from . import fills, losses
from .changes import find_changes, list_operations
from .pairs import parse_pairs
from .questions import Terminal
from .renames import Renaming
from .values import DoesNotFit

if TYPE_CHECKING:
    from alembic.operations.ops import MigrationScript
    from alembic.runtime.migration import MigrationContext

Directives = Callable[["MigrationContext", object, List["MigrationScript"]], None]
"""What Alembic calls with the script for each database that it compared."""


@dataclass
class Findings:
    """What was found in all databases that were compared, by the names a person knows."""

    dropped: Set[str] = field(default_factory=set)
    added: Set[str] = field(default_factory=set)
    renamed: Set[str] = field(default_factory=set)
    needing: Set[str] = field(default_factory=set)
    filled: Set[str] = field(default_factory=set)
    candidates: List[str] = field(default_factory=list)
    unfilled: List[str] = field(default_factory=list)
    unfillable: List[str] = field(default_factory=list)
    lost: List[losses.Loss] = field(default_factory=list)


class KeepingData:
    """A function for ``process_revision_directives``, which Alembic calls once for each database.

    :param rename: what was renamed, ``OLD=NEW``.
    :param fill: the values for columns that need one, ``TABLE.COLUMN=VALUE``.
    :param terminal: where to ask; None where nobody answers.
    :param databases: how many are compared where the repository has several.
    :param refusals: functions of the same kind that are called first, and raise.
    :raises MigrateError: if ``rename`` or ``fill`` is not of that form.
    """

    def __init__(
        self,
        rename: Sequence[str],
        fill: Sequence[str],
        terminal: Optional[Terminal],
        databases: int,
        refusals: Sequence[Directives] = (),
    ) -> None:
        self.renames: Dict[str, str] = parse_pairs("rename", rename)
        self.values: Dict[str, str] = parse_pairs("fill", fill)
        self.terminal = terminal
        self.databases = databases
        self.refusals = refusals
        self.found = Findings()
        self.directives: List[MigrationScript] = []
        self.finished = False

    def __call__(self, context: MigrationContext, revision: object, directives: List[MigrationScript]) -> None:
        for refuse in self.refusals:
            refuse(context, revision, directives)
        compared = len(directives[0].upgrade_ops_list)
        if compared == 1:  # the first database, perhaps of another attempt
            self.found = Findings()
        self.directives = directives
        bind = binds.name_bind(context.opts)
        one = _OneDatabase(self, context, directives[0], f"{bind}: " if bind else "")
        one.rename_what_was_asked()
        is_last = compared == (self.databases if bind else 1)
        if is_last:
            self.refuse_unknown_renames()
        one.rename_what_is_confirmed()
        one.fill(is_last)
        one.mark_losses()

    def refuse_unknown_renames(self) -> None:
        """Raise where something that was asked for is renamed in no database.

        :raises MigrateError: before any file is written.
        """
        for old, new in self.renames.items():
            if old not in self.found.renamed:
                raise MigrateError(
                    f"--rename {old}={new}: no such change was detected. {_list_names('Dropped', self.found.dropped)}"
                    f" {_list_names('Added', self.found.added)}",
                    f"{self._describe_outcome()} A column is renamed within its table, a table within its schema.",
                )

    def refuse_unknown_fills(self) -> None:
        """Raise where a value was given that no column needs.

        :raises MigrateError: before any file is written.
        """
        for name in self.values:
            if name not in self.found.filled:
                raise MigrateError(
                    f"--fill {name}={self.values[name]}: no column of that name needs a value."
                    f" {_list_names('Those that need one', self.found.needing)}",
                    self._describe_outcome(),
                )

    def finish(self) -> List[str]:
        """Return what a person has to know of the script that was written; nothing where none was.

        :raises MigrateError: if a name was not found, where env.py compared fewer databases than are configured.
        """
        self.finished = True
        self.refuse_unknown_renames()
        self.refuse_unknown_fills()
        return self._report()

    def _describe_outcome(self) -> str:
        written = self.finished and self.directives
        return "Delete the script that was written without it." if written else "Nothing was written."

    def _report(self) -> List[str]:
        """Return what a person has to know of the script."""
        if not self.directives:
            return []
        left = {id(one) for upgrade in self.directives[0].upgrade_ops_list for one in list_operations(upgrade)}
        lost = [one for one in self.found.lost if id(one.operation) in left]
        return [
            *_list_lines(_IF_RENAMED, self.found.candidates),
            *_list_lines(_UNFILLED, self.found.unfilled),
            *_list_lines(_UNFILLABLE, self.found.unfillable),
            *_list_lines(_DESTROYS, [one.line for one in lost if one.is_known]),
            *_list_lines(_MAY_DESTROY, [one.line for one in lost if not one.is_known]),
        ]


_IF_RENAMED = (
    "The script drops these and adds others, without their data."
    " If they were renamed, delete it and run this again with:"
)
_UNFILLED = "The upgrade fails where rows have no value (MySQL takes '' or 0). Delete it and run this again with:"
_EACH_ROW = "Let the column be nullable first, give each row its value, and make it NOT NULL in a later revision."
_UNFILLABLE = f"The upgrade fails where rows have no value, and no --fill is for all of them. Delete it. {_EACH_ROW}"
_DESTROYS = "The upgrade destroys data; this much in the database at hand:"
_MAY_DESTROY = "The upgrade may destroy data; how much is not known:"


class _OneDatabase:
    """The script's operations for one database."""

    def __init__(self, asked: KeepingData, context: MigrationContext, script: MigrationScript, prefix: str) -> None:
        self.asked, self.found, self.context, self.prefix = asked, asked.found, context, prefix
        self.upgrade, downgrade = script.upgrade_ops_list[-1], script.downgrade_ops_list[-1]
        self.renaming = Renaming(context, self.upgrade, downgrade, asked.renames)

    def rename_what_was_asked(self) -> None:
        self._note_changes()
        self.found.renamed |= self.renaming.take_asked()
        self._note_changes()  # those of the columns of renamed tables too

    def _note_changes(self) -> None:
        found = find_changes(self.upgrade)
        self.found.dropped.update(found.list_dropped())
        self.found.added.update(found.list_added())

    def rename_what_is_confirmed(self) -> None:
        if self.asked.terminal:
            self.renaming.ask(self._confirm)
        else:
            pairs = [*self.renaming.pair_tables(), *self.renaming.pair_columns()]
            self.found.candidates += [f"{self.prefix}--rename {old}={new}" for old, new in pairs]
        self.renaming.apply()

    def _confirm(self, old: str, new: str) -> bool:
        assert self.asked.terminal
        return self.asked.terminal.confirm_rename(f"{self.prefix}{old}", new)

    def fill(self, is_last: bool) -> None:
        needs = fills.find_needs(self.upgrade, self.context, self.renaming.find_source)
        self.found.needing.update(need.name for need in needs if need.rows)
        self.found.filled.update(need.name for need in needs if need.name in self.asked.values)
        if is_last:
            self.asked.refuse_unknown_fills()
        for need in needs:
            value = self.asked.values.get(need.name)
            if value is None and need.rows:
                value = self._ask_value(need)
            if value is not None:
                self._fill_with(need, value)

    def _ask_value(self, need: fills.Need) -> Optional[str]:
        """Return the value that a person gives, or None where nobody gives one."""
        if need.obstacle:
            self.found.unfillable.append(f"{self.prefix}{need} But {need.obstacle}.")
            return None
        terminal = self.asked.terminal
        if terminal:
            question = f"{self.prefix}{need} A value for them (empty for none):"
            value = terminal.ask_value(question, fills.make_check(need))
            if value is not None:
                return value
        self.found.unfilled.append(f"{self.prefix}--fill {need.name}=VALUE   {need}")
        return None

    def _fill_with(self, need: fills.Need, value: str) -> None:
        if need.obstacle:
            raise MigrateError(f"--fill {need.name}={value}: {need.obstacle}.", f"Nothing was written. {_EACH_ROW}")
        try:
            fills.fill(self.upgrade, need, value)
        except DoesNotFit as error:
            raise MigrateError(f"--fill {need.name}={value}: {error}.", "Nothing was written.") from None

    def mark_losses(self) -> None:
        lost = losses.mark(self.upgrade, self.context, self.renaming.find_source)
        self.found.lost += [one._replace(line=f"{self.prefix}{one.line}") for one in lost]


def _list_lines(head: str, lines: List[str]) -> List[str]:
    return [head, *(f"  {line}" for line in lines)] if lines else []


def _list_names(head: str, names: Set[str]) -> str:
    return f"{head}: {', '.join(sorted(names)) or 'nothing'}."
