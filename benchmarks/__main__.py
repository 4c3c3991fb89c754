"""Measures this package against Flask-Migrate in one run: ``python -m benchmarks``.

Ours and theirs take turns, so that what else the machine does falls on both alike; the table shows medians. The exit
code is 1 where a ratio is above its bound.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Iterator, List, Optional, Sequence

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from .cases import Case, all_cases
from .pairs import Pairs
from .report import Row, exit_code, table

ROOT = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str]) -> int:
    asked = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        if not importlib.util.find_spec("flask_migrate") or not importlib.util.find_spec("flask_migrate_script"):
            return _in_an_environment_with_both(Path(folder), argv)
        with ExitStack() as made:
            servers = [("TEST_POSTGRESQL_URL", ""), ("TEST_POSTGRESQL_URL", "_changing"), ("TEST_MYSQL_URL", "")]
            urls = [made.enter_context(_database(*server)) for server in servers]
            cases = all_cases(Pairs(Path(folder), asked.revisions, asked.tables, *urls))
            rows = _measured([case for case in cases if asked.only in case.name], asked.runs)
    size = f"{asked.revisions:,} revisions, {asked.tables:,} tables"
    print(f"{size}, medians of {asked.runs} runs, Python {sys.version.split()[0]}\n")
    print(table(rows))
    return exit_code(rows)


@contextmanager
def _database(variable: str, suffix: str = "") -> Iterator[Optional[str]]:
    """Yield the URL of a new database on the server that an environment variable names, or None where it is not set.

    :param suffix: of its name.
    """
    server = os.environ.get(variable)
    if not server:
        yield None
        return
    name = f"benchmark_{os.getpid()}{suffix}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        force = " WITH (FORCE)" if admin.dialect.name == "postgresql" else ""
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name}{force}"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure against Flask-Migrate.")
    parser.add_argument("only", nargs="?", default="", help="only the cases with this in their name")
    parser.add_argument("--runs", type=int, default=11, help="how often each is measured (default: 11)")
    parser.add_argument("--revisions", type=int, default=1000, help="length of the history (default: 1000)")
    parser.add_argument("--tables", type=int, default=300, help="models of the case with many tables (default: 300)")
    return parser


def _in_an_environment_with_both(folder: Path, argv: Sequence[str]) -> int:
    """Run again where this package and Flask-Migrate are both installed."""
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", f"{ROOT}[test]"], check=True)
    return subprocess.run([python, "-m", "benchmarks", *argv], cwd=ROOT).returncode


def _measured(cases: Sequence[Case], runs: int) -> List[Row]:
    samples = [case.samples() for case in cases]
    for ours, theirs in samples if runs > 1 else ():  # what is read for the first time is not measured
        ours(), theirs()
    taken = [[(ours(), theirs()) for ours, theirs in samples] for _ in range(runs)]
    return [_row(case, times) for case, times in zip(cases, zip(*taken))]


def _row(case: Case, times: Sequence[Sequence[float]]) -> Row:
    ours, theirs = (statistics.median(one) for one in zip(*times))
    return Row(case.name, ours, theirs, case.bound)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
