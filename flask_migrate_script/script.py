"""``python manage.py db …``: MigrateCommand, a Flask-Script Manager built from the verbs.

Only this module knows argparse and Flask-Script; the Manager it builds on is the one the application has imported.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from difflib import get_close_matches
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NoReturn,
    Optional,
    Sequence,
    Tuple,
    Type,
    Union,
)

from . import compat, options, startup
from .command_line import format_usage_error, run_verb
from .invocation import repeat_command_line
from .options import Parameter, Seconds, Times, Values, Verb

if TYPE_CHECKING:
    from flask import Flask

Foreign = Any
"""An object of Flask-Script's, which has no types: a Manager, a Command, an Option."""

Settings = Dict[str, Any]
"""Keywords of ``add_argument`` or ``add_subparsers``."""

_module = compat.find_script_module()
startup.explain_databases(compat.launcher)

Command = _module.Command
Group = _module.Group
Manager = _module.Manager
Option = _module.Option
Server = _module.Server
Shell = _module.Shell
prompt = _module.prompt
prompt_bool = _module.prompt_bool
prompt_choices = _module.prompt_choices
prompt_pass = _module.prompt_pass


class VerbCommand(Command):  # type: ignore[misc,valid-type]  # Flask-Script has no types
    """A verb as a Flask-Script command."""

    capture_all_args = True  # so that an unknown option can be named

    def __init__(self, verb: Verb, manager: MigrateManager) -> None:
        super().__init__()
        self.verb = verb
        self.manager = manager
        self.help = self.__doc__ = options.read_summary(verb)

    def get_options(self) -> List[Foreign]:
        own = [
            Option(*_name_option(parameter), **_describe_option(parameter, self.verb))
            for parameter in options.read_parameters(self.verb)
        ]
        return [*own, Option("--raiseerr", dest=f"{_AFTER}raiseerr", action="store_true", help=_RAISEERR)]

    def create_parser(self, *args: object, **kwargs: object) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().create_parser(*args, **kwargs)
        if compat.is_completing():
            _add_completers(parser, self.verb, self.manager)
        return parser

    def run(self, unknown: List[str], **values: object) -> None:
        words = f"{compat.launcher} {self.manager.prog}"
        if unknown:
            self._refuse(unknown, words)
        after = _pick(_AFTER, values)
        for parameter in options.read_parameters(self.verb):
            if parameter.kind == "many" and after[parameter.name] is None:
                after[parameter.name] = _read_variable(self.verb, parameter)
        line = repeat_command_line(f"{compat.launcher} {shlex.quote(sys.argv[0])}") or words
        run_verb(self.verb, self.manager.prog.rpartition(" ")[2], line, self.manager.given, after)

    def _refuse(self, unknown: List[str], words: str) -> NoReturn:
        name = options.name_command(self.verb)
        flags = [flag for option in self.get_options() for flag in option.args if flag.startswith("-")]
        what = "option" if unknown[0].startswith("-") else "argument"
        near = get_close_matches(unknown[0].partition("=")[0], [*flags, "--help"], 1)
        _refuse_command(f"{words} {name}", f"unknown {what} {unknown[0]!r}", near)


class MigrateManager(Manager):  # type: ignore[misc,valid-type]  # Flask-Script has no types
    """The ``db`` command: a sub-manager with every verb in it."""

    help_args = ("-?", "-h", "--help")
    subparser_kwargs: Settings

    def __init__(self) -> None:
        super().__init__(usage="Perform database migrations")
        self.given: Settings = {}
        self.prog = "manage.py db"
        from .verbs import VERBS

        for verb in VERBS:
            self.add_command(options.name_command(verb), VerbCommand(verb, self))

    def get_options(self) -> List[Foreign]:
        """Return the options that may stand before the verb, and those that old code added."""
        return [*_list_options_before(), *super().get_options()]

    def __call__(self, app: Optional[Flask] = None, **kwargs: object) -> object:
        self.given = _read_before(kwargs)
        others = {name: value for name, value in kwargs.items() if not name.startswith(_BEFORE)}
        return super().__call__(app, **others)

    def create_parser(
        self, prog: str, func_stack: Tuple[object, ...] = (), parent: Foreign = None
    ) -> argparse.ArgumentParser:
        self.prog = " ".join([os.path.basename(sys.argv[0]), *_list_names(parent), prog])
        verbs = {"prog": self.prog, "action": _VerbAction, "parser_class": _VerbParser, "metavar": "VERB"}
        self.subparser_kwargs = {**self.subparser_kwargs, **verbs}
        parser: argparse.ArgumentParser = super().create_parser(prog, func_stack=func_stack, parent=parent)
        parser.set_defaults(func_stack=(*func_stack, self, _NoVerb(parser, f"{compat.launcher} {self.prog}")))
        return parser


