"""The lanes of a history: where each revision stands in the picture, and the lines that lead down to its parents.

A lane is a column of the picture, and at any height it leads to one revision. A revision whose parent a lane leads to
already meets that lane at once, so there are as many lanes as there are revisions to come to, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterable, Iterator, List, Optional, Sequence, Set, Tuple

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
"""The directions in which a line leaves a cell; a cell is the sum of its own."""

MANY = 16
"""In a cell that stands for several lanes: some of them pass through it."""


@dataclass(frozen=True)
class Row:
    """One line of the picture: a revision, or what is between two.

    :param cells: the lanes from the left, each with its directions; that of the revision has none.
    :param lane: the lane of the revision, or of the one that the line is below or above.
    :param revision: the revision; None for a line between two.
    :param meets: the lanes that its own goes on in or meets.
    :param across: the first and the last lane of the line across, which belongs to the revision above it; the same
        twice where there is none. A lane in between that has only UP and DOWN is crossed.
    :param vague: lines of this revision are in a cell that stands for several lanes.
    """

    cells: Tuple[int, ...]
    lane: int
    revision: Optional[str] = None
    meets: Tuple[int, ...] = ()
    across: Tuple[int, int] = (0, 0)
    vague: bool = False


def lay_out(history: Iterable[Tuple[str, Sequence[str]]]) -> List[Row]:
    """Return the rows of the picture, in the order of the history.

    :param history: each revision with its parents, children before parents.
    """
    lanes = _Lanes()
    return [row for revision, parents in history for row in lanes.add_revision(revision, list(dict.fromkeys(parents)))]


def narrow(rows: Sequence[Row], lanes: int) -> List[Row]:
    """Return the rows with no more lanes than that: where there are more, the last one stands for all the others.

    :param lanes: one or more.
    """
    if all(len(row.cells) <= lanes for row in rows):
        return list(rows)
    last = lanes - 1
    return [_narrow_row(row, last) for row in rows if row.revision or row.across[0] < last]


class _Lanes:
    """The lanes at one height."""

    def __init__(self) -> None:
        self.awaited: List[Optional[str]] = []
        self.ended: Optional[int] = None

    def add_revision(self, revision: str, parents: Sequence[str]) -> Iterator[Row]:
        """Yield the rows of the next revision, and go on below it."""
        begins = revision not in self.awaited
        lane = self._find_free_lane(0) if begins else self.awaited.index(revision)
        if begins and lane == self.ended:  # or it would look like a parent of the base above it
            yield Row(self._pass_through(), lane, across=(lane, lane))
        self._lead(lane, None)
        cells = self._pass_through()
        meets = [*self._move_other_lane(lane, parents), *(self._find_lane_to(parent, lane) for parent in parents)]
        yield Row(cells, lane, revision, tuple(meets), (lane, lane))
        if {*meets} - {lane}:
            yield self._draw_joints(cells, lane, {lane, *meets})
        self.ended = None if parents else lane
        while self.awaited and self.awaited[-1] is None:
            self.awaited.pop()

    def _move_other_lane(self, lane: int, parents: Sequence[str]) -> List[int]:
        """Let a lane further right that leads to the only parent end in this one; return it, if there is one.

        So the picture leans to the left.
        """
        if len(parents) != 1 or parents[0] not in self.awaited[lane + 1 :]:
            return []
        other = self.awaited.index(parents[0])
        self._lead(other, None)
        self._lead(lane, parents[0])
        return [other]

    def _find_lane_to(self, parent: str, lane: int) -> int:
        """Return the lane that leads to a parent: one that does already, else the revision's own, else another."""
        if parent in self.awaited:
            return self.awaited.index(parent)
        target = self._find_free_lane(lane)
        self._lead(target, parent)
        return target

    def _find_free_lane(self, near: int) -> int:
        free = [lane for lane in range(len(self.awaited) + 1) if self._is_free(lane)]
        return min(free, key=lambda lane: abs(lane - near))

    def _is_free(self, lane: int) -> bool:
        return lane >= len(self.awaited) or self.awaited[lane] is None

    def _lead(self, lane: int, revision: Optional[str]) -> None:
        self.awaited.extend([None] * (lane + 1 - len(self.awaited)))
        self.awaited[lane] = revision

    def _pass_through(self) -> Tuple[int, ...]:
        return tuple(UP | DOWN if revision else 0 for revision in self.awaited)

    def _draw_joints(self, above: Sequence[int], lane: int, joints: Set[int]) -> Row:
        """Return the row below a revision, in which its lane meets those of its parents."""
        first, last = min(joints), max(joints)

        def cell(one: int) -> int:
            comes = one == lane or any(above[one : one + 1])
            upright = (UP if comes else 0) | (0 if self._is_free(one) else DOWN)
            if one not in joints:
                return upright or (LEFT | RIGHT if first < one < last else 0)
            return upright | (LEFT if one > first else 0) | (RIGHT if one < last else 0)

        return Row(tuple(map(cell, range(len(self.awaited)))), lane, across=(first, last))


def _narrow_row(row: Row, last: int) -> Row:
    lanes = (row.lane, *row.meets)
    return replace(
        row,
        cells=(*row.cells[:last], *_merge_lanes(row, last)),
        lane=min(row.lane, last),
        across=(row.across[0], min(row.across[1], last)),
        vague=bool(row.revision) and max(lanes) >= last,
    )


def _merge_lanes(row: Row, last: int) -> List[int]:
    """Return the cell that stands for a row's lanes from one on; nothing where it has none there."""
    beyond = row.cells[last:]
    upright = sum(direction for direction in (UP, DOWN) if any(cell & direction for cell in beyond))
    if row.across[0] < last <= row.across[1]:
        return [upright | LEFT]
    return [upright | MANY if upright else 0] if beyond else []
