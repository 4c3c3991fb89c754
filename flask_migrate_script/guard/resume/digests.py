"""What tells one statement from another when a migration is run a second time: its text, and its values."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Optional

from ...sql.mysql import normalize

_LENGTH = 32


def make_digest(statement: str, values: object, begun: datetime) -> str:
    """Return 32 digits for the text and 32 for the values.

    :param begun: when this run began, in UTC. A time between then and now is the present (``datetime.utcnow()``, a
        column's default) and counts as equal to the present of another run; so does today's date.
    """
    return _hash(normalize(statement)) + _hash(_write_stably(values, begun))


def is_same_text(one: str, other: str) -> bool:
    """Return whether two digests are of the same text, with whatever values."""
    return one[:_LENGTH] == other[:_LENGTH]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:_LENGTH]


def _write_stably(value: object, begun: datetime) -> str:
    if isinstance(value, dict):
        return repr([(name, _write_stably(value[name], begun)) for name in value])
    if isinstance(value, (list, tuple)):
        return repr([_write_stably(one, begun) for one in value])
    return _find_present(value, begun) or repr(value)


def _find_present(value: object, begun: datetime) -> Optional[str]:
    now = datetime.now(timezone.utc)
    if isinstance(value, datetime):
        zones = [timezone.utc, None] if value.tzinfo is None else [value.tzinfo]
        moments = [_put_in_zone(value, zone) for zone in zones]
        return "now" if any(begun - timedelta(seconds=1) <= moment <= now for moment in moments) else None
    if isinstance(value, date):
        return "today" if value in (now.date(), date.today()) else None
    return None


def _put_in_zone(value: datetime, zone: Optional[tzinfo]) -> datetime:
    """A naive time may be in UTC or in local time."""
    return value.astimezone(timezone.utc) if zone is None else value.replace(tzinfo=zone).astimezone(timezone.utc)
