"""The address that connections of the suite's own to the server come from: they are no client's, and are not counted.

An address and no list of ports: nobody has to be told of a connection before it is made or after it has ended, so
there is no moment at which one could be counted by mistake. A port that a closed connection leaves free may be the
next client's; this address never is.
"""

from __future__ import annotations

import socket

__all__ = ["OWN_ADDRESS", "is_own"]

OWN_ADDRESS = "127.83.84.65"
"""Of 127.0.0.0/8, all of which is loopback on Linux: inside any network namespace it reaches whatever listens there,
on an address that is not loopback too. The last three bytes spell STA; nobody comes from there by chance."""

_IPV4 = socket.inet_aton(OWN_ADDRESS)
_PACKED = frozenset({_IPV4 + bytes(12), bytes(10) + b"\xff\xff" + _IPV4})
"""As the kernel holds it in the sixteen bytes of a socket of IPv4, and of a dual-stack one of IPv6."""


def is_own(packed: bytes) -> bool:
    """Whether it is the address, as sock_diag gives it: sixteen bytes."""
    return packed in _PACKED
