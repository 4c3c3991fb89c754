"""Standard output is for what a verb found; whatever else would be written there goes to standard error."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Iterator, List, Optional, TextIO

from ..errors import MigrateError
from .terminal import make_printable, remove_controls

_reserved: ContextVar[Optional[TextIO]] = ContextVar("flask_migrate_script.stdout", default=None)
"""Where results go while descriptor 1 leads to standard error."""


@contextmanager
def reserve_stdout() -> Iterator[None]:
    """Leave stdout to :func:`write_result` in the block; after it nobody writes there any more.

    For a process that was started for this one result. It is descriptor 1 that is led to stderr, so it holds for every
    thread, for C code and child processes, and for log handlers that have kept ``sys.stdout``. It is not led back: the
    application's teardown functions and exit handlers come after the result.

    Where ``sys.stdout`` is not descriptor 1, a test runner or another program reads it: nothing is done then, and
    :func:`divert_prints` is what there is.
    """
    if _reserved.get() or _find_descriptor(sys.stdout) != 1:
        yield
        return
    # What is still in the buffer of sys.stdout is no result either: it is not flushed before.
    with open(os.dup(1), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors) as stream:
        _lead_descriptor_1_to_stderr()
        token = _reserved.set(stream)
        try:
            yield
        finally:
            _reserved.reset(token)


def write_result(text: str) -> None:
    """Write what a verb found, and a line end, to stdout.

    :raises CannotWrite: if it takes nothing.
    """
    stream = _reserved.get() or sys.stdout
    if stream:  # None where the program was started with stdout closed
        with _explain_unwritten():
            print(make_printable(text, stream), file=stream, flush=stream is not sys.stdout)


@contextmanager
def _explain_unwritten() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise CannotWrite(exc) from exc


class CannotWrite(MigrateError):
    """Nobody reads stdout any more, or there is no room where it leads."""

    def __init__(self, exc: OSError) -> None:
        super().__init__(f"What there is to print cannot be written to standard output: {exc.strerror}.")


def flush_stdout() -> Optional[CannotWrite]:
    """Write what is still in the buffer of ``sys.stdout``, and return why that cannot be done, if it cannot.

    Then what is left goes nowhere: the interpreter would try once more at its end, and show a traceback.
    """
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError as exc:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        return CannotWrite(exc)
    return None


def open_closed_streams() -> None:
    """Let what goes to a stream that this process has not go nowhere, and not to the first file that it opens."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # for the whole process


class ResultStream:
    """A stream for what Alembic prints, other people's words: a terminal does not get them as commands.

    A pipe or a file gets every character. Alembic goes on where one cannot be written to; here that is an error.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _explain_unwritten():
            return self._stream.write(remove_controls(text) if self._stream.isatty() else text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _lead_descriptor_1_to_stderr() -> None:
    descriptors = (_find_descriptor(stream) for stream in (sys.stderr, sys.__stderr__))
    stderr = next((one for one in descriptors if one is not None), None)
    if stderr is None:
        stderr = os.open(os.devnull, os.O_WRONLY)
    os.dup2(stderr, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a whole block would come long after what stderr says


def _find_descriptor(stream: Optional[TextIO]) -> Optional[int]:
    with suppress(AttributeError, OSError, ValueError):
        return stream.fileno() if stream else None
    return None


@contextmanager
def divert_prints() -> Iterator[None]:
    """Send what this thread prints in the block to stderr, and what it logs through handlers that write to stdout.

    For a program that has called a verb: its other threads print where they did before, and so do C code and child
    processes, since descriptor 1 belongs to all of them.
    """
    with _installing:
        split = sys.stdout if isinstance(sys.stdout, _Split) else _Split(sys.stdout)
        split.enter()
    try:
        yield
    finally:
        with _installing:
            split.leave()


_installing = threading.Lock()


class _Split:
    """``sys.stdout`` for every thread but those that are in ``divert_prints``: for them it is ``sys.stderr``.

    All threads share one, or the first to leave would put back what the last one had replaced.
    """

    def __init__(self, stdout: Optional[TextIO]) -> None:
        self._stdout = stdout
        self._diverted: Counter[int] = Counter()
        self._handlers: List[logging.StreamHandler[Any]] = []
        self._names: List[str] = []

    def enter(self) -> None:
        if not self._diverted:
            self._names = [name for name in ("stdout", "__stdout__") if getattr(sys, name) is self._stdout]
            self._handlers = [one for one in _list_stream_handlers() if self._stdout and one.stream is self._stdout]
            self._replace(self)
        self._diverted[threading.get_ident()] += 1

    def leave(self) -> None:
        self._diverted -= Counter([threading.get_ident()])
        if not self._diverted:
            self._replace(self._stdout)

    def _replace(self, stream: Any) -> None:
        for name in self._names:
            setattr(sys, name, stream)
        for handler in self._handlers:
            handler.setStream(stream)

    def _choose_stream(self) -> Optional[TextIO]:
        return sys.stderr if threading.get_ident() in self._diverted else self._stdout

    def write(self, text: str) -> int:
        stream = self._choose_stream()
        return int(stream.write(text)) if stream else len(text)

    def flush(self) -> None:
        stream = self._choose_stream()
        if stream:
            stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._choose_stream(), name)


def _list_stream_handlers() -> List[logging.StreamHandler[Any]]:
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    handlers = {one for logger in loggers if isinstance(logger, logging.Logger) for one in logger.handlers}
    return [one for one in handlers if isinstance(one, logging.StreamHandler)]
