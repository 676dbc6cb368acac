"""Request targets: percent-decoding, and the clean form of a path that Toxiproxy's router redirects to."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import quote

__all__ = ["clean_path", "escape_path", "parse_target"]

_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_ESCAPED = re.compile(r"%([0-9a-fA-F]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/]*")


def parse_target(target: str) -> tuple[str, str]:
    """Path, percent-decoded, and query, as it is. Raises ValueError.

    `target` holds one character per byte; the path is decoded as UTF-8, with surrogates for what is none.
    """
    if _CONTROL.search(target):
        raise ValueError("control character in a request target")
    absolute = _SCHEME.match(target)
    path, _, query = (target[absolute.end() :] if absolute else target).partition("?")
    if _BAD_ESCAPE.search(path):
        raise ValueError("bad percent escape in a request target")
    if not absolute and not path.startswith("/") and path != "*":
        raise ValueError("a request target that is no path")
    decoded = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), path)
    return decoded.encode("latin-1").decode(errors="surrogateescape"), query


def clean_path(path: str) -> str:
    """Without empty, `.` and `..` segments; a slash at the end stays."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    return clean + "/" if path.endswith("/") and clean != "/" else clean


def escape_path(path: str) -> str:
    """For a Location header."""
    return quote(path.encode(errors="surrogateescape"), safe="/:@$&+,;=")
