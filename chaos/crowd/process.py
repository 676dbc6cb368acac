"""A worker's process, seen by the conductor: started, called under a deadline, killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import sys
import time
from collections.abc import Collection, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any

import chaos
from chaos.agent.scheduling import waited
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import ClientPlan
from chaos.errors import CrowdError
from chaos.rpc import Overdue, RemoteGone, RpcClient

__all__ = ["START_AT_MOST", "START_WITHIN", "WorkerProcess"]

START_WITHIN = 10.0
"""Seconds from spawning a worker to its `ready`, those left out in which it waited for a core: nothing but a hang takes
so long. It runs for 0.5 to 0.8 s, imports for the most part, and waits for anything else for 0.01 to 0.04 s; on an idle
machine of two cores all of it took 0.12 s."""
START_AT_MOST = 60.0
"""Seconds from spawning a worker to its `ready` in all. Under a load of 26 to 30 on two cores it took 1.1 to 2.1 s, and
13 to 21 s where it was nicer by 15 than the others: it waited for a core for all but 0.7 s of that."""
_END_WITHIN = 5.0
"""Seconds that a worker may take to end once its caller is gone; 0.03 were measured with 1,000 open connections."""
_CALL_WITHIN = 5.0
"""Seconds for a call that waits for nobody."""
_LAST_WORDS = 4096
"""Bytes of a worker's stderr that are kept: a traceback."""
_LONGEST_PATH = 107
"""Bytes of a unix socket's path that Linux takes."""


