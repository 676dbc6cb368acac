"""Begins a session for whoever leaves, also from where nothing can be resumed, and never says that its client is away.

Breaks leak-free: such a session never expires. There is neither a descriptor nor a task to it, and its client is gone
from every other list.
"""

from __future__ import annotations

import secrets

from reference_server.connection import Connection
from reference_server.parts import Parts
from reference_server.resumable import KeptSession

DESCRIPTION = "each ended connection leaves a session behind that waits for nobody"


def install(parts: Parts) -> None:
    """One in the list of sessions for everybody who is taken out of the list of connections."""
    forget = parts.registry.remove

    def remove(connection: Connection) -> None:
        token = secrets.token_urlsafe(16)
        parts.sessions._by_token[token] = KeptSession(token, most_messages=1, most_bytes=1)
        forget(connection)

    parts.registry.remove = remove  # type: ignore[method-assign]  # a defect replaces a method
