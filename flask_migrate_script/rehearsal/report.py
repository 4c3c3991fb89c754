"""A rehearsal as a person reads it, and the command that would do what was rehearsed."""

from __future__ import annotations

import shlex
from typing import Any, Iterator, List, Sequence, Tuple

from .. import invocation
from ..console.terminal import Paint, join_lines, measure, paint_nothing, remove_controls
from ..options import Parameter, Values, Verb, name_command, read_parameters
from ..sql.counting import Count, plural
from ..sql.text import shorten
from .results import Rehearsal, RehearsedDatabase, RehearsedOperation, RehearsedStep, RehearsedVanished

SLOW = 1.0
"""Seconds from which on a step's time is shown."""

NARROWEST = 40
"""Characters of the column of operations."""


def text(rehearsal: Rehearsal, command: str, with_sql: bool, paint: Paint = paint_nothing) -> str:
    """Return a rehearsal as text; where it failed, without the command, as the failure is reported elsewhere.

    :param command: the command that would do it.
    :param with_sql: with the statements of each step.
    :param paint: colours a text.
    """
    several = len(rehearsal.databases) > 1
    blocks = ["\n".join(_database(one, several, with_sql, paint)) for one in rehearsal.databases]
    if rehearsal.failure:
        return "\n\n".join(blocks)
    would = any(one.steps for one in rehearsal.databases)
    if any(one.steps and one.mode == "read" for one in rehearsal.databases):
        blocks.append("Not executed: a step can still fail.")
    return "\n\n".join([*blocks, f"Nothing was changed.{f' To do it: {command}' if would else ''}"])


def command(verb: Verb, given: Values) -> str:
    """Return the command line that runs a verb with these arguments and is no dry run.

    :param given: the verb's arguments by name.
    """
    left_out = (
        "dry_run",
        "json",
        "no_copy",
        "rehearse_rows",
        "copy_logged",
        "verbose",
        "directory",
        "x_arg",
        "rehearse_seconds",
    )  # the last two are in the words up to the verb
    repeated = [one for one in read_parameters(verb) if one.name not in left_out]
    after = [word for one in repeated for word in _words(one, given.get(one.name))]
    return " ".join([invocation.get_invocation().words, *map(shlex.quote, [name_command(verb), *after])])


def _words(parameter: Parameter, value: Any) -> List[str]:
    if value is None or value is False or value == parameter.default or value in ((), []):
        return []
    if not parameter.flags:
        return [str(value)]
    flag = parameter.flags[0]
    if parameter.kind == "flag":
        return [flag]
    values = [value] if isinstance(value, (str, int, float)) else value
    return [word for one in values for word in (flag, str(one))]


def _database(database: RehearsedDatabase, several: bool, with_sql: bool, paint: Paint) -> Iterator[str]:
    yield join_lines(f"{database.name + ': ' if several else ''}{database.url}, {_how(database)}")
    yield from _copy(database)
    if database.steps:
        yield ""
    widths = _widths(database.steps)
    for number, step in enumerate(database.steps, 1):
        yield from _step(number, step, widths, with_sql, paint, database.stopped is not None)
    if database.stopped:
        reason = remove_controls(database.stopped.reason)
        yield f"\nThe rehearsal stopped in revision {database.stopped.revision}: {reason}."
        if database.stopped.left:
            yield f"Not rehearsed, only read from the scripts: {', '.join(database.stopped.left)}."


def _copy(database: RehearsedDatabase) -> Iterator[str]:
    """Say what it was rehearsed on, or why it was not."""
    copy = database.copy
    if not database.steps:
        return
    if database.why:
        yield f"No copy was made: {database.why.rstrip('.')}."
        yield from database.advice.splitlines()
    if not copy:
        return
    yield f"The copy: {plural(copy.tables, 'table')} with {plural(copy.rows, 'row')}, made in {copy.seconds:.1f} s"
    if copy.rows_why:
        yield f"No rows were copied: {copy.rows_why}."
    elif copy.partial:
        listed = ", ".join(f"{name} ({plural(rows, 'row')})" for name, rows in copy.partial.items())
        yield f"Not all rows are in it of: {listed}"
    for text in (*(f"Not in it: {one}" for one in copy.left_out), *copy.differences):
        yield join_lines(text)


