"""Starts the deadline for a request once hands are shaken, and has none for the handshake of TLS itself.

Breaks survival: whoever says hello and then nothing holds a connection for ever, below everything that counts or cuts
clients. Without TLS there is no such moment.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.tls_protocol import TlsProtocol

DESCRIPTION = "a client that stalls in the TLS handshake is never ended"


def install(parts: Parts) -> None:
    """Let the deadline pass."""
    TlsProtocol._handshake_is_late = lambda self: None  # type: ignore[method-assign]  # a defect replaces a method
