"""Every verb: one function. Its options are in its signature, its help is the first sentence of its docstring."""

# Annotations are read at run time, so they are not made strings here.
import os
import sys
import threading
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Tuple, TypeVar

from . import invocation
from .console.progress import on_terminal
from .console.terminal import said_yes
from .errors import Asked, MigrateError, explained
from .options import (
    AllowDropAll,
    Autogenerate,
    Bind,
    BranchLabel,
    CheckHeads,
    DdlRetries,
    DdlTimeout,
    DependsOn,
    Directory,
    DryRun,
    EditedRevision,
    Fill,
    Forget,
    Format,
    Head,
    IndicateCurrent,
    Json,
    LintRange,
    LockTimeout,
    Message,
    Multidb,
    NoLock,
    Output,
    Package,
    Purge,
    Rename,
    ResolveDependencies,
    RevId,
    Revision,
    Revisions,
    RevRange,
    Splice,
    Sql,
    Tag,
    Template,
    Verbose,
    VersionPath,
    Wait,
    XArg,
    Yes,
)

T = TypeVar("T")


def list_templates(directory: Directory = None, x_arg: XArg = None) -> None:
    """List the templates that init can start from.

    :raises MigrateError: if they cannot be read.
    """
    with explained():
        _load_libraries()
        from .config import Config

        config = Config()
        folder = config.get_template_directory()
        config.print_stdout("Available templates:\n")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name, "README"), encoding="utf-8") as readme:
                config.print_stdout("%s - %s", name, readme.readline().strip())


def init(
    directory: Directory = None,
    multidb: Multidb = False,
    template: Template = None,
    package: Package = False,
    x_arg: XArg = None,
) -> None:
    """Create a new migration repository.

    :param directory: the folder to create; the registered one by default.
    :param multidb: take the template for several databases.
    :param template: a template by name, or a folder by its path.
    :param package: write ``__init__.py`` into the folders.
    :raises MigrateError: if the folder has anything in it, or the template does not exist.
    """
    with explained():
        _load_libraries()
        from alembic import command

        from .config import Config, called_back, registered_state

        state = registered_state()
        directory = str(directory or state.directory)
        folder, name = _template(template, multidb)
        config = Config(os.path.join(directory, "alembic.ini"), template_directory=folder)
        config.set_main_option("script_location", directory.replace("%", "%%"))
        config = called_back(getattr(state, "migrate", None), config, x_arg)
        command.init(config, directory, template=name, package=package)


def _template(template: Any, multidb: bool) -> Tuple[Any, str]:
    """Return the folder of templates, None for this package's, and the name in it."""
    if not template:
        return None, "flask-multidb" if multidb else "flask"
    if os.sep in template or "/" in template:
        return os.path.split(template.rstrip("/" + os.sep))
    return None, template


def revision(
    directory: Directory = None,
    message: Message = None,
    autogenerate: Autogenerate = False,
    sql: Sql = False,
    head: Head = "head",
    splice: Splice = False,
    branch_label: BranchLabel = None,
    version_path: VersionPath = None,
    rev_id: RevId = None,
    depends_on: DependsOn = None,
    allow_drop_all: AllowDropAll = False,
    x_arg: XArg = None,
    bind: Bind = None,
    wait: Wait = None,
    rename: Rename = None,
    fill: Fill = None,
) -> None:
    """Create a new revision file.

    With ``autogenerate`` it asks what was renamed and what to fill in, where standard input is a terminal and ``CI`` is
    not set.

    :param head: the revision it follows, or ``BRANCH@head``.
    :param depends_on: revisions that have to be applied before it.
    :param allow_drop_all: write it even where it would drop every table.
    :param rename: what was renamed, ``"users.name=users.full_name"`` or ``"people=users"``, with ``autogenerate``.
    :param fill: values for rows that have none in a column that is NOT NULL, ``"users.email=none"``, the same.
    :raises MigrateError: if it cannot be made; no file is written then.
    """
    asked = [head, *([depends_on] if isinstance(depends_on, str) else depends_on or ())]
    with _alembic(directory, x_arg, asked, autogenerate, bind=bind, wait=wait) as call:
        keeping = _keeping_data(rename, fill, bind, allow_drop_all) if autogenerate else None
        if (rename or fill) and not autogenerate:
            raise MigrateError("--rename and --fill go with --autogenerate.", "Nothing was written.")
        call(
            "revision",
            message,
            autogenerate=autogenerate,
            sql=sql,
            head=head,
            splice=splice,
            branch_label=branch_label,
            version_path=version_path,
            rev_id=rev_id,
            depends_on=depends_on or None,
            process_revision_directives=keeping,
        )
        for line in keeping.finish() if keeping else ():
            print(line, file=sys.stderr)