def _how(database: RehearsedDatabase) -> str:
    if not database.steps:
        at = f"at {', '.join(database.current)}" if database.current else "at no revision yet"
        return f"{at}: nothing to do"
    if database.mode == "read":
        return "read from the scripts, nothing executed"
    if database.mode == "rehearsed on a copy":
        return f"rehearsed on a copy in {database.seconds:.1f} s"
    return f"rehearsed and rolled back in {database.seconds:.1f} s"


def _widths(steps: Sequence[RehearsedStep]) -> Tuple[int, int]:
    """Return the widths of the operations and of what they lose, so that all losses end in one column."""
    losing = [one for step in steps for one in step.operations if _loss(one)]
    return max([NARROWEST, *(measure(join_lines(one.words)) for one in losing)]), max(
        (len(_loss(one)) for one in losing), default=0
    )


def _step(
    number: int, step: RehearsedStep, widths: Tuple[int, int], with_sql: bool, paint: Paint, marked: bool
) -> Iterator[str]:
    """Yield the lines of a step.

    :param marked: it is said where it was only read.
    """
    took = f"  ({step.seconds:.1f} s)" if step.seconds >= SLOW else ""
    read = "" if step.executed or not marked else "  (only read)"
    yield f"{number:>3}  {_way(step)}  {join_lines(step.message)}{took}{read}".rstrip()
    for operation in step.operations:
        loss = _loss(operation).rjust(widths[1])
        shown = (
            f"    {paint(loss, 'red') if operation.lost_unit and operation.lost != 0 else loss}" if loss.strip() else ""
        )
        words = join_lines(operation.words)
        yield f"     {words}{' ' * (widths[0] - measure(words)) if shown else ''}{shown}"
        for one in operation.vanished:
            if not _is_said(one, words):
                yield f"       also drops {join_lines(f'{one.kind} {one.name}')}"
    if not step.operations and not step.note:
        yield f"     {'does nothing' if step.executed else 'nothing is read in its script'}"
    for slow in (one for one in step.slowest if one.seconds >= SLOW):
        yield f"       {slow.seconds:.1f} s: {shorten(slow.sql)}"
    yield from _locks(step)
    if step.note:
        yield f"     {remove_controls(step.note)}"
    for statement in step.sql if with_sql else ():
        yield "\n".join(
            f"       {line}".rstrip() for line in remove_controls(f"{statement};").expandtabs(4).split("\n")
        )


def _locks(step: RehearsedStep) -> Iterator[str]:
    """Yield what other sessions wait for, those that cannot even read first."""
    blocked = {one.table for one in step.locks if one.blocks != "writes"}
    for blocks in ("reads and writes", "writes"):
        locks = [one for one in step.locks if one.blocks == blocks and (blocks != "writes" or one.table not in blocked)]
        if locks:
            tables = ", ".join(dict.fromkeys(join_lines(one.table) for one in locks))
            yield f"     blocks {blocks} of {tables} ({max(one.seconds for one in locks):.1f} s)"


def _way(step: RehearsedStep) -> str:
    """Return ``from -> to`` in the step's direction."""
    parents = step.down_revision if isinstance(step.down_revision, (list, tuple)) else [step.down_revision or "base"]
    ends = [join_lines(", ".join(parents)), join_lines(step.revision)]
    return " -> ".join(ends if step.direction == "upgrade" else ends[::-1])


def _is_said(vanished: RehearsedVanished, words: str) -> bool:
    """Return whether the words of an operation say already that it drops something."""
    return vanished.name.rpartition(".")[2].lower() in words.lower()


def _loss(operation: RehearsedOperation) -> str:
    """Return what an operation loses, else what it writes: ``1,204 rows lost``, ``3 rows updated``."""
    written = ", ".join(
        f"{plural(number, 'row')} {verb}"
        for verb, number in (("inserted", operation.inserted), ("updated", operation.updated))
        if number
    )
    if operation.lost is None:
        lost = f"{operation.lost_unit} {operation.lost_how}" if operation.lost_unit else ""
    else:
        noun = str(operation.lost_unit)[:-1]
        lost = f"{Count(operation.lost, operation.lost_at_least).shown(noun)} {operation.lost_how}"
    return ", ".join(filter(None, (written, lost)))
