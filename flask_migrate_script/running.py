"""From a verb to Alembic and back: one call, its parts, its result, its printing."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Callable, Iterator, List, Optional, Sequence, TypeVar, Union

from . import invocation
from .console.stdout import divert_prints, write_result
from .console.terminal import confirm, remove_controls
from .errors import Asked, CannotConnect, MigrateError
from .explain import explain_errors
from .guard.options import GuardOptions, Progress, Settings, complete_options, list_words, show_nothing
from .rehearsal.options import RehearsalOptions

if TYPE_CHECKING:
    from .autogenerate.keeping import KeepingData
    from .config import Config, XArg
    from .guard.results import DatabaseOutcome
    from .linting import Report
    from .options import Verb
    from .rehearsal.results import Rehearsal
    from .revisions.positions import Position
    from .seam.parts import Part
    from .seam.watch import Run

T = TypeVar("T")
Words = Union[str, Sequence[str], None]
"""What a repeatable option is given."""

_NO_OPTIONS = GuardOptions()
PATIENCE = 3.0
"""Seconds that a dry run waits for a lock in the database, where nothing else is said: others wait behind it."""


@dataclass(frozen=True)
class Call:
    """One call of a verb.

    :param directory: the migrations folder; None for the registered one.
    :param x_arg: arguments for env.py.
    :param asked: the revisions that the caller named.
    :param options: what is asked of the guard.
    :param changes: it changes databases.
    :param commits: what it changes lasts.
    :param autogenerate: env.py is told so in ``config.cmd_opts``.
    :param progress: what shows the steps while they run.
    :param parts: what stands around it beside the guard.
    """

    directory: Optional[str] = None
    x_arg: XArg = None
    asked: Asked = None
    options: GuardOptions = _NO_OPTIONS
    changes: bool = False
    commits: bool = True
    autogenerate: bool = False
    progress: Progress = show_nothing
    parts: Sequence[Part] = ()

    def run(self, name: str, *args: object, **kwargs: object) -> None:
        """Call one of Alembic's commands under the guard.

        :param name: of a function in ``alembic.command``; what follows is for it.
        :raises MigrateError: if it fails.
        """
        self._guard(lambda config: _call_alembic(config, name, *args, **kwargs))

    def run_for_document(self, name: str, *args: object, **kwargs: object) -> List[DatabaseOutcome]:
        """The same, and return what is true of each database that it may have changed; nothing goes to stdout.

        :raises MigrateError: if it fails, with the same in its ``outcomes``.
        """
        return self._guard(lambda config: _call_alembic(config, name, *args, **kwargs), for_document=True)

    def find(self, see: Callable[[Config], T]) -> T:
        """Return what a function finds in an open Config, under the guard; nothing goes to stdout.

        :param see: may be called again, where a server did not answer.
        :raises MigrateError: if it fails, a database does not answer, or the revisions make no graph.
        """

        def see_graph(config: Config) -> T:
            _refuse_cycles(config)
            return see(config)

        return self.find_in_files(see_graph)

    def find_in_files(self, see: Callable[[Config], T]) -> T:
        """The same where the revisions need not make a graph."""
        found: List[T] = []

        def act(config: Config) -> None:
            found[:] = [see(config)]

        self._guard(act, for_document=True)
        return found[0]

    def settings(self) -> Settings:
        """Return what the guard is to do, with what the application's configuration says.

        :raises MigrateError: if a bind is not configured.
        """
        from flask import current_app

        from .config import get_state
        from .seam.binds import check_names

        settings = complete_options(self.options, current_app.config, self.changes, self.commits, self.progress)
        if settings.binds:
            check_names(settings.binds, get_state().db)
        return settings

    def _guard(self, act: Callable[[Config], None], for_document: bool = False) -> List[DatabaseOutcome]:
        with explain(self.asked):
            from .config import open_config
            from .guard.run import run_guarded

            def attempt(run: Run) -> None:
                stdout = divert_prints() if for_document else nullcontext()
                with stdout, open_config(self.directory, self.x_arg, self.autogenerate) as config:
                    run.attach(config)
                    if self.changes or self.autogenerate:
                        self._refuse_shared_databases(config)
                    act(config)

            return run_guarded(attempt, self.settings(), self.asked, self.parts)

    def _refuse_shared_databases(self, config: Config) -> None:
        from .config import get_state
        from .guard.shared import refuse_shared_databases

        refuse_shared_databases(config, get_state().db, list_words(self.options.bind))


@contextmanager
def explain(asked: Asked = None) -> Iterator[None]:
    """Load what every verb needs, and turn whatever the block raises into a MigrateError.

    :param asked: the revisions that the caller named.
    """
    with explain_errors(asked):
        _load_libraries()
        yield


def _call_alembic(config: Config, name: str, *args: object, **kwargs: object) -> None:
    from alembic import command

    _refuse_cycles(config)
    _refuse_unusable(config, kwargs.get("rev_id"), kwargs.get("branch_label"))
    getattr(command, name)(config, *args, **kwargs)


def _refuse_cycles(config: Config) -> None:
    from alembic.script import revision

    if not hasattr(revision, "CycleDetected"):
        from .revisions.problems import refuse_cycles

        refuse_cycles(config)


def _refuse_unusable(config: Config, rev_id: object, label: object) -> None:
    """Alembic notices a taken identifier only when the second file is written; no command works from then on."""
    from alembic.script import ScriptDirectory

    from .revisions.typed import refuse_unusable_identifier, refuse_unusable_label

    if label is not None:
        refuse_unusable_label(str(label))
    if not rev_id:
        return
    scripts = ScriptDirectory.from_config(config)
    refuse_unusable_identifier(str(rev_id), scripts)
    for script in scripts.walk_revisions():
        if script.revision == rev_id:
            raise MigrateError(
                f"There is a revision {rev_id} already.", "Nothing was written. Choose another --rev-id."
            )


def quote_message(message: Optional[str]) -> Optional[str]:
    """Return a revision's message as a template can write it, whatever is in it."""
    from .revisions.typed import Message

    return None if message is None else Message(message)


