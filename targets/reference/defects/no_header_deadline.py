"""Waits for a request for as long as it takes to come.

Breaks survival: a few bytes hold a connection for ever, so a thousand clients that send half a request are a thousand
connections, and no limit on those that are inside counts them.
"""

from __future__ import annotations

from reference_server.http_protocol import HttpProtocol
from reference_server.parts import Parts

DESCRIPTION = "a request that never ends is waited for without a deadline"


def install(parts: Parts) -> None:
    """Never start the deadline."""
    HttpProtocol._expect_request = lambda self: None  # type: ignore[method-assign]  # a defect replaces a method
