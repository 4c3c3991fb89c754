"""Several Migrate objects on one application: each command of ``flask`` has the one that was registered for it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Dict, Iterator

from .errors import MigrateError

if TYPE_CHECKING:
    from flask import Flask

    from .extension import MigrateState

_KEY = "flask_migrate_script"
"""Where ``app.extensions`` has the states by the name of their command; "migrate", which env.py reads, has one."""


def register(app: Flask, command: str, state: MigrateState) -> None:
    """Let a command use a state, and every other caller, until another one is registered.

    :raises MigrateError: if the command is another Migrate's, for another database object or another folder.
    """
    states: Dict[str, MigrateState] = app.extensions.setdefault(_KEY, {})
    other = states.get(command)
    if other and other.migrate is not state.migrate and (other.db, other.directory) != (state.db, state.directory):
        raise MigrateError(
            f"Two Migrate objects on one application share the command {command!r}: one for the folder"
            f" {other.directory}, one for {state.directory}.",
            'Give one of them a command of its own: Migrate(app, db, directory="other", command="other_db")',
        )
    states[command] = app.extensions["migrate"] = state


@contextmanager
def use_registered(command: str) -> Iterator[None]:
    """Let whoever reads ``current_app.extensions["migrate"]`` in the block find what was registered for a command."""
    from flask import current_app

    extensions = current_app.extensions if current_app else {}
    states, last = extensions.get(_KEY, {}), extensions.get("migrate")
    if command not in states or last not in states.values():  # the last word may be Flask-Migrate's
        yield
        return
    extensions["migrate"] = states[command]
    try:
        yield
    finally:
        extensions["migrate"] = last