_loading = threading.Lock()


def _load_libraries() -> None:
    """Import what the verbs need in one thread at a time.

    Where two import the same modules in another order, Python may hand out one that is half imported
    (https://github.com/python/cpython/issues/83065; seen on 3.9).

    What the import itself logs is no result: Alembic 1.17 and newer say ``setup plugin``.
    """
    with _loading, divert_prints():
        import alembic.command  # noqa: F401

        from . import config  # noqa: F401
        from .guard import run  # noqa: F401


def make_repository(
    directory: Optional[str], template: Optional[str], multidb: bool, package: bool, x_arg: XArg
) -> None:
    """Create a migrations folder.

    :raises MigrateError: if it has anything in it, or the template does not exist.
    """
    with explain():
        from alembic import command

        from .config import choose_template, find_directory, make_config_to_init

        folder, name = choose_template(template, multidb)
        chosen = find_directory(directory)
        command.init(make_config_to_init(chosen, folder, x_arg), chosen, template=name, package=package)


def require_alembic(what: str, *version: int) -> None:
    """Refuse what the installed Alembic is too old for.

    :param what: the verb or option, as the user knows it.
    :param version: the first release that has it.
    :raises MigrateError: if the installed one is older.
    """
    with explain():
        from .config import require_alembic

        require_alembic(what, *version)