class _NoVerb:
    """Where there are options and no verb; Flask-Script would say "too few arguments" of the whole command line."""

    capture_all_args = True

    def __init__(self, parser: argparse.ArgumentParser, words: str) -> None:
        self.parser = parser
        self.words = words

    def __call__(self, app: Flask, unknown: List[str]) -> NoReturn:
        _refuse_command(self.words, f"unknown option {unknown[0]!r}" if unknown else "a verb is missing")


class _VerbParser(argparse.ArgumentParser):
    """The parser of one verb, with the errors of this command line instead of the usage of all its options."""

    def error(self, message: str) -> NoReturn:
        _refuse_command(f"{compat.launcher} {self.prog}", message)


class _Verbs(Mapping[str, argparse.ArgumentParser]):
    """argparse's sub-parsers by name; to ask for one that is not there is an error that names the nearest."""

    def __init__(self, parsers: Mapping[str, argparse.ArgumentParser], prog: str) -> None:
        self.parsers = parsers
        self.prog = prog

    def __getitem__(self, name: str) -> argparse.ArgumentParser:
        return self.parsers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parsers)

    def __len__(self) -> int:
        return len(self.parsers)

    def __contains__(self, name: object) -> bool:
        if name not in self.parsers:
            near = get_close_matches(str(name), list(self.parsers), 1)
            _refuse_command(f"{compat.launcher} {self.prog}", f"unknown verb {name!r}", near)
        return True


