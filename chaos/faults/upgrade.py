"""The upgrade request that a fault's own clients send: the one that a flawless client of the scene's endpoint would."""

from __future__ import annotations

from chaos.dialects import dialect_named
from chaos.faults.base import Scene
from chaos.hostile.handshakes import Request

__all__ = ["upgrade_request"]


def upgrade_request(scene: Scene) -> Request:
    """One that the server takes."""
    address = scene.server.address
    return Request(
        host=f"{address.host}:{address.port}",
        path=dialect_named(scene.dialect).request_path(scene.echo.path),
        subprotocol=scene.echo.subprotocol,
        headers=tuple(scene.echo.headers.items()),
    )
