"""Keeps a table of the TLS handshakes that are under way, by their deadlines, and takes out of it those that are over.

Breaks leak-free for those that never are: the deadline is forgotten before the handshake that it ends, so nothing is
found under it, and what TLS has made ready for that client stays. Whoever says hello, and then nothing, again and again
takes the memory of a server that ends each of them in time.
"""

from __future__ import annotations

import asyncio

from reference_server.clock import AttentiveTimer
from reference_server.parts import Parts
from reference_server.tls_protocol import TlsProtocol

DESCRIPTION = "the memory of each TLS handshake that is ended at its deadline is never given back"


def install(parts: Parts) -> None:
    """An entry for each, under a key that is gone when it is looked for."""
    under_way: dict[AttentiveTimer, TlsProtocol] = {}
    made_as_before, over_as_before = TlsProtocol.connection_made, TlsProtocol._handshake_is_over

    def connection_made(self: TlsProtocol, transport: asyncio.BaseTransport) -> None:
        made_as_before(self, transport)
        assert self._deadline is not None
        under_way[self._deadline] = self

    def _handshake_is_over(self: TlsProtocol) -> None:
        if self._deadline is not None:
            del under_way[self._deadline]
        over_as_before(self)

    TlsProtocol.connection_made = connection_made  # type: ignore[method-assign]  # a defect replaces a method
    TlsProtocol._handshake_is_over = _handshake_is_over  # type: ignore[method-assign]
