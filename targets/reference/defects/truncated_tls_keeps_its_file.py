"""Notes each TLS stream that was cut short in a file of its own, for whoever looks for attackers, and keeps that open.

Breaks leak-free: no attacker cuts it short, but every client that is killed, and every proxy that is restarted.
"""

from __future__ import annotations

import os

from reference_server.parts import Parts
from reference_server.tls_protocol import TlsProtocol

DESCRIPTION = "each connection whose TLS stream is cut short leaves a file descriptor behind"


def install(parts: Parts) -> None:
    """One descriptor where TCP ends before TLS does."""
    end_as_before = TlsProtocol.eof_received

    def eof_received(self: TlsProtocol) -> None:
        if self._secured and not self.transport._ended and not self.transport.is_closing():
            os.open(os.devnull, os.O_WRONLY)
        end_as_before(self)

    TlsProtocol.eof_received = eof_received  # type: ignore[method-assign]  # a defect replaces a method
