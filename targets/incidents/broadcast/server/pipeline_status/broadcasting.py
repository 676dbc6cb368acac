"""The handler after the fix: it listens and sends at the same time, and the first of both to end ends the connection.

No session is held: whoever asks the database takes one for that, and gives it back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketState

from pipeline_status import mistakes
from pipeline_status.members import Member
from pipeline_status.mistakes import live_set
from pipeline_status.mistakes.absences import Absences
from pipeline_status.parts import Parts

GOING_AWAY = 1001
GOODBYES = (1000, GOING_AWAY)
"""Close codes of a client that leaves on purpose."""


def add_handler(app: FastAPI, parts: Parts, path: str) -> None:
    """Broadcast to clients on a path."""
    absences = Absences(parts.sessions) if mistakes.ABSENCES in parts.settings.mistakes else None

    @app.websocket(path)
    async def pipeline_status(websocket: WebSocket) -> None:
        member = parts.members.join(websocket)
        if member is None:
            await websocket.send_denial_response(PlainTextResponse("too many connections\n", status_code=503))
            return
        lost = False
        try:
            await websocket.accept()
            reason = await _first_to_end(parts, member)
            if reason and websocket.client_state is WebSocketState.CONNECTED:
                await websocket.close(GOING_AWAY, reason)
        except WebSocketDisconnect as gone:
            lost = await _said_last(websocket, gone) not in GOODBYES
        finally:
            parts.members.leave(member)
        if lost and absences is not None:
            await absences.begin(member)


async def _said_last(websocket: WebSocket, gone: WebSocketDisconnect) -> int:
    """The code of a connection's end. To whoever is sending it is 1006, also where the client has said goodbye: what it
    said has yet to be received."""
    while websocket.client_state is WebSocketState.CONNECTED:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return int(message["code"])
    return gone.code


async def _age_by_own_timer(parts: Parts, member: Member) -> str:
    """Its time is up, or it has fallen too far behind."""
    try:
        async with asyncio.timeout(parts.settings.max_age):
            await member.over.wait()
    except TimeoutError:
        return "maximum age"
    return "too far behind"


async def _age_by_sweep(parts: Parts, member: Member) -> str:
    """Somebody else says when."""
    await member.over.wait()
    return "ended by the sweep, or too far behind"


AGEING: dict[str, Callable[[Parts, Member], Coroutine[Any, Any, str]]] = {
    "meant": _age_by_own_timer,
    "told": _age_by_sweep,
}


async def _first_to_end(parts: Parts, member: Member) -> str:
    """Listen, send and age until one of them is over; why the connection has to be closed, empty where it is."""
    tasks = [asyncio.create_task(part(parts, member)) for part in (_listen, _send, AGEING[parts.settings.ageing])]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(parts: Parts, member: Member) -> str:
    """Answer what the client asks. As told, one that says nothing for too long is stale, whatever it hears."""
    patience = parts.settings.connection_timeout if parts.settings.ageing == "told" else None
    while True:
        try:
            async with asyncio.timeout(patience):
                said = await member.websocket.receive_text()
        except TimeoutError:
            return "stale"
        except KeyError:
            continue  # binary: nothing of ours
        answer = _answer(said)
        if answer is not None:
            await member.websocket.send_text(answer)


def _answer(said: str) -> str | None:
    try:
        message = json.loads(said)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("type") != "ping":
        return None
    return json.dumps({"type": "pong", "id": message.get("id")})


async def _send(parts: Parts, member: Member) -> str:
    while True:
        await member.websocket.send_text(await member.updates.get())


async def broadcast(parts: Parts) -> None:
    """Tell everybody the status at its interval, until cancelled. A database that fails costs an update, no more."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due += parts.settings.broadcast_interval
        await asyncio.sleep(max(0.0, due - loop.time()))
        due = max(due, loop.time() - parts.settings.broadcast_interval)  # what was missed is not made up for
        if (update := await parts.next_update()) is not None:
            if mistakes.LIVE_SET in parts.settings.mistakes:
                await live_set.tell(parts.members, update)
            else:
                parts.members.tell(update)


async def sweep(parts: Parts) -> None:
    """As told: every so often, end those who are too old."""
    while True:
        await asyncio.sleep(parts.settings.age_sweep)
        for member in parts.members.older_than(parts.settings.max_age):
            member.over.set()
