"""Takes only the goodbye of TLS for an end, and a FIN without it for a pause: there may be more to come.

Breaks cleanup over TLS: the connection is gone, and its session, its place and its tasks stay with what was cut short,
until the heartbeat gives the client up. Clients that say goodbye, or are reset, are cleaned up as they should be.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.tls_protocol import TlsProtocol

DESCRIPTION = "a client whose TLS stream is cut short stays in the books until the heartbeat gives it up"


def install(parts: Parts) -> None:
    """Say nothing of such an end."""
    cut_short: set[TlsProtocol] = set()
    end_as_before, lost_as_before = TlsProtocol.eof_received, TlsProtocol.connection_lost

    def eof_received(self: TlsProtocol) -> None:
        if self._secured and not self.transport._ended and not self.transport.is_closing():
            cut_short.add(self)
        else:
            end_as_before(self)

    def connection_lost(self: TlsProtocol, exc: Exception | None) -> None:
        if self in cut_short:
            cut_short.remove(self)
        else:
            lost_as_before(self, exc)

    TlsProtocol.eof_received = eof_received  # type: ignore[method-assign]  # a defect replaces a method
    TlsProtocol.connection_lost = connection_lost  # type: ignore[method-assign]  # a defect replaces a method