def move(
    verb: Verb,
    call: Call,
    target: str,
    sql: bool,
    tag: Optional[str],
    rehearsal: Optional[RehearsalOptions],
    json: bool,
) -> None:
    """Upgrade or downgrade, or show what that would do.

    :param verb: the function of the verb.
    :param target: what Alembic is to be asked for.
    :param rehearsal: how it is rehearsed, where it is not to be done.
    :raises MigrateError: if a migration fails, or would.
    """
    if sql and (rehearsal or json):
        wrong = f"{'--dry-run' if rehearsal else '--json'} and --sql do not go together."
        raise MigrateError(wrong, "Nothing was changed. {db} " + verb.__name__ + " --help shows what each is for.")
    if rehearsal:
        _print_rehearsal(verb, call, target, tag, rehearsal, json)
    elif json:
        _print_outcomes(verb.__name__, call, target, tag)
    else:
        call.run(verb.__name__, target, sql=sql, tag=tag)


def _print_outcomes(name: str, call: Call, target: str, tag: Optional[str]) -> None:
    from .guard.results import document_outcomes

    try:
        outcomes = call.run_for_document(name, target, tag=tag)
    except (MigrateError, KeyboardInterrupt) as error:
        print_json(document_outcomes(getattr(error, "outcomes", [])))
        raise
    print_json(document_outcomes(outcomes))


def _print_rehearsal(
    verb: Verb, call: Call, target: str, tag: Optional[str], options: RehearsalOptions, json: bool
) -> None:
    with explain(target):
        from .console.terminal import choose_paint
        from .rehearsal.report import command, text
        from .rehearsal.results import document_rehearsal
    found = rehearse_call(verb.__name__, call, target, tag, options)
    with_sql = call.options.verbose
    if json:
        print_json(document_rehearsal(found, with_sql))
    else:
        given = {**vars(call.options), "revision": target, "tag": tag}
        print_painted(text(found, command(verb, given), with_sql, choose_paint(sys.stdout)))
    if found.failure:
        raise found.failure.report


def rehearse(
    verb: str,
    revision: Optional[str] = None,
    directory: Optional[str] = None,
    x_arg: XArg = None,
    tag: Optional[str] = None,
    bind: Words = None,
    lock_timeout: Optional[float] = None,
    no_lock: bool = False,
    wait: Optional[float] = None,
    ddl_timeout: Optional[float] = None,
    ddl_retries: Optional[int] = None,
    verbose: bool = False,
    rehearse_seconds: Optional[float] = None,
    no_copy: bool = False,
    rehearse_rows: Optional[int] = None,
    copy_logged: bool = False,
) -> Rehearsal:
    """Return what an upgrade or a downgrade would do, and change nothing.

    On PostgreSQL and SQLite the migrations run, in a transaction that is never committed; they hold the locks of the
    real run until it is rolled back. On MySQL and MariaDB they run on a copy. Where there can be none, and on other
    databases, they are read in offline mode and nothing is executed. What a migration writes past SQLAlchemy cannot be
    held back. What env.py prints goes to stderr.

    :param verb: ``"upgrade"`` or ``"downgrade"``.
    :param revision: where to; ``"head"`` for an upgrade, ``"-1"`` for a downgrade.
    :param directory: the migrations folder; None for the registered one.
    :param x_arg: arguments for env.py.
    :param tag: free text for env.py.
    :param no_copy: on MySQL and MariaDB, read the scripts, and rehearse on no copy.
    :param rehearse_rows: rows of each table that are copied at the most; 10,000 unless given, 0 for none.
    :param copy_logged: copy rows even where they go into the server's binary log.

    The parameters of the guard are those of :func:`flask_migrate_script.upgrade`.

    :returns: the databases with their steps, and the failure where a step would fail.
    :raises MigrateError: if it cannot begin: no such revision, no database that answers.
    """
    defaults = {"upgrade": "head", "downgrade": "-1"}
    if verb not in defaults:
        raise MigrateError(f"There is no rehearsal of {verb!r}.", 'It is "upgrade" or "downgrade".')
    target = defaults[verb] if revision is None else str(revision)
    options = GuardOptions(bind, lock_timeout, no_lock, wait, ddl_timeout, ddl_retries, verbose, rehearse_seconds)
    rehearsal = RehearsalOptions(no_copy, rehearse_rows, copy_logged)
    return rehearse_call(verb, Call(directory, x_arg, target, options), target, tag, rehearsal)


