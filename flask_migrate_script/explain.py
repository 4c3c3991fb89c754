"""Whatever fails in a block becomes a MigrateError; what is known of failures is loaded only then."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import Iterator

from .errors import Asked, MigrateError


@contextmanager
def explain_errors(asked: Asked = None) -> Iterator[None]:
    """Turn whatever the block raises into a MigrateError that says what is wrong and what to do.

    :param asked: the revisions that the caller named; one that is not among them came from the database.
    :raises MigrateError: for any exception, SystemExit included; KeyboardInterrupt passes.
    """
    try:
        with _raise_graph_warnings():
            yield
    except MigrateError:
        raise
    except BrokenPipeError:
        raise  # whoever read the output has gone: that is for the command line, not an error of the verb
    except (Exception, SystemExit) as exc:
        from .explanations import explain

        raise explain(exc, asked) from exc


@contextmanager
def _raise_graph_warnings() -> Iterator[None]:
    """Alembic only warns of a duplicate or a missing revision, and then goes on or ends in a KeyError."""
    with warnings.catch_warnings():
        for message in (r"Revision \S+ is present more than once", r"Revision \S+ referenced from .* is not present"):
            warnings.filterwarnings("error", message=message, category=UserWarning)
        yield
