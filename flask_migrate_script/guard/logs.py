"""A quiet guest: the program's logging is afterwards as it was, whatever env.py's ``fileConfig`` did to it."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, suppress
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..console.terminal import remove_controls
from ..errors import MigrateError

Kept = Tuple[int, List[logging.Handler], List[Any], bool, bool]


@contextmanager
def keep_logging() -> Iterator[None]:
    """Put levels, handlers, filters, ``disabled`` and propagation of every logger back after the block."""
    before = {logger: _read_state(logger) for logger in _list_loggers()}
    with _hide_handlers(), _protect_terminal():
        try:
            yield
        finally:
            for logger in _list_loggers():
                _restore(logger, before.get(logger))


def _list_loggers() -> List[logging.Logger]:
    named = logging.Logger.manager.loggerDict.values()
    return [logging.getLogger(), *(logger for logger in list(named) if isinstance(logger, logging.Logger))]


def _read_state(logger: logging.Logger) -> Kept:
    return logger.level, list(logger.handlers), list(logger.filters), logger.disabled, logger.propagate


def _restore(logger: logging.Logger, kept: Optional[Kept]) -> None:
    """Put a logger back; one that was made meanwhile loses only what a configuration file gave it."""
    level, handlers, filters, disabled, propagate = kept or (logging.NOTSET, [], [], False, True)
    logger.setLevel(level)
    logger.handlers[:] = handlers
    logger.filters[:] = filters
    logger.disabled, logger.propagate = disabled, propagate


@contextmanager
def _protect_terminal() -> Iterator[None]:
    """Keep from a terminal what it would take for a command: Alembic logs the messages of revisions.

    Whoever else logs meanwhile has it done to them, too. Where stderr is a pipe or a file, nothing is changed.
    """
    if not (sys.stderr and sys.stderr.isatty()):
        yield
        return
    make = logging.getLogRecordFactory()

    def make_harmless(*args: Any, **named: Any) -> logging.LogRecord:
        record = make(*args, **named)
        with suppress(Exception):  # arguments that do not fit: the handler tells of that
            record.msg, record.args = remove_controls(record.getMessage()), ()
        return record

    logging.setLogRecordFactory(make_harmless)
    try:
        yield
    finally:
        logging.setLogRecordFactory(make)


@contextmanager
def _hide_handlers() -> Iterator[None]:
    """Hide the program's handlers from ``fileConfig`` and ``dictConfig``, which close every handler they find.

    A closed file handler opens its file again, and one of mode "w" empties it. The lists they go through have private
    names: ``logging._handlerList`` and ``logging._handlers`` (seen on Python 3.9 to 3.14).

    :raises MigrateError: where Python no longer has them.
    """
    known: Any = getattr(logging, "_handlerList", None)
    named: Any = getattr(logging, "_handlers", None)
    if known is None or named is None:
        raise MigrateError(
            "This Python keeps its log handlers elsewhere.", "Use a newer release of Flask-Migrate-Script."
        )
    handlers, names = known[:], dict(named)
    known[:] = []
    try:
        yield
    finally:
        known[:] = [*handlers, *(one for one in known if one not in handlers)]
        _put_back(named, names)


def _put_back(named: Any, names: Dict[str, logging.Handler]) -> None:
    named.clear()
    named.update(names)
