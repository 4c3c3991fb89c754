"""``flask db …``: the verbs as a click group, made when it is first used. Only this module knows click."""

from __future__ import annotations

import re
from contextlib import contextmanager
from difflib import get_close_matches
from inspect import signature
from typing import (
    IO,
    TYPE_CHECKING,
    Any,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    Type,
    Union,
)

import click

from .command_line import format_usage_error, run_verb
from .invocation import repeat_command_line

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from .options import Parameter, Seconds, Times, Verb

    NumberType = click.ParamType[Union[Seconds, Times]]
else:
    NumberType = click.ParamType  # no generic class before click 8.4


class DatabaseGroup(click.Group):
    """The group of verbs; Flask holds it from the start, its commands are made when one is asked for.

    :param name: what the group is called after ``flask``.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, params=_list_options_before(), help="Perform database migrations.")

    def parse_args(self, ctx: click.Context, args: List[str]) -> List[str]:
        if not args:
            return super().parse_args(ctx, args)  # the help, which is a usage error since click 8.2
        with _show_usage_errors(self, ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if type(error) is click.UsageError and error.ctx is ctx:
                raise _UsageError(ctx, "a verb is missing") from None
            raise

    def list_commands(self, ctx: click.Context) -> List[str]:
        self._add_verbs()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Optional[click.Command]:
        self._add_verbs(cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: List[str]
    ) -> Tuple[Optional[str], Optional[click.Command], List[str]]:
        name = args[0]
        if not ctx.resilient_parsing and self.get_command(ctx, name) is None and not name.startswith("-"):
            raise _UsageError(ctx, f"unknown verb {name!r}", get_close_matches(name, self.list_commands(ctx), 1))
        return super().resolve_command(ctx, args)

    def _add_verbs(self, only: str = "") -> None:
        from .options import name_command
        from .verbs import VERBS

        for verb in VERBS:
            if name_command(verb) not in self.commands and only in ("", name_command(verb)):
                self.add_command(VerbCommand(verb))


class VerbCommand(click.Command):
    """A verb as a click command."""

    def __init__(self, verb: Verb) -> None:
        from flask.cli import with_appcontext

        from .options import name_command, read_parameters, read_summary

        params = [_make_parameter(verb, parameter) for parameter in read_parameters(verb)]
        params.append(click.Option(["--raiseerr"], is_flag=True, help=_RAISEERR))
        name = name_command(verb)
        super().__init__(name, params=params, callback=with_appcontext(_make_callback(verb)), help=read_summary(verb))

    def parse_args(self, ctx: click.Context, args: List[str]) -> List[str]:
        # click takes -1 for an option; with one among the arguments, what it does not know becomes an argument.
        ctx.ignore_unknown_options = any(re.fullmatch(r"-\d+", arg) for arg in args)
        known = [*_list_flags(self, ctx), "--"]
        unknown = next((arg for arg in args if arg.startswith("--") and arg.partition("=")[0] not in known), None)
        with _show_usage_errors(self, ctx):
            if ctx.ignore_unknown_options and unknown:
                raise click.NoSuchOption(unknown)
            return super().parse_args(ctx, args)


def _list_flags(command: click.Command, ctx: click.Context) -> List[str]:
    return [flag for param in command.get_params(ctx) for flag in param.opts if flag.startswith("-")]


class _UsageError(click.UsageError):
    """Shown as ``manage.py db`` shows it: click 8 says no next step where an option has no value."""

    def __init__(self, ctx: click.Context, problem: str, near: Sequence[str] = ()) -> None:
        super().__init__(problem, ctx)
        self.report = format_usage_error(ctx.command_path, problem, near)

    def show(self, file: Optional[IO[str]] = None) -> None:
        click.echo(self.report, err=True)


@contextmanager
def _show_usage_errors(command: click.Command, ctx: click.Context) -> Iterator[None]:
    """Show what click cannot read in the block as this command line does."""
    try:
        yield
    except click.NoSuchOption as error:
        near = get_close_matches(error.option_name, _list_flags(command, ctx), 1)
        raise _UsageError(ctx, f"unknown option {error.option_name!r}", near) from None
    except click.UsageError as error:
        raise _UsageError(ctx, error.format_message()) from None


_RAISEERR = "show the traceback of an error"


def _list_options_before() -> List[click.Parameter]:
    """Return the options for every verb, which may stand before it; those of Alembic's own command line among them."""
    return [
        _OnTheLine(["-d", "--directory"], help="migrations folder, for any verb"),
        click.Option(
            ["-x", "--x-arg"], multiple=True, envvar="FLASK_DB_X_ARG", help="argument for env.py, for any verb"
        ),
        _OnTheLine(["-c", "--config"], help="configuration file instead of alembic.ini in that folder"),
        _OnTheLine(["-n", "--name"], help="section of the configuration file (default: alembic)"),
        _OnTheLine(["-q", "--quiet"], is_flag=True, help="print no results"),
        _OnTheLine(["--raiseerr"], is_flag=True, help=_RAISEERR),
    ]


