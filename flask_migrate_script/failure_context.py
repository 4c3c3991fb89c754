"""What is known where a failure passes: the exception carries it to where it is explained."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, Optional, Tuple

if TYPE_CHECKING:
    from alembic.config import Config


@dataclass(frozen=True)
class FirstError:
    """The error that came first in a step, where the script caught it and went on.

    :param statement: its text; empty where it was no statement's.
    :param exc: the driver's exception, bare or wrapped by SQLAlchemy.
    """

    statement: str
    exc: BaseException


@dataclass(frozen=True)
class FailureContext:
    """What was known where a failure came past.

    :param config: Alembic's Config, as far as it was made.
    :param path: the revision file that was run to be loaded; empty where none was.
    :param revision: the revision whose step was running; empty where none was.
    :param versions: the revisions that the database was at when the run began; None where that is not known.
    :param first_error: what failed first in the step; None where that is the failure itself, or not known.
    """

    config: Optional[Config] = None
    path: str = ""
    revision: str = ""
    versions: Optional[Tuple[str, ...]] = None
    first_error: Optional[FirstError] = None


_ATTRIBUTE = "_flask_migrate_script_context"


def note(exc: BaseException, **known: Any) -> None:
    """Let an exception carry more of what is known.

    :param known: fields of a FailureContext; what was noted before, nearer to the failure, stays.
    """
    noted = {**known, **getattr(exc, _ATTRIBUTE, {})}
    with suppress(Exception):  # an exception class may forbid it
        setattr(exc, _ATTRIBUTE, noted)


@contextmanager
def note_failures(**known: Any) -> Iterator[None]:
    """Let whatever the block raises carry what is known; see ``note``."""
    try:
        yield
    except BaseException as exc:
        note(exc, **known)
        raise


def read_context(chain: Iterable[BaseException]) -> FailureContext:
    """Return what the exceptions of a chain carry.

    :param chain: the outermost first: what it carries counts.
    """
    found: Dict[str, Any] = {}
    for exc in chain:
        found = {**getattr(exc, _ATTRIBUTE, {}), **found}
    names = {one.name for one in fields(FailureContext)}
    return FailureContext(**{name: value for name, value in found.items() if name in names})
