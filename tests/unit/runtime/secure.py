"""A server that speaks HTTP over TLS: 200 and `ok`, whatever is asked."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chaos.address import Address
from tests.certificates import Certificates

__all__ = ["answering_over_tls"]


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_about: object) -> None:
        """Nobody reads it."""


class _Server(http.server.ThreadingHTTPServer):
    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(("127.0.0.1", 0), _Answers)

    def finish_request(self, request: object, client_address: object) -> None:
        """In the request's own thread, or a client that never shakes hands would keep the others waiting."""
        with self._context.wrap_socket(request, server_side=True) as secured:  # type: ignore[arg-type]  # a socket
            super().finish_request(secured, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that trusts it not, and says so."""


@contextmanager
def answering_over_tls(made: Certificates) -> Iterator[Address]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with _Server(context) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Address("127.0.0.1", server.server_address[1])
        server.shutdown()
        thread.join()