def rehearse_call(name: str, call: Call, target: str, tag: Optional[str], options: RehearsalOptions) -> Rehearsal:
    """Return what a call of ``upgrade`` or ``downgrade`` would do, and change nothing.

    :param options: how it is rehearsed.

    :raises MigrateError: if it cannot begin.
    """
    with explain(target):
        from .rehearsal.rehearse import rehearse_command

        undone = replace(call, asked=target, changes=True, commits=False, progress=show_nothing)
        settings = undone.settings()
        if not settings.ddl_timeout:
            undone = replace(undone, options=replace(undone.options, ddl_timeout=PATIENCE))
        return rehearse_command(name, target, tag, undone.settings(), options, undone.find)


def keep_data(rename: Words, fill: Words, bind: Words, allow_drop_all: bool) -> KeepingData:
    """Return what works on a generated script before env.py sees it.

    :raises MigrateError: if ``rename`` or ``fill`` is not of the form ``NAME=VALUE``.
    """
    with explain():
        from .autogenerate.keeping import KeepingData
        from .autogenerate.missing_models import refuse_to_drop_all
        from .autogenerate.questions import find_terminal
        from .config import get_state
        from .databases import list_binds

        databases = len(list_words(bind)) or 1 + len(list_binds(get_state().db))
        refusals = () if allow_drop_all else (refuse_to_drop_all,)
        return KeepingData(list_words(rename), list_words(fill), find_terminal(), databases, refusals)


def print_current(call: Call, check_heads: bool) -> None:
    """Print where each database is as a document.

    :param check_heads: fail where one is not at every head.
    """
    with explain():
        from .revisions.status import document_status, read_status

    found = call.find(read_status)
    print_json(document_status(found))
    if check_heads and not all(standing.up_to_date for standing in found.standings):
        raise MigrateError("Database is not on all head revisions", "{db} upgrade heads brings it there.")


def check_models(call: Call, json: bool) -> None:
    """Run Alembic's check, and say what differs in words, or as a document.

    :raises MigrateError: if anything does.
    """
    with explain():
        from .autogenerate.comparison import Comparison, document_comparison, find_difference

    comparison = Comparison()
    comparing = replace(call, parts=(comparison,))
    with comparison.explain():
        if not json:
            comparing.run("check")
            return
        error = comparing.find(find_difference)
        print_json(document_comparison(comparison.databases))
        with explain_errors():
            if error:
                raise error


def find_positions(call: Call) -> List[Position]:
    """Return where the databases are; where one is not reached, say so, and return nothing."""
    with explain():
        from .revisions.positions import read_positions
    try:
        return call.find(read_positions)
    except MigrateError as error:
        tell(f"{error}\nSo the picture does not show where the databases are.")
        return []


def check_files(call: Call) -> None:
    """Read every revision file.

    :raises MigrateError: with all that is wrong with them.
    """
    with explain():
        from .explanations.revision_files import answer_problems
        from .revisions.problems import FOLDER, describe_folder, find_problems

    found = replace(call, asked=None).find_in_files(lambda config: find_problems(describe_folder(config)))
    in_files = [problem for problem in found if problem.name not in FOLDER]
    if in_files:
        raise answer_problems(in_files)


def lint_range(call: Call, rev_range: str, since: Optional[str], pg_version: Optional[str]) -> Report:
    """Return what there is to say about revisions: of their graph alone, where that is broken.

    :param since: only files that were added after this commit of git's.
    :param pg_version: the release of PostgreSQL to judge locks for.
    :raises MigrateError: if there is no such revision, a file is not Python, or a database does not answer.
    """
    with explain():
        from .linting import lint_graph, lint_revisions
    broken = replace(call, asked=None).find_in_files(lint_graph)
    if broken:
        return broken
    try:
        return call.find(lambda config: lint_revisions(config, rev_range, since, pg_version))
    except CannotConnect as error:
        advice = f"{error.advice}\nTo lint without the database, say which revisions: {{db}} lint base:head"
        raise CannotConnect(error.problem, advice.strip()) from error.__cause__