class _OnTheLine(click.Option):
    """An option that no variable stands for, though Flask derives one: ``FLASK_DB_NAME`` may be the application's own.

    Those of the migrations folder are read last, by ``choose_directory``.
    """

    def resolve_envvar_value(self, ctx: click.Context) -> Optional[str]:
        return None


def _make_parameter(verb: Verb, parameter: Parameter) -> click.Parameter:
    from .options import name_variable

    settings: Dict[str, Any]
    many = parameter.kind == "many"
    completion = _make_completion(verb, parameter.completes) if parameter.completes else {}
    if not parameter.flags:
        required = parameter.required or not parameter.default
        default = None if required or many else parameter.default
        settings = {"nargs": -1 if many else 1, "required": required, "default": default}
        return click.Argument([parameter.name], **settings, **completion)
    if parameter.name == "directory":
        return _OnTheLine([*parameter.flags, parameter.name], help=parameter.help)
    settings = {"envvar": name_variable(verb, parameter.name), "help": parameter.help}
    if parameter.kind == "flag":
        settings["is_flag"] = True
    elif many:
        settings["multiple"] = True
    else:
        settings.update(type=_choose_type(parameter), default=parameter.default)
    return click.Option([*parameter.flags, parameter.name], **settings, **completion)


def _choose_type(parameter: Parameter) -> object:
    from .options import Seconds, Times

    if parameter.choices:
        return click.Choice(parameter.choices)
    return _NumberType(parameter.type) if parameter.type in (Seconds, Times) else parameter.type


class _NumberType(NumberType):
    """A number that is not less than none.

    :param number: the class of ours that reads it.
    """

    def __init__(self, number: Type[Union[Seconds, Times]]) -> None:
        self.number, self.name = number, "float" if issubclass(number, float) else "integer"

    def convert(
        self, value: object, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> Union[Seconds, Times]:
        try:
            return self.number(str(value))
        except ValueError:
            self.fail(f"{value!r} is not {self.number.kind}", param, ctx)


def _make_completion(verb: Verb, kind: str) -> Dict[str, Any]:
    """Return the keywords that complete a value: one since click 8, another in click 7; click 6 has none."""

    def found(ctx: click.Context, written: str) -> Dict[str, str]:
        from flask.cli import ScriptInfo

        from .completion import find_candidates
        from .options import choose_directory

        before = ctx.parent.params if ctx.parent else {}
        directory = choose_directory(verb, ctx.params.get("directory"), before.get("directory"))
        return find_candidates(kind, written, lambda: ctx.ensure_object(ScriptInfo).load_app(), directory, before)

    if hasattr(click.Parameter, "shell_complete"):
        return {"shell_complete": lambda ctx, param, incomplete: _make_items(found(ctx, incomplete))}
    if "autocompletion" in signature(click.Parameter).parameters:
        return {"autocompletion": lambda ctx, args, incomplete: list(found(ctx, incomplete).items())}
    return {}


def _make_items(found: Dict[str, str]) -> List[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(word, help=meaning or None) for word, meaning in found.items()]


def _make_callback(verb: Verb) -> Verb:
    """Return the function that click calls for a verb."""
    from .options import read_parameters

    defaults = {parameter.name: parameter.default for parameter in read_parameters(verb)}

    def run(**values: object) -> None:
        context = click.get_current_context()
        before = context.parent.params if context.parent else {}
        after = {name: defaults.get(name) if value in ((), None) else value for name, value in values.items()}
        line = repeat_command_line(context.find_root().info_name or "flask") or context.command_path.rpartition(" ")[0]
        run_verb(verb, str(context.parent.command.name) if context.parent else "db", line, before, after)

    return run
