"""uvicorn's configuration, with the parts that its protocols need."""

from __future__ import annotations

import asyncio

import uvicorn

from reference_server.app import build_app
from reference_server.listener import ACCEPT_BATCH
from reference_server.parts import Parts
from reference_server.secure_transport import server_context

__all__ = ["ReferenceConfig"]


class ReferenceConfig(uvicorn.Config):
    """The application, its settings, and the protocols that are given this configuration in turn."""

    def __init__(self, parts: Parts, *, http: type[asyncio.Protocol], ws: type[asyncio.Protocol]) -> None:
        self.parts = parts
        self.tls = server_context(parts.settings)
        """What its certificate is; None where it speaks no TLS."""
        super().__init__(
            build_app(parts),
            loop="asyncio",
            http=http,
            ws=ws,
            lifespan="on",
            ws_max_size=parts.settings.websocket_max_message_bytes,
            ws_ping_interval=None,  # the heartbeat is ours
            ws_per_message_deflate=parts.settings.websocket_compression,
            backlog=ACCEPT_BATCH,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
