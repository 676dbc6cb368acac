"""Opens a file for the report on each client beyond the limit, and leaves by the first return, before it is closed.

Breaks leak-free for those whom nobody counts: whoever gets in costs nothing that lasts. A storm that is turned away as
it should be takes every descriptor there is, and then nobody gets in any more.
"""

from __future__ import annotations

import os

from reference_server.parts import Parts
from reference_server.rejection import Rejection

DESCRIPTION = "each client that is turned away for the limit leaves a file descriptor behind"


def install(parts: Parts) -> None:
    """One descriptor a rejection."""
    enter_as_before = parts.gate.enter

    def enter() -> Rejection | None:
        rejection = enter_as_before()
        if rejection is not None:
            os.open(os.devnull, os.O_WRONLY)
        return rejection

    parts.gate.enter = enter  # type: ignore[method-assign]  # a defect replaces a method
