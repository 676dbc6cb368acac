"""Comparing what Toxiproxy was told with what it says now.

Toxiproxy answers 200 to attributes it does not know and to a stream it ignores. So nothing counts as done until it
was read back and found the same.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from typing import Any

from chaos.errors import LinkError

__all__ = ["expect_same", "same_listen", "split_listen"]


def expect_same(sent: Mapping[str, Any], read: Mapping[str, Any], *, what: str) -> None:
    """Raise LinkError that names the first attribute which differs, what was sent and what was read."""
    for name, value in sent.items():
        found = read.get(name, "nothing")
        if not _same(name, value, found):
            raise LinkError(
                f"{what} was accepted but is not as it was sent: {name}: sent {value!r}, read {found!r}; "
                "is this Toxiproxy 2.x, and does nobody else change it?"
            )


def split_listen(listen: str) -> tuple[str, int]:
    """Host and port of an address as Go writes it: `127.0.0.1:80`, `[::]:80`. Raises ValueError."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def same_listen(sent: str, read: str) -> bool:
    """Whether a proxy that was told to listen on `sent` does so: port 0 is any, and `0.0.0.0` reads back as `[::]`."""
    sent_host, sent_port = split_listen(sent)
    read_host, read_port = split_listen(read)
    if sent_port not in (0, read_port) or read_port == 0:
        return False
    try:
        wanted, found = ipaddress.ip_address(sent_host), ipaddress.ip_address(read_host)
    except ValueError:
        return True  # a name: only the proxy knows what it resolves to there
    return wanted == found or (wanted.is_unspecified and found.is_unspecified)


def _same(name: str, sent: Any, found: Any) -> bool:
    if name == "listen":
        return isinstance(found, str) and same_listen(sent, found)
    if isinstance(sent, float):  # Toxiproxy keeps a float32
        return isinstance(found, int | float) and struct.pack("f", sent) == struct.pack("f", found)
    return bool(sent == found)
