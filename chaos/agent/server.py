"""The request side of the agent: JSON lines over a unix socket, any number of clients, any number of requests at once.

Raw sockets instead of asyncio's streams, because those cannot pass a file descriptor along (SCM_RIGHTS).
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.agent.fields import Field, nearest, read_fields
from chaos.agent.protocol import MAX_REQUEST, encode
from chaos.errors import AgentError, ChaosError
from chaos.unix_listener import listen_at

__all__ = ["HandedOver", "Operation", "Server", "listen"]

_BACKLOG = 64
_RECEIVE = 1 << 16
_ACCEPT_AGAIN = 0.1
"""Seconds from a failed accept to the next: such a failure lasts until somebody closes something."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked for: its fields, and the coroutine function that gets them as keyword arguments."""

    run: Callable[..., Awaitable[object]]
    fields: Mapping[str, Field]
    patient: bool = False
    """It may wait for long, and is given up when its client is gone. All others are finished whoever listens."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """An answer that takes a socket along; the agent's own copy is closed once it is sent."""

    answer: object
    socket: socket.socket


def listen(path: Path) -> socket.socket:
    """A listening unix socket that only this user can connect to.

    The rest of an agent that was killed is replaced. Raises AgentError when another agent listens there, or where the
    directory cannot be written.
    """
    try:
        if path.is_socket():
            _refuse_living(path)
            path.unlink()
        return listen_at(path, backlog=_BACKLOG)
    except OSError as error:
        raise AgentError(f"cannot listen on {path}: {error.strerror}; choose a path in your own directory") from error


def _refuse_living(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return
    raise AgentError(f"another agent listens on {path}; give every agent a socket of its own")


class Server:
    """Answers requests. A request that fails is answered with a sentence; none of them can end the agent."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = operations
        self._working: set[asyncio.Future[object]] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Accept clients until cancelled; then every client is disconnected."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as clients:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError as error:  # out of file descriptors: clients that leave give some back
                    print(f"chaos.agent: cannot accept a client: {error.strerror}", file=sys.stderr, flush=True)
                    await asyncio.sleep(_ACCEPT_AGAIN)
                else:
                    clients.create_task(self._attend(connection))

    async def _attend(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        answering: set[asyncio.Task[None]] = set()
        writer = _Writer(connection)
        pending = b""
        try:
            while chunk := await loop.sock_recv(connection, _RECEIVE):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    task = asyncio.create_task(self._answer(line, writer))
                    answering.add(task)
                    task.add_done_callback(answering.discard)
                if len(pending) > MAX_REQUEST:
                    await writer.complain(None, f"a request may have {MAX_REQUEST} bytes, and this one has more")
                    return
        except OSError:
            pass  # the client died in the middle of a request, which is the client's matter
        finally:
            for task in answering:
                task.cancel()
            await asyncio.gather(*answering, return_exceptions=True)
            connection.close()

    async def _answer(self, line: bytes, writer: _Writer) -> None:
        number: object = None
        try:
            request = _parse(line)
            number = request.pop("id", None)
            result = await self._run(request)
            if isinstance(result, HandedOver):
                with result.socket:
                    await writer.send({"id": number, "ok": result.answer, "fd": True}, attached=result.socket)
            else:
                await writer.send({"id": number, "ok": result})
        except ConnectionError:
            return  # nobody is there to hear the answer
        except ChaosError as error:
            await writer.complain(number, str(error))
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            sentence = f"the agent failed: {type(error).__name__}: {error}; its log has the traceback"
            await writer.complain(number, sentence)

    async def _run(self, request: dict[str, Any]) -> object:
        name = request.pop("do", None)
        if not isinstance(name, str):
            raise AgentError(f'a request says what to do, as in {{"do": "hello"}}; found {name!r}')
        operation = self._operations.get(name)
        if operation is None:
            known = ", ".join(sorted(self._operations))
            raise AgentError(f"the agent cannot do {name!r}{nearest(name, self._operations)}; it can do: {known}")
        work = asyncio.ensure_future(operation.run(**read_fields(operation.fields, request, request=name)))
        if operation.patient:
            return await work
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        return await asyncio.shield(work)


class _Writer:
    """Sends answers whole and one after the other, whoever finishes first."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._turn = asyncio.Lock()

    async def send(self, answer: dict[str, Any], *, attached: socket.socket | None = None) -> None:
        data = encode(answer)
        async with self._turn:
            if attached is not None:
                data = data[await self._send_first(data, attached) :]
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def complain(self, number: object, sentence: str) -> None:
        try:
            await self.send({"id": number, "error": sentence})
        except ConnectionError:
            return  # nobody is there to hear it

    async def _send_first(self, data: bytes, attached: socket.socket) -> int:
        """Send some of `data`, the file descriptor with it; how many bytes went out."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return socket.send_fds(self._socket, [data], [attached.fileno()])
            except BlockingIOError:
                writable: asyncio.Future[None] = loop.create_future()
                loop.add_writer(self._socket, writable.set_result, None)
                try:
                    await writable
                finally:
                    loop.remove_writer(self._socket)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise AgentError(f"a request is one JSON object a line; this is not JSON: {line[:120]!r}") from error
    if not isinstance(request, dict):
        raise AgentError(f"a request is one JSON object a line; found {line[:120]!r}")
    return request
