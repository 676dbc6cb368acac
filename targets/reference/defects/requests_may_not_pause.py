"""Ends a request that pauses for a tenth of a second, as a shield against clients that send theirs byte by byte.

Breaks survival: a packet that is lost comes a fifth of a second later, so whoever sits in a train is turned away.
"""

from __future__ import annotations

from reference_server.clock import AttentiveTimer
from reference_server.http_protocol import HttpProtocol
from reference_server.parts import Parts

DESCRIPTION = "a request that pauses for a tenth of a second is taken for an attack"

PAUSE = 0.1
"""Seconds."""


def install(parts: Parts) -> None:
    """A second deadline, which begins anew with each packet until the request is complete or the connection ends."""
    expect_as_before, complete_as_before = HttpProtocol._expect_request, HttpProtocol._request_is_complete
    deadlines: dict[HttpProtocol, AttentiveTimer] = {}

    def forget(protocol: HttpProtocol) -> None:
        deadline = deadlines.pop(protocol, None)
        if deadline is not None:
            deadline.cancel()

    def _expect_request(self: HttpProtocol) -> None:
        if self.deadline is not None:  # it is no newcomer, who has said nothing yet
            forget(self)
            deadlines[self] = self.parts.clock.call_after(PAUSE, self._request_is_late)
        expect_as_before(self)

    def _request_is_complete(self: HttpProtocol) -> None:
        forget(self)
        complete_as_before(self)

    HttpProtocol._expect_request = _expect_request  # type: ignore[method-assign]  # a defect replaces a method
    HttpProtocol._request_is_complete = _request_is_complete  # type: ignore[method-assign]  # a defect replaces a method
