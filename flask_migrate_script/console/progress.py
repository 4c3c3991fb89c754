"""Where an upgrade or a downgrade is: one line at the bottom of the terminal, written again and again."""

from __future__ import annotations

import builtins
import os
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Callable, Iterable, Iterator, TextIO

from .. import invocation
from .terminal import fit, measure

if TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

    from ..guard.options import ShowSteps

TICK = 0.25
"""Seconds between two looks at the clock; what is shown is whole seconds."""

ROOM = len("^C")
"""Columns left free behind the line, for what a terminal writes where Ctrl-C is pressed."""


@contextmanager
def show_on_terminal() -> Iterator[ShowSteps]:
    """Yield the function that shows each step of a database while it runs; the line is gone after the block.

    Where no person at a terminal looks at it, that function leaves the steps as they are.
    """
    if not _is_looked_at():
        yield lambda name, steps: steps
        return
    line = Line(sys.stderr)
    with ExitStack() as until:
        until.enter_context(_tick(line))
        for stream in filter(_is_terminal, (sys.stderr, sys.stdout)):
            until.enter_context(_write_above(line, stream))
        until.enter_context(_make_way(line))
        yield line.show_steps


def _is_looked_at() -> bool:
    run = invocation.get_invocation()
    return run.typed and not run.quiet and os.environ.get("TERM") != "dumb" and _is_terminal(sys.stderr)


class Line:
    """The line that a terminal's cursor is on, shared with whoever else writes to that terminal.

    :param stream: where it is written.
    """

    def __init__(self, stream: TextIO) -> None:
        self.lock = threading.RLock()
        self.free = True  # False while somebody else's text is on it
        self._stream, self._write = stream, stream.write
        self._said = _say_nothing
        self._drawn = ""

    def show_steps(self, name: str, steps: Iterable[RevisionStep]) -> Iterator[RevisionStep]:
        """Yield the steps, and show each until the next one is asked for.

        :param name: the database, where there are several.
        """
        every = list(steps)
        for number, step in enumerate(every, 1):
            self._say(_compose(name, number, len(every), step))
            yield step
        self._say(_say_nothing)

    def draw(self) -> None:
        """Write the line as it is now over what is there, padded to cover it."""
        with self.lock:
            text = fit(_write_plainly(self._said(), self._stream), _measure_terminal(self._stream) - 1 - ROOM, "")
            if self.free and text != self._drawn:
                self._put("\r" + text + " " * (measure(self._drawn) - measure(text)), text)

    def clear(self) -> None:
        """Take the line away, with what the terminal may have written behind it."""
        with self.lock:
            if self._drawn:
                blank = min(measure(self._drawn) + ROOM, _measure_terminal(self._stream) - 1)
                self._put("\r" + " " * blank + "\r", "")

    def _say(self, said: Callable[[], str]) -> None:
        with self.lock:
            self._said = said
            self.clear()
            self.draw()

    def _put(self, text: str, drawn: str) -> None:
        with suppress(OSError, ValueError):  # a terminal that has gone is no reason for a migration to fail
            self._write(text)
            self._stream.flush()
        self._drawn = drawn


def format_time(seconds: float) -> str:
    """Return a time as ``m:ss``, or ``h:mm:ss`` from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours}:{left:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _compose(name: str, number: int, count: int, step: RevisionStep) -> Callable[[], str]:
    """Return what composes the line of a step: what a narrow terminal cuts off is the message."""
    begun = time.monotonic()
    verb = "upgrade" if step.is_upgrade else "downgrade"
    of = f"{name}: " if name else ""
    what = f"{step.revision.revision}  {step.doc or ''}".strip()
    return lambda: f"{of}{verb} {number} of {count}  {format_time(time.monotonic() - begun)}  {what}"


def _say_nothing() -> str:
    return ""


def _write_plainly(text: str, stream: TextIO) -> str:
    """Return a text without what moves the cursor, in characters that the stream can write."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain.encode(encoding, "replace").decode(encoding)


def _measure_terminal(stream: TextIO) -> int:
    """Return how wide a terminal is now; one that does not say counts as 80."""
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or 80
    return 80


def _is_terminal(stream: TextIO) -> bool:
    return bool(stream and stream.isatty())


@contextmanager
def _write_above(line: Line, stream: TextIO) -> Iterator[None]:
    """Let what is written to a stream appear above the line.

    Log handlers keep the stream object, so it is its ``write`` that is replaced, not ``sys.stderr``.
    """
    original = stream.write

    def write(text: str) -> int:
        with line.lock:
            line.clear()
            written: int = original(text)
            if text:
                line.free = text.endswith("\n")
            if line.free:
                stream.flush()
                line.draw()
            return written

    stream.write = write  # type: ignore[method-assign]  # on the object, see above
    try:
        yield
    finally:
        stream.write = original  # type: ignore[method-assign]


@contextmanager
def _make_way(line: Line) -> Iterator[None]:
    """Keep the line away while a migration, or a debugger in it, asks: ``input`` does not write to ``sys.stdout``."""
    original = builtins.input

    def ask(*prompt: object) -> str:
        with line.lock:
            line.clear()
            line.free = False
        try:
            return original(*prompt)
        finally:
            line.free = True

    builtins.input = ask
    try:
        yield
    finally:
        builtins.input = original


@contextmanager
def _tick(line: Line) -> Iterator[None]:
    """Draw the line again and again from a thread, which does nothing else, and take it away after the block."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(TICK):
            line.draw()

    thread = threading.Thread(target=tick, name="flask_migrate_script.progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        line.clear()