def migrate(
    directory: Directory = None,
    message: Message = None,
    sql: Sql = False,
    head: Head = "head",
    splice: Splice = False,
    branch_label: BranchLabel = None,
    version_path: VersionPath = None,
    rev_id: RevId = None,
    x_arg: XArg = None,
    depends_on: DependsOn = None,
    allow_drop_all: AllowDropAll = False,
    bind: Bind = None,
    wait: Wait = None,
    rename: Rename = None,
    fill: Fill = None,
) -> None:
    """Create a new revision file from what differs between the models and the database.

    The same as :func:`revision` with ``autogenerate``.

    :raises MigrateError: if it cannot be made; no file is written then.
    """
    revision(
        directory=directory,
        message=message,
        autogenerate=True,
        sql=sql,
        head=head,
        splice=splice,
        branch_label=branch_label,
        version_path=version_path,
        rev_id=rev_id,
        depends_on=depends_on,
        allow_drop_all=allow_drop_all,
        x_arg=x_arg,
        bind=bind,
        wait=wait,
        rename=rename,
        fill=fill,
    )


def edit(
    directory: Directory = None, revision: EditedRevision = "current", x_arg: XArg = None, wait: Wait = None
) -> None:
    """Open a revision file in the editor that EDITOR names.

    :raises MigrateError: if there is no such revision, or no editor.
    """
    with _alembic(directory, x_arg, revision, wait=wait) as call:
        call("edit", str(revision))


def merge(
    directory: Directory = None,
    revisions: Revisions = "",
    message: Message = None,
    branch_label: BranchLabel = None,
    rev_id: RevId = None,
    splice: Splice = False,
    x_arg: XArg = None,
) -> None:
    """Join heads in a new revision file.

    :param revisions: the revisions to join, or ``"heads"``.
    :param splice: they need not be heads (Alembic 1.18.5 or newer).
    :raises MigrateError: if they cannot be joined; no file is written then.
    """
    with _alembic(directory, x_arg, revisions) as call:
        given: Dict[str, Any] = {}
        if splice:
            _needs("merge --splice", 1, 18, 5)
            given["splice"] = True
        call("merge", revisions, message=message, branch_label=branch_label, rev_id=rev_id, **given)


