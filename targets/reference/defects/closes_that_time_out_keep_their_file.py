"""Notes in a file each connection that it has to cut because the client does not end TCP, and keeps that open.

Breaks leak-free: a proxy in between that keeps its half of each connection for a while makes every close one of these,
and each leaves a descriptor.
"""

from __future__ import annotations

import os

from reference_server.parts import Parts
from reference_server.transport import BoundedTransport

DESCRIPTION = "each connection that is cut at its close timeout leaves a file descriptor behind"


def install(parts: Parts) -> None:
    """One descriptor where the deadline cuts, and none where anything else does."""
    cut_as_before = BoundedTransport.cut

    def cut(self: BoundedTransport) -> None:
        if self._closing and self._deadline is not None and not self._transport.is_closing():
            os.open(os.devnull, os.O_WRONLY)
        cut_as_before(self)

    BoundedTransport.cut = cut  # type: ignore[method-assign]  # a defect replaces a method