class _VerbAction(type(argparse.ArgumentParser().add_subparsers())):  # type: ignore[misc]  # argparse's own, unnamed
    """argparse's sub-parsers action with ``_Verbs`` for its choices."""

    choices: Mapping[str, argparse.ArgumentParser]

    def __init__(self, *args: object, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choices = _Verbs(self.choices, kwargs["prog"])


def _list_names(manager: Foreign) -> List[str]:
    """Return the names of the sub-managers on the way to one, as they are typed."""
    above = getattr(manager, "parent", None)
    if above is None:
        return []
    return [*_list_names(above), *(name for name, command in above._commands.items() if command is manager)]


_RAISEERR = "show the traceback of an error"


def _list_options_before() -> List[Foreign]:
    """Return the options for every verb, which may stand before it; those of Alembic's own command line among them."""
    flag: Settings = {"action": "store_true"}
    return [
        _make_option("-d", "--directory", metavar="DIRECTORY", help="migrations folder, for any verb"),
        _make_option("-x", "--x-arg", metavar="X_ARG", action="append", help="argument for env.py, for any verb"),
        _make_option(
            "-c", "--config", metavar="CONFIG", help="configuration file instead of alembic.ini in that folder"
        ),
        _make_option("-n", "--name", metavar="NAME", help="section of the configuration file (default: alembic)"),
        _make_option("-q", "--quiet", **flag, help="print no results"),
        _make_option("--raiseerr", **flag, help=_RAISEERR),
    ]


def _make_option(*flags: str, **settings: object) -> Foreign:
    return Option(*flags, dest=_BEFORE + flags[-1][2:].replace("-", "_"), **settings)


_BEFORE, _AFTER = "_before_the_verb_", "_of_the_verb_"
"""What argparse puts before the names of our options: all options of a command line share one namespace, and an
application's own ``--dry-run`` or ``--db-name`` would take the value of ours, or lose its own."""


def _pick(prefix: str, values: Values) -> Settings:
    return {name[len(prefix) :]: value for name, value in values.items() if name.startswith(prefix)}


def _name_option(parameter: Parameter) -> Tuple[str, ...]:
    return parameter.flags or (_AFTER + parameter.name,)


def _describe_option(parameter: Parameter, verb: Verb) -> Settings:
    """Return the keywords of ``add_argument`` for a parameter."""
    settings: Settings = {"help": parameter.help.replace("%", "%%")}
    if parameter.kind != "flag" and not parameter.choices:
        settings["metavar"] = parameter.name.upper() if parameter.flags else parameter.name
    if not parameter.flags:
        if parameter.kind == "many":
            settings["nargs"] = "+" if parameter.required or not parameter.default else "*"
        elif not parameter.required:
            settings["nargs"] = "?"
        return {**settings, "default": parameter.default}
    default = None  # the folder is read last, by choose_directory
    if parameter.name != "directory" and parameter.kind != "many":  # argparse would append to a list of the variable's
        default = _read_variable(verb, parameter)
    action = {"flag": "store_true", "many": "append"}.get(parameter.kind)
    read = partial(_read_number, parameter.type) if parameter.type in (Seconds, Times) else parameter.type
    kept = {"action": action} if action else {"type": read, "choices": parameter.choices or None}
    return {**settings, **kept, "dest": _AFTER + parameter.name, "default": default}


def _read_number(number: Union[Type[Seconds], Type[Times]], typed: str) -> Union[Seconds, Times]:
    try:
        return number(typed)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{typed!r} is not {number.kind}") from None


def _read_variable(verb: Verb, parameter: Parameter) -> object:
    return options.read_variable(options.name_variable(verb, parameter.name), parameter)


def _add_completers(parser: argparse.ArgumentParser, verb: Verb, manager: Foreign) -> None:
    """Tell argcomplete what may be offered for a value: the attribute ``completer`` of argparse's own object for it.

    argparse has no public list of those; Flask-Script reads ``_actions`` too (seen on Python 3.9 to 3.14).
    """
    kinds = {_AFTER + parameter.name: parameter.completes for parameter in options.read_parameters(verb)}
    for action in getattr(parser, "_actions", ()):
        if kinds.get(action.dest):
            action.completer = _make_completer(kinds[action.dest], verb, manager)


def _make_completer(kind: str, verb: Verb, manager: Foreign) -> Callable[..., Dict[str, str]]:
    """Return what argcomplete calls with the word so far and the values of the words before it."""

    def complete(prefix: str, parsed_args: argparse.Namespace, **others: object) -> Dict[str, str]:
        from .completion import find_candidates

        values = vars(parsed_args)
        before = _read_before(values)
        directory = options.choose_directory(verb, values.get(f"{_AFTER}directory"), before.get("directory"))
        return find_candidates(kind, prefix, lambda: _make_application(manager, values), directory, before)

    return complete


def _make_application(manager: Foreign, values: Values) -> Flask:
    """Return the application of the topmost manager, made with its own options where it has to be made."""
    while manager.parent is not None:
        manager = manager.parent
    parser = argparse.ArgumentParser(add_help=False)
    for option in manager.get_options():
        parser.add_argument(*option.args, **option.kwargs)
    given = vars(parser.parse_args([]))
    application: Flask = manager(**{name: values.get(name, default) for name, default in given.items()})
    return application


def _read_before(values: Settings) -> Settings:
    """Return the values of the options before the verb, by the names they have after it."""
    given = _pick(_BEFORE, values)
    x_arg = (os.environ.get(options.name_variable(None, "x_arg")) or "").split()
    return {**given, "x_arg": given.get("x_arg") or x_arg}


def _refuse_command(command: str, problem: str, near: Sequence[str] = ()) -> NoReturn:
    print(format_usage_error(command, problem, near), file=sys.stderr)
    sys.exit(2)


MigrateCommand = MigrateManager()
