"""Starts the commands of the property test: a warm interpreter that forks for each, one at a time.

A request is a line of JSON on stdin, ``argv``, ``cwd``, ``env``, ``seconds`` and the paths of ``stdin``, ``stdout`` and
``stderr``; the answer is a line with the exit code, a signal as a negative one, or ``None`` for a command that did not
end within its seconds. What the command does is what it does in an interpreter of its own: see tests/fork_server.py.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import signal
import sys
import threading

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

import fork_server  # noqa: E402  # it is found now


def load():
    """Import what every command imports, the package itself included."""
    import flask_migrate_script

    names = [one.name for one in pkgutil.walk_packages(flask_migrate_script.__path__, "flask_migrate_script.")]
    tested = [name for name in names if not name.endswith("__main__") and ".templates" not in name]
    for name in [*fork_server.LIBRARIES, "flask_migrate_script", *tested]:
        with contextlib.suppress(ImportError):  # some are not on every lane
            importlib.import_module(name)


def serve():
    answers = os.fdopen(os.dup(1), "w")
    requests = os.fdopen(os.dup(0))
    load()
    for line in requests:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setsid()
            os._exit(fork_server.run(request))
        print(wait_for(child, request["seconds"]), file=answers, flush=True)


def wait_for(child, seconds):
    late = []

    def end():
        late.append(child)
        os.kill(child, signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    if late:
        return None
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


if __name__ == "__main__":
    serve()
