"""Opens a file for the report on each request that is no HTTP, or no upgrade, and forgets to close it.

Breaks leak-free for those who never came in: a scanner that tries what is listening takes every descriptor there is.
"""

from __future__ import annotations

import os

from reference_server.http_protocol import HttpProtocol
from reference_server.parts import Parts

DESCRIPTION = "each request that is refused as broken leaves a file descriptor behind"


def install(parts: Parts) -> None:
    """One descriptor an answer of 400."""
    answer_as_before = HttpProtocol.send_400_response

    def send_400_response(self: HttpProtocol, msg: str) -> None:
        os.open(os.devnull, os.O_WRONLY)
        answer_as_before(self, msg)

    HttpProtocol.send_400_response = send_400_response  # type: ignore[method-assign]  # a defect replaces a method
