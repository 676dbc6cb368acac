"""The bytes of WebSocket frames, right or wrong: every field of RFC 6455, 5.2, is the caller's.

Not through a library, which refuses to build what is forbidden. Without arguments that break something a frame is
one that every server has to take.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["LENGTH_TOP_BIT", "Opcode", "close", "frame", "wide_length"]

MASK = b"\x17\x2a\x55\x9c"
"""Any four bytes do; none of them is zero, so a server that forgets to unmask shows."""

LENGTH_TOP_BIT = b"\x7f\x80\x00\x00\x00\x00\x00\x00\x01"
"""A 64-bit length whose most significant bit is set, which RFC 6455, 5.2, forbids."""


class Opcode(IntEnum):
    """Those that RFC 6455 defines; any other number up to 15 may be sent as well, and is reserved."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    masked: bool = True,
    length: bytes | None = None,
) -> bytes:
    """One frame as a client sends it.

    `reserved` are RSV1 to RSV3 as a number from 0 to 7, RSV1 the highest. `length` replaces the length's own bytes (the
    mask bit is added): for lengths that are not minimal, or not true.
    """
    if not 0 <= opcode <= 15 or not 0 <= reserved <= 7:
        raise ValueError(f"opcode is 0 to 15 and reserved 0 to 7; found {opcode} and {reserved}")
    head = bytes([fin << 7 | reserved << 4 | opcode])
    size = _minimal_length(len(payload)) if length is None else length
    if not masked:
        return head + size + payload
    return head + bytes([size[0] | 0x80]) + size[1:] + MASK + _masked(payload)


def close(code: int, reason: bytes = b"") -> bytes:
    """A close frame with any code from 0 to 65535."""
    return frame(Opcode.CLOSE, code.to_bytes(2, "big") + reason)


def wide_length(size: int, *, octets: int) -> bytes:
    """A length in the 16-bit or 64-bit form (`octets` 2 or 8), whether or not a shorter one would do."""
    return bytes([{2: 126, 8: 127}[octets]]) + size.to_bytes(octets, "big")


def _minimal_length(size: int) -> bytes:
    if size < 126:
        return bytes([size])
    return wide_length(size, octets=2 if size < 2**16 else 8)


def _masked(payload: bytes) -> bytes:
    """XOR with the mask, as one number: a megabyte takes a millisecond."""
    if not payload:
        return b""
    mask = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(len(payload), "big")
