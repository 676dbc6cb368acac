"""Compares the size of a message with its limit before it is inflated, and not while.

Breaks survival: a frame of a few kilobytes becomes a message of many megabytes, whose size nobody has asked for.
Messages that are not compressed are held to the limit. Seen in the wild: CVE-2018-1000518, in `websockets` itself.
"""

from __future__ import annotations

from typing import Any

from reference_server.parts import Parts
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame

from defects._inflating import inflate_with

DESCRIPTION = "a small compressed frame may inflate to a message of any size"


class Unlimited(PerMessageDeflate):
    """Inflates all of it."""

    def decode(self, frame: Frame, **_limits: Any) -> Frame:
        """As if there were no limit."""
        return super().decode(frame)


def install(parts: Parts) -> None:
    """Put it in the place of the agreed one."""
    inflate_with(Unlimited)
