"""Skips what comes before the first request of a connection, so as to get on with clients that send odd bytes first.

Breaks survival: what is no request line has to be refused (RFC 9112, 3). Where this server and a proxy in front of it
differ in where a request begins, a client writes requests that the proxy has never seen.
"""

from __future__ import annotations

from reference_server.http_protocol import HttpProtocol
from reference_server.parts import Parts

DESCRIPTION = "whatever comes before a request is skipped, and the request is served"

BEGINNING = b"GET "


def install(parts: Parts) -> None:
    """Begin where a request begins."""
    data_received_as_before = HttpProtocol.data_received

    def data_received(self: HttpProtocol, data: bytes) -> None:
        if not self.latest:
            data = data[max(0, data.find(BEGINNING)) :]
        data_received_as_before(self, data)

    HttpProtocol.data_received = data_received  # type: ignore[method-assign]  # a defect replaces a method
