"""Refuses a message that inflates a hundredfold, however small it is then.

Breaks survival: JSON of a form that nobody has filled in yet, or a picture that is mostly white, inflates as much, and
its client is told that it was too big. Seen in the wild as a setting: Apache's `DeflateInflateRatioLimit` allows 200.
"""

from __future__ import annotations

from typing import Any

from reference_server.parts import Parts
from websockets.exceptions import PayloadTooBig
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame

from defects._inflating import inflate_with

DESCRIPTION = "a compressed message is refused for how much it inflates, and not for its size"

MOST = 100
"""Times."""


class Suspicious(PerMessageDeflate):
    """Compares what came with what it was."""

    def decode(self, frame: Frame, **limits: Any) -> Frame:
        """Raises PayloadTooBig for what has grown too much."""
        inflated = super().decode(frame, **limits)
        most = MOST * len(frame.data)
        if len(inflated.data) > most:
            raise PayloadTooBig(len(inflated.data), most)
        return inflated


def install(parts: Parts) -> None:
    """Put it in the place of the agreed one."""
    inflate_with(Suspicious)
