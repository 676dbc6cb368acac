"""TLS handshakes that never come to an end."""

from __future__ import annotations

import contextlib
import ssl

from chaos.hostile.answers import Allowed
from chaos.hostile.case import Case, Grounds

__all__ = ["STALLED_TLS"]


def _client_hello(on: Grounds) -> tuple[bytes, ...]:
    """The first message of a good handshake, and nothing after it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # it never comes to a certificate
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=on.server_name).do_handshake()
    return (outgoing.read(),)


STALLED_TLS = (
    Case(
        name="stalled TLS handshake",
        description="a ClientHello, and then silence",
        allowed=Allowed(ended=True),
        send=_client_hello,
        after_upgrade=False,
        beneath_tls=True,
    ),
)
"""For a crowd: each of them is ended, and nobody else waits for that."""
