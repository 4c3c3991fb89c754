"""The status of the databases as a person reads it: one look says whether each is up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Sequence

from ..console.terminal import Paint, fit, join_lines, remove_controls
from ..guard.resume.interrupted import Interrupted
from ..sql.counting import plural
from .documents import read_created
from .problems import UNKNOWN_VERSION
from .status import Standing, Status

if TYPE_CHECKING:
    from alembic.script import Script

APPLIED_SHOWN, PENDING_SHOWN = 5, 10
"""How many revisions are listed of each kind: those next to where the database is."""


def write_status(found: Status, width: int, paint: Paint, words: str) -> List[str]:
    """Return the lines that show the status.

    :param width: columns that a revision's line may take.
    :param paint: colours a text.
    :param words: the command line up to the verb, for the next step.
    """
    if not found.standings:
        return ["env.py configures no database."]
    several = len(found.standings) > 1
    blocks = [_describe_database(standing, width, paint, words, several) for standing in found.standings]
    blocks += filter(None, [_advise(found.standings, words)])
    return [line for block in blocks for line in ["", *block]][1:]


def _describe_database(standing: Standing, width: int, paint: Paint, words: str, several: bool) -> List[str]:
    head = f"{paint(join_lines(standing.position.name), 'bold')}: {remove_controls(standing.position.url)}"
    alone = f" --bind {standing.position.name}" if several or standing.position.name != "default" else ""
    advice = f"{UNKNOWN_VERSION.format(db=words)}{alone}".splitlines() if standing.unknown else []
    unfinished = (_describe_unfinished(standing, one, words) for one in standing.position.unfinished)
    lines = [_judge(standing, paint), *advice, *unfinished]
    return [head, *(f"  {line}" for line in lines), *_list_revisions(standing, width, paint)]


def _judge(standing: Standing, paint: Paint) -> str:
    at = join_lines(f"at {', '.join(standing.current)}") if standing.current else "nothing is applied yet"
    if standing.unknown:
        return f"{paint('unknown', 'red')}: at {join_lines(', '.join(standing.unknown))}, which no revision file has"
    if standing.pending:
        return f"{paint(plural(len(standing.pending), 'revision') + ' behind', 'yellow')}: {at}"
    if not standing.heads:
        return "there are no revisions yet"
    if standing.position.unfinished:
        return f"{paint('unfinished', 'yellow')}: {at}"
    return f"{paint('up to date', 'green')}: {at}"


def _describe_unfinished(standing: Standing, one: Interrupted, words: str) -> str:
    """Return what is left of an interrupted migration, and the command that ends it."""
    target = " heads" if one.direction == "upgrade" and len(standing.heads) > 1 else ""
    end = f"to go on: {words} {one.direction}{target}"
    if one.revision in _list_passed(standing, one.direction):
        end = f"if it is over: {words} journal --forget {one.revision}"
    return join_lines(f"the {one.direction} of {one.revision} was interrupted, {one.effect}; {end}")


def _list_passed(standing: Standing, direction: str) -> List[str]:
    """Return the revisions that no later run in this direction comes to, as the version says they are done."""
    scripts = standing.applied if direction == "upgrade" else standing.pending
    return [script.revision for script in scripts]


def _list_revisions(standing: Standing, width: int, paint: Paint) -> List[str]:
    """Return the revisions around where the database is, oldest first, the applied ones ticked."""
    applied, pending = _choose_applied(standing), standing.pending[:PENDING_SHOWN]
    ticks = [*("✓" for _ in applied), *(" " for _ in pending)]
    rows = _align([*applied, *pending], standing.current)
    listed = [f"  {paint(tick, 'green')} {fit(row, width - 4)}" for tick, row in zip(ticks, rows)]
    older, more = len(standing.applied) - len(applied), len(standing.pending) - len(pending)
    before, after = (f"  … {older:,} more applied"), (f"  … {more:,} more to apply")
    return [*([before] if older else ()), *listed, *([after] if more else ())]


def _choose_applied(standing: Standing) -> List[Script]:
    """Return the last of the applied revisions, and those that the database is at."""
    last = standing.applied[-APPLIED_SHOWN:]
    return [script for script in standing.applied if script in last or script.revision in standing.current]


def _align(scripts: Sequence[Script], current: Sequence[str]) -> List[str]:
    """Return each revision's identifier, date and message, one below the other."""
    ids = _pad([join_lines(script.revision) for script in scripts])
    dates = _pad([(read_created(script) or "")[:10] for script in scripts])
    marks = ["(current) " if script.revision in current else "" for script in scripts]
    messages = [join_lines(script.doc or "") for script in scripts]
    return [f"{ids[n]}{dates[n]}{marks[n]}{messages[n]}".rstrip() for n in range(len(scripts))]


def _pad(texts: Sequence[str]) -> List[str]:
    """Return the texts as a column, which is gone where all are empty."""
    width = max(map(len, texts), default=0)
    return [f"{text:<{width}}  " if width else "" for text in texts]


def _advise(standings: Sequence[Standing], words: str) -> List[str]:
    """Return the command that applies what is pending: not to a database at an unknown revision, where it fails."""
    behind = [standing for standing in standings if standing.pending]
    unknown = any(standing.unknown for standing in standings)
    if not (behind or unknown or standings[0].heads):
        return [f'Next: {words} migrate -m "what it does"']
    if not behind:
        return []
    target = " heads" if len(standings[0].heads) > 1 else ""
    binds = "".join(f" --bind {standing.position.name}" for standing in behind) if unknown else ""
    return [f"Next: {words} upgrade{target}{binds}"]
