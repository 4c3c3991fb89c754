"""What TAB offers for a word that names something: a revision, a range of them, a database, a template."""

from __future__ import annotations

import os
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Callable, Dict, Optional

from .invocation import make_invocation, use_invocation

if TYPE_CHECKING:
    from flask import Flask

    from .options import Values

Candidates = Dict[str, str]
"""Words, and what each means, which some shells show."""


def find_candidates(
    kind: str, written: str, app: Callable[[], Flask], directory: Optional[str], before: Values
) -> Candidates:
    """Return what a word may become; nothing where anything fails: nobody wants an error in the middle of a line.

    No database is asked. What the application prints meanwhile is not shown.

    :param kind: what it names, as its declaration in ``options`` says.
    :param written: the word so far.
    :param app: returns the application.
    :param directory: the migrations folder; None for the registered one.
    :param before: the values of the options before the verb, by name.
    """
    try:
        invocation = make_invocation("", before)
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()), use_invocation(invocation), app().app_context():
            found = _KINDS[kind](written, directory)
    except (Exception, SystemExit):
        return {}
    return {word: " ".join(meaning.split()) for word, meaning in found.items() if word.startswith(written)}


def _list_revisions(written: str, directory: Optional[str]) -> Candidates:
    from alembic.script import ScriptDirectory

    from .config import open_config

    with open_config(directory, None) as config:
        scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    return {
        **{label: "branch label" for script in scripts for label in script.branch_labels},
        **{script.revision: script.doc or "" for script in scripts},
        "head": "the last revision",
        "heads": "the last revision of every branch",
        "base": "before the first revision",
    }


def _list_range_ends(written: str, directory: Optional[str]) -> Candidates:
    """A range is ``START:END``: its colon belongs to the word, and the shell leaves no space behind it."""
    found = {**_list_revisions(written, directory), "current": "where the database is"}
    start, colon, _ = written.rpartition(":")
    if colon:
        return {f"{start}:{word}": meaning for word, meaning in found.items()}
    return {f"{word}:": meaning for word, meaning in found.items()}


def _list_databases(written: str, directory: Optional[str]) -> Candidates:
    from .config import get_state
    from .databases import list_binds

    binds = dict.fromkeys(list_binds(get_state().db), "a bind")
    return {"default": "the database that has no bind", **binds}


def _list_templates(written: str, directory: Optional[str]) -> Candidates:
    from .config import Config

    return dict.fromkeys(os.listdir(Config().get_template_directory()), "")


_KINDS: Dict[str, Callable[[str, Optional[str]], Candidates]] = {
    "revision": _list_revisions,
    "range": _list_range_ends,
    "bind": _list_databases,
    "template": _list_templates,
}
