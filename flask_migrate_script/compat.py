"""What it takes to run Flask-Script on today's Flask and Python; nothing is changed where nothing is broken.

Flask-Script 2.0.6 (2017) is its last release. Each repair says what broke and when; all of them can go when
Flask-Script itself is no longer supported. The installed package is never edited.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import os
import sys
from contextlib import ExitStack, contextmanager
from types import MethodType, ModuleType, SimpleNamespace
from typing import Any, Callable, Iterator, Tuple

from .errors import MigrateError

launcher = "python"
"""How the running script was started, up to its own name; ``python -m flask_migrate_script`` changes it."""


def find_script_module() -> ModuleType:
    """Return the module whose Manager the application uses: Flask-Script, repaired, or Flask-Script-NG.

    The one that is imported already; else the maintained fork where it is installed.

    :raises MigrateError: if neither is installed.
    """
    for name in ("flask_script_ng", "flask_script"):
        if name in sys.modules:
            return _repair(sys.modules[name])
    if importlib.util.find_spec("flask_script_ng"):
        return _repair(importlib.import_module("flask_script_ng"))
    return import_flask_script()


def import_flask_script() -> ModuleType:
    """Import Flask-Script where Flask no longer has what it imports, and repair what breaks later.

    :raises MigrateError: if it is not installed.
    """
    with ExitStack() as lent:
        lent.enter_context(_lend_flask_compat())
        lent.enter_context(_lend_request_context_stack())
        try:
            module = importlib.import_module("flask_script")
        except ModuleNotFoundError as exc:
            if exc.name != "flask_script":
                raise
            raise MigrateError("Flask-Script is not installed.", "pip install Flask-Script") from exc
    return _repair(module)


def _repair(module: ModuleType) -> ModuleType:
    if module.__name__ == "flask_script":
        _repair_getargspec(importlib.import_module("flask_script.commands"))
        _repair_argparse(module)
    if is_completing():
        _leave_argparse_to_argcomplete(module)
    return module


def is_completing() -> bool:
    """Return whether argcomplete has started the script to learn what TAB may offer, and not to run it."""
    return "_ARGCOMPLETE" in os.environ


@contextmanager
def _lend_flask_compat() -> Iterator[None]:
    """Lend ``flask._compat.text_type``, which Flask-Script imports; Flask 2.0 removed the module."""
    name = "flask._compat"
    if name in sys.modules or importlib.util.find_spec(name):
        yield
        return
    sys.modules[name] = ModuleType(name)
    sys.modules[name].text_type = str  # type: ignore[attr-defined]  # a module made here has no declared names
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def _lend_request_context_stack() -> Iterator[None]:
    """Lend ``flask._request_ctx_stack``, of which Flask-Script's Shell reads ``top.app``; Flask 2.3 removed it."""
    import flask

    if _has(flask, "_request_ctx_stack"):
        yield
        return
    flask._request_ctx_stack = _ContextStack()  # type: ignore[attr-defined]  # lent to Flask-Script for its import
    try:
        yield
    finally:
        del flask._request_ctx_stack  # type: ignore[attr-defined]  # as above


class _ContextStack:
    """Stands in for Flask's stack of request contexts: the top is the context of the running command."""

    @property
    def top(self) -> SimpleNamespace:
        from flask import current_app

        return SimpleNamespace(app=current_app._get_current_object())  # type: ignore[attr-defined]  # of LocalProxy


def _has(module: ModuleType, name: str) -> bool:
    """Flask 2.2 still has the name and warns of it, which is not for us to show."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hasattr(module, name)


def _repair_getargspec(commands: ModuleType) -> None:
    """Give Flask-Script's commands an ``inspect.getargspec``; Python 3.11 removed it.

    Only that module sees it: the real ``inspect`` stays as it is.
    """
    if hasattr(inspect, "getargspec") or isinstance(commands.inspect, _Inspect):
        return
    commands.inspect = _Inspect()  # type: ignore[attr-defined]  # the name Flask-Script imported it under


class _Inspect:
    """``inspect`` with the one function that Flask-Script misses."""

    def __getattr__(self, name: str) -> Any:
        return getattr(inspect, name)

    @staticmethod
    def getargspec(function: Callable[..., Any]) -> Tuple[Any, Any, Any, Any]:
        return inspect.getfullargspec(function)[:4]


def _repair_argparse(module: ModuleType) -> None:
    """Replace the patch that makes a manager without arguments print its help.

    Flask-Script keeps the original method under the name ``_parse_known_args2``, which argparse took for itself
    (seen on Python 3.13.5 and 3.14.10); every command line fails there.
    """
    if hasattr(argparse.ArgumentParser, "_parse_known_args2"):
        module.Manager._patch_argparser = lambda self, parser: print_help_without_arguments(parser)


def _leave_argparse_to_argcomplete(module: ModuleType) -> None:
    """Give up the help of a manager without arguments, so that its commands and options are completed.

    Flask-Script calls argcomplete, which follows the parsers through a method that it gives to their class; a method
    of a parser's own, as the patch sets it, hides that one (Flask-Script 2.0.6, Flask-Script-NG 2.1).
    """
    module.Manager._patch_argparser = lambda self, parser: None


def print_help_without_arguments(parser: argparse.ArgumentParser) -> None:
    """Make a parser print its help and exit with 2 where it is given no arguments.

    argparse has no public place for it: a sub-parser is entered through ``_parse_known_args`` (seen on Python 3.9 to
    3.14), so that is what is wrapped, on this one parser.

    :raises MigrateError: if argparse no longer has it.
    """
    parse = getattr(parser, "_parse_known_args", None)
    if parse is None:
        raise MigrateError(
            f"Python {sys.version.split()[0]} is newer than this package knows: argparse has changed.",
            "Use `flask db`, which does not need it, or a newer release of Flask-Migrate-Script.",
        )

    def parse_or_help(self: argparse.ArgumentParser, arg_strings: Any, *args: Any, **kwargs: Any) -> Any:
        if not arg_strings:
            self.print_help()
            self.exit(2)
        return parse(arg_strings, *args, **kwargs)

    parser._parse_known_args = MethodType(parse_or_help, parser)  # type: ignore[method-assign]  # on one instance