def upgrade(
    directory: Directory = None,
    revision: Revision = "head",
    sql: Sql = False,
    tag: Tag = None,
    x_arg: XArg = None,
    bind: Bind = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
    ddl_timeout: DdlTimeout = None,
    ddl_retries: DdlRetries = None,
    verbose: Verbose = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Upgrade to a later version.

    :param revision: where to; with ``sql`` it may be a range ``START:END``.
    :param bind: only these of several databases.
    :param lock_timeout: seconds to wait for another migration of the same database.
    :param no_lock: take no lock.
    :param wait: seconds to wait for a server that is not up yet.
    :param ddl_timeout: seconds a statement may wait for a lock in the database.
    :param ddl_retries: how often to try again after such a wait.
    :param dry_run: print what it would do and lose, and change nothing; :func:`flask_migrate_script.rehearse` returns
        the same.
    :param json: print that as JSON.
    :raises MigrateError: if a migration fails, or would, or there is no such revision.
    """
    if dry_run or json:
        return _dry_run(upgrade, locals())
    options = _guard(locals())
    with _alembic(directory, x_arg, revision, changes=not sql, progress=on_terminal, **options) as call:
        call("upgrade", str(revision), sql=sql, tag=tag)


def downgrade(
    directory: Directory = None,
    revision: Revision = "-1",
    sql: Sql = False,
    tag: Tag = None,
    x_arg: XArg = None,
    bind: Bind = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
    ddl_timeout: DdlTimeout = None,
    ddl_retries: DdlRetries = None,
    verbose: Verbose = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Revert to a previous version.

    :param revision: where to, one revision back by default; with ``sql`` a range ``START:END``.

    The parameters of the guard and of the dry run are those of :func:`upgrade`.

    :raises MigrateError: if a migration fails, or would, or there is no such revision.
    """
    if dry_run or json:
        return _dry_run(downgrade, locals())
    options = _guard(locals())
    target = "head:-1" if sql and str(revision) == "-1" else str(revision)
    with _alembic(directory, x_arg, revision, changes=not sql, progress=on_terminal, **options) as call:
        call("downgrade", target, sql=sql, tag=tag)


def show(
    directory: Directory = None,
    revision: Revision = "head",
    x_arg: XArg = None,
    wait: Wait = None,
    json: Json = False,
) -> None:
    """Show one revision: its parents, its date, its message, its file.

    :param json: print an object, or a list of them where the name means none or several.
    :raises MigrateError: if there is no such revision.
    """
    if json:
        from .history import listings

        _print_json(_look(lambda config: listings.show(config, str(revision)), directory, x_arg, revision, wait=wait))
        return
    with _alembic(directory, x_arg, revision, wait=wait) as call:
        call("show", str(revision))


def history(
    directory: Directory = None,
    rev_range: RevRange = None,
    verbose: Verbose = False,
    indicate_current: IndicateCurrent = False,
    x_arg: XArg = None,
    wait: Wait = None,
    json: Json = False,
) -> None:
    """List the revisions, newest first.

    :param rev_range: ``START:END``, ``START:`` or ``:END``; either may be ``current``.
    :param json: print a list of objects; with ``indicate_current`` they say whether a database is there.
    :raises MigrateError: if there is no such revision.
    """
    if json:
        from .history import listings

        see = partial(listings.history, rev_range=rev_range, indicate_current=indicate_current)
        _print_json(_look(see, directory, x_arg, rev_range, wait=wait))
        return
    with _alembic(directory, x_arg, rev_range, wait=wait) as call:
        call("history", rev_range, verbose=verbose, indicate_current=indicate_current)


def heads(
    directory: Directory = None,
    verbose: Verbose = False,
    resolve_dependencies: ResolveDependencies = False,
    x_arg: XArg = None,
    json: Json = False,
) -> None:
    """Show the heads: the revisions that none follows.

    :raises MigrateError: if the revision files cannot be read.
    """
    if json:
        from .history import listings

        see = partial(listings.heads, resolve_dependencies=resolve_dependencies)
        _print_json(_look(see, directory, x_arg))
        return
    with _alembic(directory, x_arg) as call:
        call("heads", verbose=verbose, resolve_dependencies=resolve_dependencies)


def branches(directory: Directory = None, verbose: Verbose = False, x_arg: XArg = None, json: Json = False) -> None:
    """Show the branch points: the revisions that more than one follows.

    :raises MigrateError: if the revision files cannot be read.
    """
    if json:
        from .history import listings

        _print_json(_look(listings.branches, directory, x_arg))
        return
    with _alembic(directory, x_arg) as call:
        call("branches", verbose=verbose)


def current(
    directory: Directory = None,
    verbose: Verbose = False,
    check_heads: CheckHeads = False,
    x_arg: XArg = None,
    bind: Bind = None,
    wait: Wait = None,
    json: Json = False,
) -> None:
    """Display the current revision for each database.

    :param check_heads: fail unless the database is at every head (Alembic 1.17.1 or newer).
    :raises MigrateError: if it is not, or the database cannot be reached.
    """
    if check_heads:
        _needs("current --check-heads", 1, 17, 1)
    if json:
        _current_as_json(check_heads, directory, x_arg, bind=bind, wait=wait)
        return
    with _alembic(directory, x_arg, bind=bind, wait=wait) as call:
        call("current", verbose=verbose, **({"check_heads": True} if check_heads else {}))


def _current_as_json(check_heads: bool, directory: Any, x_arg: Any, **guard: Any) -> None:
    from .history.status import document, read_status

    found = _look(read_status, directory, x_arg, **guard)
    _print_json(document(found))
    if check_heads and not all(standing.up_to_date for standing in found.standings):
        raise MigrateError("Database is not on all head revisions", "{db} upgrade heads brings it there.")


def status(
    directory: Directory = None, x_arg: XArg = None, bind: Bind = None, wait: Wait = None, json: Json = False
) -> None:
    """Show where each database is, what is applied and what is not.

    :param bind: only these of several databases.
    :param wait: seconds to wait for a server that is not up yet.
    :param json: print an object, the same as :func:`current` does.
    :raises MigrateError: if the revision files cannot be read, or a database cannot be reached.
    """
    from .console.terminal import columns, painter
    from .history.status import document, read_status
    from .history.status_text import status_lines

    found = _look(read_status, directory, x_arg, bind=bind, wait=wait)
    if json:
        _print_json(document(found))
    else:
        lines = status_lines(found, columns(), painter(sys.stdout), invocation.current().words)
        _print_result("\n".join(lines))


def graph(
    directory: Directory = None,
    format: Format = "text",
    output: Output = None,
    x_arg: XArg = None,
    bind: Bind = None,
    wait: Wait = None,
) -> None:
    """Draw the whole history, newest first: branches, merges, and where each database is.

    It is drawn without the databases too, where they cannot be reached.

    :param format: ``"text"``, ``"mermaid"``, ``"dot"`` or ``"svg"``, which needs Graphviz.
    :param output: the file to write, instead of standard output.
    :param bind: only these of several databases.
    :param wait: seconds to wait for a server that is not up yet.
    :raises MigrateError: if the revision files cannot be read, or the file cannot be written.
    """
    from .history.drawing import FILE, canvas_of, check_format, draw
    from .history.reading import read_history

    check_format(format)
    history = _look(read_history, directory, x_arg, bind=bind)
    found = _positions_if_reached(directory, x_arg, bind=bind, wait=wait)
    with explained():
        drawing = draw(history, found, format, FILE if output else canvas_of(sys.stdout))
    if output:
        _write(output, drawing.picture)
    elif drawing.picture:
        _print_result(drawing.picture.rstrip("\n"))
    for note in drawing.notes:
        _say(note)


def _positions_if_reached(directory: Any, x_arg: Any, **guard: Any) -> Any:
    from .history.positions import positions

    try:
        return _look(positions, directory, x_arg, **guard)
    except MigrateError as error:
        _say(f"{error}\nSo the picture does not show where the databases are.")
        return []


def stamp(
    directory: Directory = None,
    revision: Revisions = "head",
    sql: Sql = False,
    tag: Tag = None,
    purge: Purge = False,
    x_arg: XArg = None,
    bind: Bind = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
    ddl_timeout: DdlTimeout = None,
    ddl_retries: DdlRetries = None,
    verbose: Verbose = False,
) -> None:
    """Record revisions as the database's own without running any migration.

    :param revision: one revision or more; ``"base"`` for none.
    :param purge: empty the version table first.

    The parameters of the guard are those of :func:`upgrade`.

    :raises MigrateError: if there is no such revision.
    """
    options = _guard(locals())
    revisions = revision if isinstance(revision, str) else list(revision)
    with _alembic(directory, x_arg, revision, changes=not sql, **options) as call:
        call("stamp", revisions, sql=sql, tag=tag, purge=purge)


def check(directory: Directory = None, x_arg: XArg = None, wait: Wait = None, json: Json = False) -> None:
    """Check that migrate would find nothing to write, and say what it would.

    Needs Alembic 1.9 or newer.

    :raises MigrateError: if it would, with what differs in words, or if the database cannot be reached.
    """
    _needs("check", 1, 9, 0)
    from .autogenerate.comparison import compared, difference, document

    with explained(), compared() as databases:
        if json:
            error = _look(difference, directory, x_arg, wait=wait)
            _print_json(document(databases))
            if error:
                with explained():
                    raise error
        else:
            with _alembic(directory, x_arg, wait=wait) as call:
                call("check")


def lint(
    directory: Directory = None,
    rev_range: LintRange = "current:heads",
    x_arg: XArg = None,
    wait: Wait = None,
    json: Json = False,
) -> None:
    """Find what will hurt in revision files: lost data, no way back, long locks.

    A finding says the file, its line, why it hurts and what to do instead. ``# migrate: allow drop-column`` on that
    line, or alone on the line above, allows a finding by its name.

    :param rev_range: ``START:END`` or a single revision; by default those that the database has not. The database is
        asked only where it says ``current``.
    :param wait: seconds to wait for a server that is not up yet.
    :param json: print an object: the revisions that were looked at, the findings, and what could not be judged.
    :raises MigrateError: if there is a finding, no such revision, or a database that is to be asked does not answer.
    """
    with explained(rev_range):
        _load_libraries()
        from .lint import document, how_to_allow, lines, linted
        from .sql.counting import plural

        report = linted(directory, rev_range, x_arg, wait)
        if json:
            _print_json(document(report))
        else:
            _print_result("\n".join(lines(report)))
        for note in report.notes:
            print(note, file=sys.stderr)
        if report.findings:
            raise MigrateError(
                f"{plural(len(report.findings), 'finding')} in {plural(len(report.revisions), 'revision')}.",
                how_to_allow(report),
            )


def ensure_version(
    directory: Directory = None,
    sql: Sql = False,
    x_arg: XArg = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
    verbose: Verbose = False,
) -> None:
    """Create the version table where there is none.

    Needs Alembic 1.7.6 or newer.

    :raises MigrateError: if the database cannot be reached.
    """
    options = _guard(locals())
    with _alembic(directory, x_arg, changes=not sql, **options) as call:
        _needs("ensure-version", 1, 7, 6)
        call("ensure_version", sql=sql)


def journal(
    directory: Directory = None,
    forget: Forget = None,
    json: Json = False,
    x_arg: XArg = None,
    bind: Bind = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
) -> None:
    """Show what is remembered of interrupted migrations, on MySQL and MariaDB.

    :param forget: a revision to remember nothing of any more: it begins anew.
    :param json: print one JSON document: ``{"databases": [{"name", "url", "unfinished": [{"revision", "direction",
        "statements": [{"position", "text", "state", "time"}]}]}]}``.
    :raises MigrateError: if there is nothing of that revision, or a database cannot be reached.
    """
    options = _guard(locals())
    with explained():
        _load_libraries()
        from .guard.resume.listing import document, forgetting, remembered, shown
    databases = _look(forgetting(forget) if forget else remembered, directory, x_arg, changes=bool(forget), **options)
    if json:
        _print_json(document(databases))
    else:
        _print_result(shown(databases, forget))


def reset(
    directory: Directory = None,
    yes: Yes = False,
    x_arg: XArg = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
    verbose: Verbose = False,
) -> None:
    """Drop every table of every configured database, after asking.

    Views go too, and on PostgreSQL sequences and types, so that an upgrade can start from nothing.

    :param yes: do not ask.
    :param lock_timeout: seconds to wait for a migration that is running.
    :param no_lock: take no lock.
    :param wait: seconds to wait for a server that is not up yet.
    :raises MigrateError: if it is not confirmed, or there is no terminal to ask on; nothing is dropped then.
    """
    options = _guard(locals())
    with explained():
        _load_libraries()
        from .config import registered_state
        from .databases import clear, configured_engines, describe, inventory, summary
        from .guard import connected, locked, settings

        engines = configured_engines(registered_state().db)
        asked_of = settings(**options)
        contents = connected(lambda: [inventory(*one) for one in engines.items()], asked_of)
        print("\n".join(line for content in contents for line in describe(content)))
        if not any(content.objects for content in contents):
            return
        if not yes:
            _confirm("Drop all of this? [y/N] ")
        with locked(engines.values(), asked_of):
            for content in [inventory(*one) for one in engines.items()]:
                clear(content)
                print(summary(content))


VERBS: Tuple[Callable[..., None], ...] = (
    init,
    list_templates,
    revision,
    migrate,
    check,
    lint,
    edit,
    merge,
    upgrade,
    downgrade,
    show,
    history,
    heads,
    branches,
    current,
    status,
    graph,
    stamp,
    ensure_version,
    journal,
    reset,
)


_loading = threading.Lock()


def _load_libraries() -> None:
    """Import what the verbs need in one thread at a time.

    Where two import the same modules in another order, Python may hand out one that is half imported
    (https://github.com/python/cpython/issues/83065; seen on 3.9).
    """
    with _loading:
        import alembic.command  # noqa: F401

        from . import config, guard  # noqa: F401
        from .history import cycles  # noqa: F401


@contextmanager
def _alembic(
    directory: Any, x_arg: Any, asked: Asked = None, autogenerate: bool = False, **guard: Any
) -> Iterator[Callable[..., None]]:
    """Yield a function that calls one of Alembic's commands under the guard; what it raises becomes a MigrateError."""
    with explained(asked):
        _load_libraries()
        from alembic import command

        from .config import opened_config, registered_state
        from .guard import guarded, settings
        from .guard.shared import refuse_shared_databases
        from .history.cycles import refuse_cycles

        def call(name: str, *args: Any, **kwargs: Any) -> None:
            with opened_config(directory, x_arg, autogenerate) as config:
                refuse_cycles(config)
                _refuse_known(config, kwargs.get("rev_id"))
                if guard.get("changes") or (autogenerate and not kwargs.get("sql")):
                    refuse_shared_databases(config, registered_state().db, _words(guard.get("bind")))
                getattr(command, name)(config, *args, **kwargs)

        def guarded_call(*args: Any, **kwargs: Any) -> None:
            guarded(lambda: call(*args, **kwargs), settings(**guard), asked)

        yield guarded_call


def _dry_run(verb: Callable[..., None], given: Dict[str, Any]) -> None:
    """Print what a verb would do with these arguments.

    :raises MigrateError: if it would fail.
    """
    if not given["dry_run"] or given["sql"]:
        wrong = "--json is for a --dry-run." if given["json"] else "--dry-run and --sql do not go together."
        raise MigrateError(wrong, "Nothing was changed. {db} " + verb.__name__ + " --help shows what each is for.")
    with explained(given["revision"]):
        _load_libraries()
        from .console.terminal import painter
        from .rehearsal.rehearse import rehearse
        from .rehearsal.report import command, text
        from .rehearsal.results import document
    names = ("revision", "directory", "x_arg", "tag", *_guard(given))
    found = rehearse(verb.__name__, **{name: given[name] for name in names})
    if given["json"]:
        _print_json(document(found, given["verbose"]))
    else:
        _print_result(text(found, command(verb, given), given["verbose"], painter(sys.stdout)))
    if found.failure:
        raise found.failure.report


def _look(see: Callable[[Any], T], directory: Any, x_arg: Any, asked: Asked = None, **guard: Any) -> T:
    """Return what a function finds in an open Config, under the guard."""
    with explained(asked):
        _load_libraries()
        from .look import look

        return look(see, directory, x_arg, asked, **guard)


def _print_json(document: Any) -> None:
    from json import dumps

    _print_result(dumps(document, indent=2))


def _write(path: str, text: str) -> None:
    """Write a file.

    :raises MigrateError: if it cannot be written.
    """
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as exc:
        raise MigrateError(f"{path} cannot be written: {exc.strerror}.", "Name another file with -o.") from exc


def _say(text: str) -> None:
    """Tell a person something that is not a result."""
    sys.stdout.flush()
    print(text.replace("{db}", invocation.current().words), file=sys.stderr)


def _print_result(text: str) -> None:
    """Print what a verb has found, unless the command line says ``-q``."""
    from .console.terminal import printable

    if not invocation.current().quiet:
        print(printable(text, sys.stdout))


def _guard(given: Dict[str, Any]) -> Dict[str, Any]:
    """Return those of a verb's arguments that are for the guard."""
    names = ("bind", "lock_timeout", "no_lock", "wait", "ddl_timeout", "ddl_retries", "verbose")
    return {name: given[name] for name in names if name in given}


def _keeping_data(rename: Any, fill: Any, bind: Any, allow_drop_all: bool) -> Any:
    """Return what works on a generated script before env.py sees it."""
    from .autogenerate.keeping import KeepingData
    from .autogenerate.missing_models import refuse_to_drop_all
    from .autogenerate.questions import terminal
    from .config import registered_state
    from .databases import bind_names

    databases = len(_words(bind)) or 1 + len(bind_names(registered_state().db))
    refusals = () if allow_drop_all else (refuse_to_drop_all,)
    return KeepingData(_words(rename), _words(fill), terminal(), databases, refusals)


def _words(given: Any) -> List[str]:
    return [given] if isinstance(given, str) else list(given or ())


def _refuse_known(config: Any, rev_id: Any) -> None:
    """Alembic notices a taken identifier only when the second file is written; no command works from then on."""
    if not rev_id:
        return
    from alembic.script import ScriptDirectory

    for script in ScriptDirectory.from_config(config).walk_revisions():
        if script.revision == rev_id:
            raise MigrateError(
                f"There is a revision {rev_id} already.", "Nothing was written. Choose another --rev-id."
            )


def _needs(what: str, *version: int) -> None:
    with explained():
        _load_libraries()
        from .config import needs_alembic

        needs_alembic(what, *version)


def _confirm(question: str) -> None:
    """Ask on the terminal.

    :raises MigrateError: on any answer but yes, and where there is no terminal.
    """
    if not sys.stdin or not sys.stdin.isatty():
        raise MigrateError(
            "Nothing was dropped: there is no terminal to ask on.", "To drop without asking: {db} reset --yes"
        )
    if not said_yes(question):
        raise MigrateError("Nothing was dropped.")
