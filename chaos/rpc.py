"""Calls between our own processes: pytest to the conductor, the conductor to its crowd workers.

A unix socket in a directory of mode 0700 carries pickled requests and answers, each behind its length. A service is
any object; its public coroutine methods can be called by name, any number at once. What the method raises is raised
at the caller. When the caller's connection ends, the service is told (`connection_lost`), so that nothing outlives
the process that asked for it.

Every call has a deadline: a method that hangs ends for its caller as `Overdue`, in words, and never as a test that
somebody had to shoot. A caller's deadline is beyond every deadline that the callee has itself, so that what is known
best is what is told.
"""

from __future__ import annotations

import asyncio
import itertools
import pickle
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from chaos.errors import ChaosError
from chaos.units import format_duration
from chaos.unix_listener import listen_at

__all__ = ["GRACE", "Overdue", "RemoteGone", "RpcClient", "Service", "serve"]

GRACE = 30.0
"""Seconds for a call that waits for nobody, and what a call that waits has beyond that: above the longest that one
helper which hangs holds a conductor or a worker up (a link with four calls of 5 s and 0.5 s to drain; the agent has
15 s, the end of a crowd worker 5 s). What is not in trouble answers in milliseconds."""

_LENGTH = struct.Struct("!I")


class RemoteGone(ChaosError):
    """The process at the other end has ended."""


class Overdue(ChaosError):
    """The process at the other end lives, and has not answered in time."""


class Service(Protocol):
    """What `serve` offers: coroutine methods without a leading underscore."""

    def connection_lost(self) -> None:
        """The (only) caller has gone away."""


async def serve(service: Service, path: Path) -> asyncio.Server:
    """Listen on the unix socket `path` and answer calls to `service` until the server is closed. Raises OSError."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                number, method, packed = await _receive(reader)
                task = asyncio.create_task(_answer(service, writer, number, method, packed))
                running.add(task)
                task.add_done_callback(running.discard)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for task in running:
                task.cancel()
            writer.close()
            service.connection_lost()

    return await asyncio.start_unix_server(connected, sock=listen_at(path))


class RpcClient:
    """The caller's end. Not for use from several event loops."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, name: str) -> None:
        self._reader = reader
        self._writer = writer
        self._name = name
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._task = asyncio.create_task(self._read(), name=f"rpc to {name}")

    @classmethod
    async def connect(cls, path: Path, *, name: str) -> RpcClient:
        """Connect to the service that listens on `path`. Raises RemoteGone when nobody does."""
        try:
            reader, writer = await asyncio.open_unix_connection(str(path))
        except OSError as error:
            raise RemoteGone(f"{name} does not answer at {path.name}: {error.strerror}") from error
        return cls(reader, writer, name=name)

    async def call(self, method: str, /, *args: Any, within: float = GRACE, **kwargs: Any) -> Any:
        """Call a method of the service, which has `within` seconds to answer; what it is doing by then goes on.

        Raises what the method raised, Overdue, or RemoteGone when the process has ended.
        """
        if self._task.done():
            raise RemoteGone(f"{self._name} has ended, so {method} cannot be called")
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(within) as deadline:
                _send(self._writer, (number, method, pickle.dumps((args, kwargs))))
                await self._writer.drain()
                return await answer
        except TimeoutError as error:
            if not deadline.expired():  # the method's own
                raise
            raise Overdue(
                f"{self._name} did not answer {_described(method, args)} within {format_duration(within)}; it hangs, "
                "or this machine is overloaded: its log and the last events of its journal say what it was doing"
            ) from error
        except ConnectionError as error:
            raise RemoteGone(f"{self._name} ended during {method}") from error
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """End the connection; calls still waiting raise RemoteGone."""
        self._writer.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while True:
                number, packed = await _receive(self._reader)
                waiting = self._waiting.get(number)
                if waiting is None or waiting.done():
                    continue
                try:
                    result, error = pickle.loads(packed)
                except Exception as reason:  # of whatever the answer's own classes do when they are made again
                    result, error = None, ChaosError(f"an answer of {self._name} cannot be read here: {reason}")
                if error is not None:
                    waiting.set_exception(error)
                else:
                    waiting.set_result(result)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(RemoteGone(f"{self._name} has ended"))

    async def __aenter__(self) -> RpcClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _answer(service: Service, writer: asyncio.StreamWriter, number: int, method: str, packed: bytes) -> None:
    try:
        args, kwargs = _unpacked(packed, method)
        found: Callable[..., Awaitable[Any]] | None = None if method.startswith("_") else getattr(service, method, None)
        if found is None:
            raise AttributeError(f"{type(service).__name__} offers no {method!r}")
        reply: tuple[Any, BaseException | None] = (await found(*args, **kwargs), None)
    except asyncio.CancelledError:
        _send(writer, (number, pickle.dumps((None, RemoteGone(f"{method} was called off")))))
        raise
    except Exception as error:
        reply = (None, _sendable(error, method))
    try:
        answer = pickle.dumps(reply)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        answer = pickle.dumps((None, ChaosError(f"{method} answered with what cannot be sent: {error}")))
    _send(writer, (number, answer))
    await writer.drain()


def _unpacked(packed: bytes, method: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, apart from the call: one that cannot be read here does not end the connection.

    Raises ChaosError.
    """
    try:
        args, kwargs = pickle.loads(packed)
    except Exception as error:  # of whatever the arguments' own classes do when they are made again
        raise ChaosError(
            f"{method} was given what its process cannot read ({type(error).__name__}: {error}); a fault or a "
            "condition of your own has to be in a package that can be imported, not in the test file"
        ) from error
    return args, kwargs


def _described(method: str, args: tuple[Any, ...]) -> str:
    """A call in a sentence: `inject(Vanished, 'dying')`. Values that are not short go by the name of their type."""
    telling = (arg for arg in args if not isinstance(arg, dict | list | tuple | None))
    shown = (repr(arg) if isinstance(arg, str | int | float) else type(arg).__name__ for arg in telling)
    return f"{method}({', '.join(shown)})"


def _sendable(error: Exception, method: str) -> Exception:
    """The error itself where it survives the journey, its words where it does not.

    An exception whose constructor wants other arguments than it keeps pickles well and cannot be unpickled: at the
    caller it would end the connection and every other call with it.
    """
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return ChaosError(f"{method} failed: {type(error).__name__}: {error}")
    return error


def _send(writer: asyncio.StreamWriter, message: object) -> None:
    data = pickle.dumps(message)
    writer.write(_LENGTH.pack(len(data)) + data)


async def _receive(reader: asyncio.StreamReader) -> Any:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return pickle.loads(await reader.readexactly(length))
