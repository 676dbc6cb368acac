"""The life of one connection, from the upgrade request to the last thing it held."""

from __future__ import annotations

import asyncio
import logging

from starlette.websockets import WebSocket, WebSocketDisconnect

from reference_server import closes, logs
from reference_server.admission import Place
from reference_server.connection import Connection
from reference_server.endpoints.base import Endpoint
from reference_server.establishment import Establishment, while_connected
from reference_server.outbox import Close, Outbox
from reference_server.parts import Parts
from reference_server.phases import EstablishmentFailed
from reference_server.pump import pump
from reference_server.rejection import Rejected, Rejection, reject
from reference_server.timers import Timers

logger = logging.getLogger(__name__)


async def serve(websocket: WebSocket, parts: Parts, endpoint: Endpoint) -> None:
    """Let the client in, or turn it away; serve it; give back what it held, however it ends."""
    correlation_id = logs.begin(websocket.headers.get("x-correlation-id"))
    rejection = parts.gate.stranger(websocket) or parts.gate.enter()
    if rejection is not None:
        await turn_away(websocket, parts, rejection)
        return
    # Its place is free before the client can know that it has left: who reconnects at once must find it so.
    place = Place(parts.gate.leave)
    websocket.state.wire.on_leaving = place.give_back
    try:
        connection = new_connection(websocket, parts, endpoint, correlation_id)
        establishment = Establishment(websocket, connection, parts)
        try:
            if await establish(websocket, establishment, endpoint):
                await converse(websocket, connection, parts, endpoint)
        finally:
            parts.registry.remove(connection)
            parts.counters.ended += establishment.accepted
    finally:
        place.give_back()


async def establish(websocket: WebSocket, establishment: Establishment, endpoint: Endpoint) -> bool:
    """Establish the connection; False if that failed, and the client has been told."""
    parts = establishment.parts
    try:
        await while_connected(
            establishment.connection.wire.lost, asyncio.create_task(endpoint.establish(establishment))
        )
    except Rejected as refusal:
        await turn_away(websocket, parts, refusal.rejection)
        return False
    except EstablishmentFailed as failure:
        parts.counters.establishment_failures[failure.phase] += 1
        logger.info("not established: %s", failure)
        await close_unestablished(websocket, establishment, closes.establishment_failed(failure.phase, failure.detail))
        return False
    except WebSocketDisconnect:
        # The client left while it was being let in.
        return False
    return establishment.accepted


async def converse(websocket: WebSocket, connection: Connection, parts: Parts, endpoint: Endpoint) -> None:
    """Serve an established connection until it ends."""
    logger.debug("connected to %s", endpoint.name)
    timers = Timers(connection, parts, idles=endpoint.idles)
    try:
        await pump(connection, websocket, endpoint.received)
    finally:
        timers.cancel()
        logger.debug("ended")


async def turn_away(websocket: WebSocket, parts: Parts, rejection: Rejection) -> None:
    """Count and answer a rejection."""
    parts.counters.reject(rejection.reason)
    try:
        await reject(websocket, rejection)
    except WebSocketDisconnect:
        logger.debug("client left before it was turned away")


async def close_unestablished(websocket: WebSocket, establishment: Establishment, close: Close) -> None:
    """Close with a code: for that the upgrade has to be completed first."""
    try:
        if not establishment.accepted:
            await establishment.accept()
        await websocket.close(code=close.code, reason=close.reason)
    except WebSocketDisconnect:
        logger.debug("client left before it was told")


def new_connection(websocket: WebSocket, parts: Parts, endpoint: Endpoint, correlation_id: str) -> Connection:
    """A connection with its outbox, on the wire that the protocol left in the request's state."""
    settings = parts.settings
    return Connection(
        id=correlation_id,
        endpoint=endpoint.name,
        takes_warnings=endpoint.warns,
        wire=websocket.state.wire,
        outbox=Outbox(max_messages=settings.websocket_outbox_messages, max_bytes=settings.websocket_outbox_bytes),
        clock=parts.clock,
        counters=parts.counters,
    )