class WorkerProcess:
    """One worker. It ends with this object's `close`, with its caller's process, or by `kill`."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process
        self._rpc: RpcClient | None = None
        self._said = b""
        self._listening = asyncio.create_task(self._listen(), name=f"stderr of {name}")

    @classmethod
    async def start(
        cls,
        directory: Path,
        *,
        name: str = "crowd",
        allowed_hosts: Collection[str] = (),
        within: float = START_WITHIN,
    ) -> WorkerProcess:
        """Start a worker whose socket is made in `directory`, which is ours alone (mode 0700), and call it.

        It has `within` seconds for that, and those in which it waits for a core, `START_AT_MOST` in all.
        The socket's file is gone again when this returns. The kernel kills the worker when the thread that calls this
        ends. Traffic goes to loopback and to `allowed_hosts` only. Raises CrowdError.
        """
        path = _socket_path(directory, name)
        arguments = [f"--socket={path}", f"--parent={os.getpid()}", *(f"--allow-host={host}" for host in allowed_hosts)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "chaos.crowd.worker",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": _import_path()},
        )
        worker = cls(name, process)
        try:
            await worker._in_its_own_time(worker._get_ready(path), within)
        except TimeoutError as error:
            kept = waited(process.pid)
            await worker.kill()
            raise CrowdError(
                worker._obituary(f"was not ready within {within:.3g}s and {kept:.3g}s of waiting for a core")
            ) from error
        except BaseException:
            await worker.kill()
            raise
        finally:
            path.unlink(missing_ok=True)
        return worker

    async def _get_ready(self, path: Path) -> None:
        """Wait for its word that it listens, and call it. Raises CrowdError where it ends instead."""
        assert self._process.stdout is not None
        if not await self._process.stdout.readline():
            await self._ended()
            raise CrowdError(self._obituary("did not start"))
        self._rpc = await RpcClient.connect(path, name=f"crowd worker {self.name!r}")

    async def _in_its_own_time(self, getting_ready: Coroutine[Any, Any, None], within: float) -> None:
        """Raises TimeoutError once it has had so many seconds beside those in which it waited for a core, or all."""
        began = time.monotonic()
        task = asyncio.create_task(getting_ready, name=f"start of {self.name}")
        try:
            while not task.done():
                passed = time.monotonic() - began
                left = min(within + waited(self.pid), START_AT_MOST) - passed
                if left <= 0:
                    raise TimeoutError
                await asyncio.wait({task}, timeout=left)
            await task
        finally:
            task.cancel()
            await asyncio.wait({task})

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def create(self, crowd: str, plan: ClientPlan, count: int) -> CrowdHandle:
        """Make a crowd in this worker; nothing connects yet."""
        await self.call("create", crowd, plan, count, within=_CALL_WITHIN)
        return CrowdHandle(crowd, plan, count, self)

    async def remove(self, crowd: str) -> None:
        """Reset what the crowd still holds and forget it."""
        await self.call("remove", crowd, within=_CALL_WITHIN)

    async def open_cell(self, directory: Path, *, run: str, cell: str) -> None:
        """Have the worker write its segment of a cell's journal."""
        await self.call("open_cell", directory, run=run, cell=cell, within=_CALL_WITHIN)

    async def close_cell(self) -> None:
        """Have the worker complete its segment."""
        await self.call("close_cell", within=_CALL_WITHIN)

    async def flush(self) -> None:
        """Have the worker hand everything it recorded so far to the kernel."""
        await self.call("flush", within=_CALL_WITHIN)

    async def call(self, method: str, /, *args: Any, within: float, **kwargs: Any) -> Any:
        """Call the worker; raises what it raised, or CrowdError when it has ended or does not answer in time."""
        what = f"{args[1]} of crowd {args[0]!r}" if method == "on" else method
        if self._rpc is None:
            raise CrowdError(self._obituary(f"was closed before {what} was called"))
        try:
            return await self._rpc.call(method, *args, within=within, **kwargs)
        except Overdue as error:
            raise CrowdError(
                f"crowd worker {self.name!r} did not answer {what} within {within:.3g}s; "
                "the machine is overloaded or the worker is stopped: use fewer clients"
            ) from error
        except RemoteGone as error:
            with contextlib.suppress(CrowdError):
                await self._ended()
            raise CrowdError(self._obituary(f"ended before it answered {what}")) from error

    async def kill(self) -> int:
        """SIGKILL, as a fault or for certain: the kernel closes every socket it holds. Returns the exit code."""
        if self.alive:
            self._process.send_signal(signal.SIGKILL)
        await self._disconnect()
        return await self._ended()

    async def close(self) -> int:
        """End the worker in good order: its journal is complete. Returns the exit code."""
        await self._disconnect()
        try:
            return await self._ended()
        except CrowdError:
            return await self.kill()

    async def _disconnect(self) -> None:
        rpc, self._rpc = self._rpc, None
        if rpc is not None:
            await rpc.close()

    async def _ended(self) -> int:
        try:
            async with asyncio.timeout(_END_WITHIN):
                code = await self._process.wait()
                await self._listening
        except TimeoutError as error:
            raise CrowdError(
                f"crowd worker {self.name!r} (pid {self.pid}) did not end within {_END_WITHIN}s"
            ) from error
        return code

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(_LAST_WORDS):
            self._said = (self._said + chunk)[-_LAST_WORDS:]

    def _obituary(self, what: str) -> str:
        code = self._process.returncode
        state = "" if code is None else f" (exit code {code})"
        said = "".join(f"\n  {line}" for line in self._said.decode(errors="replace").splitlines())
        return f"crowd worker {self.name!r} {what}{state}" + (f"; it said:{said}" if said else "")

    async def __aenter__(self) -> WorkerProcess:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _socket_path(directory: Path, name: str) -> Path:
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & 0o077:
        raise CrowdError(
            f"the socket of a crowd worker is made in a directory that is ours alone; {directory.name!r} has mode "
            f"{mode:04o}, allowed is 0700: whoever can connect can run code"
        )
    path = directory / f"{name}.sock"
    length = len(os.fsencode(path))
    if length > _LONGEST_PATH:
        raise CrowdError(
            f"the socket of crowd worker {name!r} would have a path of {length} bytes, allowed are {_LONGEST_PATH}; "
            "use a directory with a shorter path"
        )
    return path


def _import_path() -> str:
    """PYTHONPATH with which the worker imports the very package that starts it, installed or not."""
    own = str(Path(chaos.__file__).parent.parent)
    return os.pathsep.join(part for part in (own, os.environ.get("PYTHONPATH", "")) if part)
