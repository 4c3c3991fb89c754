"""Signals: Ctrl-C and SIGTERM end a run at once, also where the driver waits for the database in C.

Python runs a handler when the main thread comes back from C. psycopg2, mysqlclient and sqlite3 are there for as long as
a statement takes, which may be hours, with the statement that a lock keeps waiting, too. The signal itself arrives at
once, at the descriptor of ``signal.set_wakeup_fd``: a thread that reads it has the database stop the statement.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Iterator

from ..seam import events

PATIENCE = 0.3
"""Seconds that Python has to run the handler, as it does where the main thread is not in C."""

_LATE = 1.0
"""Seconds that the thread may be late to see what the handler has seen already."""

_STOP = 0


@dataclass
class _Handled:
    """When the handler last ran, by the monotonic clock."""

    time: float = float("-inf")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM raise KeyboardInterrupt in the block, where the program has said nothing else of them."""
    if threading.current_thread() is not threading.main_thread():
        yield  # which no signal reaches
        return
    handled = _Handled()

    def interrupt(number: int, frame: Any) -> None:
        handled.time = time.monotonic()
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = {number: old for number, old in before.items() if old in (signal.SIG_DFL, signal.default_int_handler)}
    for number in ours:
        signal.signal(number, interrupt)
    try:
        with _watch(handled) if ours else nullcontext():
            yield
    finally:
        for number, old in ours.items():
            signal.signal(number, old)


@contextmanager
def _watch(handled: _Handled) -> Iterator[None]:
    """Have the database stop what runs, where a signal arrives and its handler does not run."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    if before != -1:
        signal.set_wakeup_fd(before)  # the program waits for signals in its own way
    over = threading.Event()
    events.install()
    thread = threading.Thread(
        target=_stop_statements, args=(reading, handled, over), name="flask_migrate_script.signals", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        if before == -1:
            signal.set_wakeup_fd(-1)
        over.set()
        os.write(writing, bytes([_STOP]))
        thread.join()
        os.close(reading)
        os.close(writing)


def _stop_statements(reading: int, handled: _Handled, over: threading.Event) -> None:
    """Stop the main thread's statement for every signal whose number can be read, until that is ``_STOP``."""
    while _STOP not in (numbers := os.read(reading, 64)):
        arrived = time.monotonic() - _LATE
        while {*numbers} & _INTERRUPTING and not over.wait(PATIENCE) and handled.time < arrived:
            with suppress(Exception):  # a server that is gone has stopped it already
                events.stop_statement(threading.main_thread())


_INTERRUPTING = {int(signal.SIGINT), int(signal.SIGTERM)}
