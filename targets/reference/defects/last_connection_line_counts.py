"""Reads each Connection line as if it were the only one, so the last of several is what counts.

Breaks survival: a proxy that adds a line of its own, keep-alive say, turns every upgrade behind it into a 404.
Seen in: uvicorn 0.54, by either of its HTTP parsers (RFC 9110, 5.3, has several lines be one list).
"""

from __future__ import annotations

from reference_server.http_protocol import HttpProtocol
from reference_server.parts import Parts
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

DESCRIPTION = "of several Connection lines the last counts, so an upgrade with two is no upgrade"


def install(parts: Parts) -> None:
    """As uvicorn's own does."""
    HttpProtocol._get_upgrade = HttpToolsProtocol._get_upgrade  # type: ignore[method-assign]  # a defect replaces it
