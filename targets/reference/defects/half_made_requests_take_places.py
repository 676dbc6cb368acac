"""Counts a client from its first byte, and once more, in its own right, when its request is complete.

Breaks survival: whoever connects and says nothing has a place until the deadline for its request. As many of them as
there are places keep everybody else out, for some bytes a second each, and begin anew when they are ended.
"""

from __future__ import annotations

from reference_server.http_protocol import HttpProtocol
from reference_server.parts import Parts

DESCRIPTION = "a request that is not complete takes a place, so a crowd of slow ones keeps everybody out"


def install(parts: Parts) -> None:
    """Take a place while a request is awaited."""
    admission = parts.admission
    expect_as_before = HttpProtocol._expect_request
    complete_as_before = HttpProtocol._request_is_complete
    late_as_before = HttpProtocol._request_is_late

    def expect(self: HttpProtocol) -> None:
        if self.deadline is None:
            admission.inside += 1
        expect_as_before(self)

    def complete(self: HttpProtocol) -> None:
        if self.deadline is not None:
            admission.inside -= 1
        complete_as_before(self)

    def late(self: HttpProtocol) -> None:
        admission.inside -= 1
        late_as_before(self)

    HttpProtocol._expect_request = expect  # type: ignore[method-assign]  # a defect replaces a method
    HttpProtocol._request_is_complete = complete  # type: ignore[method-assign]  # a defect replaces a method
    HttpProtocol._request_is_late = late  # type: ignore[method-assign]  # a defect replaces a method
