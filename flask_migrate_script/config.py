"""The shared core: from what the application registered to the Config that Alembic works with."""

from __future__ import annotations

import argparse
import ast
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, Optional, Sequence, Set, TextIO, Tuple, Union, cast

from alembic import __version__ as _alembic_release
from alembic.config import Config as AlembicConfig
from flask import current_app

from . import invocation
from .console.stdout import ResultStream
from .errors import MigrateError
from .failure_context import note_failures

if TYPE_CHECKING:
    from .extension import Migrate, MigrateState

XArg = Union[str, Sequence[str], None]

alembic_version: Tuple[int, ...] = tuple(int(part) for part in _alembic_release.split(".")[:3] if part.isdigit())


class Config(AlembicConfig):
    """Alembic's Config, with this package's templates for ``init``.

    :param template_directory: a folder of templates to use instead.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.template_directory: Optional[str] = kwargs.pop("template_directory", None)
        for name in ("stdout", "output_buffer"):
            kwargs.setdefault(name, _protect_terminal())
        super().__init__(*args, **kwargs)

    def get_template_directory(self) -> str:
        """Return the folder that ``init`` takes its templates from."""
        return self.template_directory or os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")

    def print_stdout(self, text: str, *arg: object) -> None:
        """Print a result, unless the command line says ``-q``, of which Alembic before 1.11 knows nothing."""
        if not getattr(self.cmd_opts, "quiet", False):
            super().print_stdout(text, *arg)


def _protect_terminal() -> Optional[TextIO]:
    """Return stdout for what Alembic prints: messages of revisions and SQL, which are other people's words."""
    return cast(TextIO, ResultStream(sys.stdout)) if sys.stdout else None


def require_alembic(what: str, *version: int) -> None:
    """Refuse what the installed Alembic is too old for.

    :param what: the verb or option, as the user knows it.
    :param version: the first release that has it.
    :raises MigrateError: if the installed one is older.
    """
    if alembic_version < version:
        first = ".".join(map(str, version[: 3 if any(version[2:]) else 2]))
        raise MigrateError(
            f"{what} needs Alembic {first} or newer; {_alembic_release} is installed.", "pip install --upgrade alembic"
        )


def get_state() -> MigrateState:
    """Return what the application registered: this package's state, or Flask-Migrate's own.

    :raises MigrateError: if nothing is registered.
    """
    state: Optional[MigrateState] = current_app.extensions.get("migrate")
    if state is None:
        raise MigrateError(
            f"Migrate is not registered on the application {current_app.name!r}.",
            "Add Migrate(app, db) where the application is made; with init_app, check that it is called.",
        )
    return state


@contextmanager
def open_config(directory: Optional[str], x_arg: XArg, autogenerate: bool = False) -> Iterator[Config]:
    """Yield the Config for one verb; env.py finds fresh ``configure_args`` for as long as it runs.

    :param directory: the migrations folder; None for the registered one.
    :param x_arg: arguments for env.py.
    :param autogenerate: env.py is told so in ``config.cmd_opts``.
    """
    state = get_state()
    directory = find_directory(directory)
    config = make_config(getattr(state, "migrate", None), directory, x_arg, ("autogenerate",) if autogenerate else ())
    taken = _read_keywords(os.path.join(directory, "env.py"))
    with note_failures(config=config), _lend_configure_args(state, taken):
        yield config


def make_config(migrate: Optional[Migrate], directory: str, x_arg: XArg, opts: Sequence[str]) -> Config:
    """Return the Config for a migrations folder, as the registered configure callbacks leave it.

    :param migrate: the registered Migrate, this package's or Flask-Migrate's.
    :param opts: names to set to True in ``config.cmd_opts``.
    :raises MigrateError: if there is no file of the name given with ``-c``, which Alembic takes for an empty one.
    """
    run = invocation.get_invocation()
    if run.ini and not os.path.isfile(run.ini):
        raise MigrateError(
            f"There is no file {run.ini}.",
            "Nothing was changed. Say with -c where it is; without -c it is alembic.ini in the migrations folder.",
        )
    config = Config(run.ini or os.path.join(directory, "alembic.ini"), ini_section=run.section)
    with note_failures(config=config):
        config.set_main_option("script_location", directory.replace("%", "%%"))
        return run_callbacks(migrate, config, x_arg, opts)


def find_directory(directory: Optional[str]) -> str:
    """Return the migrations folder: the one that was asked for, or the registered one."""
    return str(directory or get_state().directory)


def choose_template(template: Optional[str], multidb: bool) -> Tuple[Optional[str], str]:
    """Return the folder of templates, None for this package's, and the name in it."""
    if not template:
        return None, "flask-multidb" if multidb else "flask"
    if os.sep in template or "/" in template:
        return os.path.split(template.rstrip("/" + os.sep))
    return None, template


def make_config_to_init(directory: str, template_directory: Optional[str], x_arg: XArg) -> Config:
    """Return the Config for a migrations folder that is to be made.

    :param template_directory: a folder of templates; None for this package's.
    """
    config = Config(os.path.join(directory, "alembic.ini"), template_directory=template_directory)
    config.set_main_option("script_location", directory.replace("%", "%%"))
    return run_callbacks(getattr(get_state(), "migrate", None), config, x_arg)


def run_callbacks(migrate: Optional[Migrate], config: Config, x_arg: XArg, opts: Sequence[str] = ()) -> Config:
    """Return the Config with its ``cmd_opts``, after the application's ``@migrate.configure`` functions."""
    values = {"x": [x_arg] if isinstance(x_arg, str) else list(x_arg or ()), **dict.fromkeys(opts, True)}
    config.cmd_opts = argparse.Namespace(**values)
    if invocation.get_invocation().quiet:
        config.cmd_opts.quiet = True
    call = getattr(migrate, "call_configure_callbacks", None)
    return (call(config) if call else None) or config


@contextmanager
def _lend_configure_args(state: MigrateState, taken: Set[str]) -> Iterator[None]:
    """Give env.py a copy of ``configure_args`` without the keywords that it passes itself.

    env.py may write ``compare_type=True, **configure_args``, which is a TypeError where both have the keyword: its own
    value wins. A copy, because the env.py of Flask-Migrate 4 writes into it, and what one run left there is stale in
    the next.
    """
    registered = getattr(state, "configure_args", None)
    if registered is None:
        yield
        return
    state.configure_args = {name: value for name, value in registered.items() if name not in taken}
    try:
        yield
    finally:
        state.configure_args = registered


def _read_keywords(path: str) -> Set[str]:
    """Return the keywords that env.py passes by name in calls that also unpack a mapping."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return set()  # Alembic reads the file next, and its error is the one to show
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    unpacking = [call for call in calls if any(keyword.arg is None for keyword in call.keywords)]
    return {keyword.arg for call in unpacking for keyword in call.keywords if keyword.arg}
