"""Notes in a file each request that never came to its end, and keeps that open for the next one of the same client.

Breaks leak-free for those whom the deadline ends: a slow loris that is ended in time each time has won all the same.
"""

from __future__ import annotations

import os

from reference_server.http_protocol import HttpProtocol
from reference_server.parts import Parts

DESCRIPTION = "each request that is ended at its deadline leaves a file descriptor behind"


def install(parts: Parts) -> None:
    """One descriptor a deadline."""
    late_as_before = HttpProtocol._request_is_late

    def _request_is_late(self: HttpProtocol) -> None:
        os.open(os.devnull, os.O_WRONLY)
        late_as_before(self)

    HttpProtocol._request_is_late = _request_is_late  # type: ignore[method-assign]  # a defect replaces a method
