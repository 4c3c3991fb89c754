"""What is shown to a person shows no password: not in a URL, and not where a driver repeats a part of one."""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Callable, Iterable, Iterator, Mapping, Set
from urllib.parse import quote, quote_plus, unquote_plus

_URL = re.compile(r"([\w.+-]+)://([^:/@\s]*):(.*)@(.*)", re.DOTALL)
_SHORTEST = 3
"""A part of a password is hidden from this length on; shorter ones are in every text."""


Mask = Callable[[str], str]
"""Returns a text without passwords."""


def masked(text: str) -> str:
    """Return the text without passwords: those it shows as such, and those that the application has configured."""
    return _masked(text, _configured_urls())


def masker() -> Mask:
    """Return what masks as :func:`masked` does here, for another thread: that has no application context."""
    urls = list(_configured_urls())
    return lambda text: _masked(text, urls)


def _masked(text: str, urls: Iterable[str]) -> str:
    secrets = {password for url in urls for password in passwords_of(url)}
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    text = re.sub(r"(://[^:/@\s]*:)[^\s'\"]*@", r"\1***@", text)
    text = re.sub(r"(\b(?:password|passwd|pwd)\s*=\s*)('[^']*'|[^\s'\"&;,)]+)", r"\1***", text, flags=re.IGNORECASE)
    return re.sub(r"(\b(?:password|(?<!revision )identified by)\s+)'[^']*'", r"\1***", text, flags=re.IGNORECASE)


def passwords_of(url: str) -> Set[str]:
    """Return the password of a database URL, and its parts, as an error message may repeat them.

    A password with ``@``, ``:`` or ``/`` in it that was not quoted is cut there, and the rest is taken for the host,
    the port or the database.
    """
    found = _URL.match(url)
    if not found:
        return set()
    scheme, user, password, place = found.groups()
    plain = unquote_plus(password)
    ways = {password, plain, quote(plain, safe=""), quote_plus(plain)}
    parts = {part for way in ways for part in [way, *re.split(r"[@:/?#'\"]", way)]}
    public = {user, unquote_plus(user), *re.split(r"\W", scheme), *re.split(r"[:/?&=]", place)}
    return {part for part in parts if len(part) >= _SHORTEST} - public


def _configured_urls() -> Iterator[str]:
    """Every URL in the environment and, inside an application context, in the application's configuration."""
    yield from _urls(dict(os.environ))
    flask = sys.modules.get("flask")
    if flask and flask.has_app_context():
        yield from _urls(dict(flask.current_app.config))


def _urls(value: Any) -> Iterator[str]:
    """Yield the URLs in a string, a mapping or a sequence, however deep."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _urls(one)
    elif isinstance(value, str):
        if "://" in value:
            yield value
    elif hasattr(value, "password") and hasattr(value, "drivername"):
        yield f"{value.drivername}://{value.username}:{value.password or ''}@"
