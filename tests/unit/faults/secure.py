"""Servers that speak TLS for the tests of faults, and how clients know them."""

from __future__ import annotations

import ssl
from pathlib import Path

from chaos.target import Tls
from tests.certificates import certificates

__all__ = ["NAME", "known_by"]

NAME = "server.test"


def known_by(directory: Path) -> tuple[Tls, ssl.SSLContext]:
    """How clients know a server, and the server's own side of that."""
    made = certificates(directory, NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    return Tls(server_name=NAME, ca=str(made.ca)), context
