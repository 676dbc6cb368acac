"""Takes a frame without a mask as if it had one.

Breaks survival: RFC 6455, 5.1, wants such a connection closed, for whoever sends them is no browser, and a proxy on the
way may be made to take what is in them for HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from reference_server.parts import Parts
from websockets.frames import Frame

DESCRIPTION = "a client's frames are taken without a mask too"

MASKED = 0x80
"""The highest bit of a frame's second byte."""

Read = Callable[[int], Generator[None, None, bytes | bytearray]]


def install(_parts: Parts) -> None:
    """Have every frame parsed as its own mask bit says."""
    strict = Frame.parse

    def parse(read_exact: Read, *, mask: bool, **limits: Any) -> Generator[None, None, Frame]:
        head = yield from read_exact(2)
        heads = [head]

        def read(size: int) -> Generator[None, None, bytes | bytearray]:
            return heads.pop() if heads else (yield from read_exact(size))

        return (yield from strict(read, mask=mask and bool(head[1] & MASKED), **limits))

    Frame.parse = staticmethod(parse)  # type: ignore[method-assign]  # a defect replaces a method