def accept_findings(call: Call, report: Report) -> None:
    """Write the findings of a report down as accepted.

    :raises MigrateError: if the file cannot be written.
    """
    from .linting.baseline import write_baseline

    print_result(
        call.find_in_files(lambda config: write_baseline(config.get_main_option("script_location") or "", report))
    )


def leave_out_accepted(call: Call, report: Report) -> Report:
    """Return a report without the findings that were accepted.

    :raises MigrateError: if the file that says which ones cannot be read.
    """
    from .linting import baseline

    return call.find_in_files(
        lambda config: baseline.leave_out_accepted(config.get_main_option("script_location") or "", report)
    )


def print_report(report: Report, format: str) -> None:
    """Print the findings of lint.

    :param format: ``"text"``, ``"json"``, ``"github"`` or ``"sarif"``.
    """
    from .linting import document_report, write_lines
    from .linting.formats import document_sarif, write_annotations

    if format == "json":
        print_json(document_report(report))
    elif format == "sarif":
        print_json(document_sarif(report))
    else:
        print_result("\n".join(write_annotations(report) if format == "github" else write_lines(report)))


def drop_everything(options: GuardOptions, yes: bool) -> None:
    """Drop every table of every configured database.

    :param yes: do not ask.
    :raises MigrateError: if it is not confirmed.
    """
    with explain():
        from .config import get_state
        from .databases import clear, describe, find_engines, list_contents, summarize
        from .guard.run import lock_databases, run_connected

        engines, settings = find_engines(get_state().db), Call(options=options).settings()
        contents = run_connected(lambda: [list_contents(*one) for one in engines.items()], settings)
        write_result(remove_controls("\n".join(line for content in contents for line in describe(content))))
        if not any(content.objects for content in contents):
            return
        if not yes:
            _confirm("Drop all of this? [y/N] ")
        with lock_databases(engines.values(), settings):
            for content in [list_contents(*one) for one in engines.items()]:
                clear(content)
                write_result(summarize(content))


def _confirm(question: str) -> None:
    """Ask on the terminal.

    :raises MigrateError: on any answer but yes, and where there is no terminal.
    """
    if not sys.stdin or not sys.stdin.isatty():
        raise MigrateError(
            "Nothing was dropped: there is no terminal to ask on.", "To drop without asking: {db} reset --yes"
        )
    if not confirm(question):
        raise MigrateError("Nothing was dropped.")


def require_editor() -> None:
    """Refuse to open an editor of Alembic's choice where nobody can type: it would wait for ever.

    :raises MigrateError: if there is no terminal and the environment names no editor, which may need none.
    """
    named = any(os.environ.get(name) for name in ("EDITOR", "VISUAL"))
    if not named and not (sys.stdin and sys.stdin.isatty()):
        raise MigrateError(
            "There is no terminal for an editor, and EDITOR names none that needs no terminal.",
            "Nothing was changed. Run it on a terminal, or set the environment variable EDITOR.",
        )


def tell(text: str) -> None:
    """Tell a person something that is not a result."""
    sys.stdout.flush()
    print(remove_controls(text), file=sys.stderr)


def print_result(text: str) -> None:
    """Print what a verb has found, unless the command line says ``-q``."""
    print_painted(remove_controls(text))


def print_painted(text: str) -> None:
    """The same for a text in colours, which has nothing else in it that a terminal takes for a command."""
    if not invocation.get_invocation().quiet:
        write_result(text)


def print_json(document: object) -> None:
    """Print a document as a verb's result."""
    from json import dumps

    print_result(dumps(document, indent=2))


def write_file(path: str, text: str) -> None:
    """Write a file.

    :raises MigrateError: if it cannot be written.
    """
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as exc:
        raise MigrateError(f"{path} cannot be written: {exc.strerror}.", "Name another file with -o.") from exc
