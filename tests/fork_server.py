"""Starts the commands of the tests by forking an interpreter that has the large libraries loaded already.

A command then takes a tenth of the time, of which most is otherwise spent on importing Flask, SQLAlchemy and Alembic
anew; ``TEST_FORK=0`` does without. Each way may hide a fault that the other shows, so .ci/run takes both. What is
tested is not loaded here, nor is Flask-Script: each command imports those itself.
A request is one line of JSON on a Unix socket, ``argv``, ``cwd``, ``env`` and the paths of ``stdin``, ``stdout`` and
``stderr``; the answer is the exit code.
"""

import atexit
import contextlib
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import traceback

LIBRARIES = [
    *("alembic.command", "alembic.config", "alembic.autogenerate", "alembic.op", "mako.template", "logging.config"),
    *("flask", "flask.cli", "flask_sqlalchemy", "dotenv", "argparse", "psycopg2", "psycopg", "pymysql"),
    *("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.mysql"),
]


def serve(path):
    """Answer requests until the process that started this one has gone."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):  # some are not on every lane
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            answer(client)
            os._exit(0)
        client.close()


def answer(client):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = json.loads(client.makefile().readline())
    child = os.fork()
    if child == 0:
        client.close()
        os._exit(run(request))
    _, status = os.waitpid(child, 0)
    client.sendall(str(-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)).encode())


def run(request):
    """Become the command, and return its exit code."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        file = os.open(request[name], os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(file, number)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ  # otherwise read when an interpreter starts
    try:
        start(request["argv"])
        code = 0
    except SystemExit as exit_:
        code = exit_.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
        code = code if isinstance(code, int) else int(code is not None)
    except BaseException as exc:
        sys.excepthook(type(exc), exc, exc.__traceback__) if exc.__traceback__ else traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code % 256


def start(argv):
    """Do what the interpreter does with ``-m MODULE ...`` or ``SCRIPT ...``."""
    if argv[0] == "-m":
        sys.argv[:] = argv[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = argv
        sys.path[0] = os.path.dirname(os.path.abspath(argv[0]))
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    serve(sys.argv[1])
