"""Sets memory aside for the largest request there may be as soon as somebody connects, until the request is there.

Breaks bounded memory: who never completes a request is counted by no limit, and costs half a megabyte. Clients that are
let in cost what they did.
"""

from __future__ import annotations

from reference_server.http_protocol import HttpProtocol
from reference_server.parts import Parts

DESCRIPTION = "a request that is never complete costs half a megabyte"

SIZE = 512 * 1024


def install(parts: Parts) -> None:
    """Set it aside with the deadline for the request, which begins and ends with it."""
    expect, complete = HttpProtocol._expect_request, HttpProtocol._request_is_complete
    pages: dict[HttpProtocol, bytearray] = {}

    def expect_request(self: HttpProtocol) -> None:
        if self.deadline is None:
            pages[self] = bytearray(b"\xff") * SIZE
        expect(self)

    def request_is_complete(self: HttpProtocol) -> None:
        pages.pop(self, None)
        complete(self)

    HttpProtocol._expect_request = expect_request  # type: ignore[method-assign]  # a defect replaces a method
    HttpProtocol._request_is_complete = request_is_complete  # type: ignore[method-assign]  # likewise
