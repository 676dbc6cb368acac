"""The loopback interface of the network namespace that this process is in; run as a file, it sets it up and ends."""

from __future__ import annotations

import fcntl
import socket
import struct
import sys

__all__ = ["bring_up_loopback"]

_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP = 0x1
_REQUEST = struct.Struct("16sH22x")
"""struct ifreq with its flags (netdevice(7))."""


def bring_up_loopback() -> None:
    """Set `lo` up, which a new network namespace has down; needs no `ip` program.

    Raises OSError: EPERM where the namespace does not give its root CAP_NET_ADMIN (Ubuntu's AppArmor).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, _REQUEST.pack(b"lo", 0))
        flags = _REQUEST.unpack(answer)[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, _REQUEST.pack(b"lo", flags | _IFF_UP))


if __name__ == "__main__":
    try:
        bring_up_loopback()
    except OSError as error:
        sys.exit(f"setting up loopback in it failed: {error.strerror}")
