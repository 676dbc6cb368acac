"""A crowd worker: a process that holds crowds and does what its one caller says, over `chaos.rpc`.

    python -m chaos.crowd.worker --socket PATH [--parent PID] [--allow-host HOST]...

It prints `ready` when it listens. It ends when its caller's connection ends, or when the parent process does.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
import time
import traceback
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from chaos.address import refuse_foreign
from chaos.crowd.clock import LoopClock
from chaos.crowd.crowd import Crowd
from chaos.crowd.lifeline import die_with_parent, quieten_collector, raise_file_limit
from chaos.crowd.plan import ClientPlan
from chaos.crowd.recorder import Recorder
from chaos.crowd.traffic import PERIOD
from chaos.errors import CrowdError
from chaos.journal import CrowdMade
from chaos.journal.writer import FLUSH_WITHIN
from chaos.rpc import serve

__all__ = ["READY", "Worker", "main"]

READY = "ready"
_OWN_FILES = 64
"""Open files that a worker needs for itself: the loop, the caller, the journal, libraries (9 were seen)."""


class Worker:
    """The service: crowds by name. Its coroutine methods are what a conductor calls."""

    def __init__(
        self, *, allowed_hosts: Collection[str] = (), file_limit: int, leave: Callable[[], None] = lambda: None
    ) -> None:
        self._allowed_hosts = frozenset(allowed_hosts)
        self._file_limit = file_limit
        self._leave = leave
        self._crowds: dict[str, tuple[Crowd, int]] = {}
        self._numbers = itertools.count(1)
        self._recorder = Recorder()
        self._clock = LoopClock(self._recorder.write)
        self._bug = ""
        self._ticking = asyncio.create_task(self._tick(), name="flush and traffic")
        self._ticking.add_done_callback(self._stopped_ticking)

    async def open_cell(self, directory: Path, *, run: str, cell: str) -> None:
        """Write events into a segment in `directory` from now on."""
        self._write_periods()  # what was before belongs to no cell
        self._recorder.open(directory, run=run, cell=cell)
        for crowd in self._crowds:
            self._announce(crowd)

    async def close_cell(self) -> None:
        """Complete the segment. Raises JournalError when any of it could not be written."""
        self._write_periods()
        self._recorder.close()

    async def flush(self) -> None:
        """Hand everything recorded so far to the kernel, the periods under way included: traffic, and lateness."""
        self._write_periods()
        self._recorder.flush()

    async def create(self, crowd: str, plan: ClientPlan, count: int) -> None:
        """Make a crowd; nothing connects yet. Raises CrowdError and ForeignAddress."""
        refuse_foreign(plan.address, allowed_hosts=self._allowed_hosts)
        if crowd in self._crowds:
            raise CrowdError(f"there is a crowd {crowd!r} already; give this one another name")
        if count < 1:
            raise CrowdError(f"a crowd has at least one client; found {count}")
        files = count + sum(size for _, size in self._crowds.values()) + _OWN_FILES
        if files > self._file_limit:
            raise CrowdError(
                f"{count} more clients need {files} open files, and this process may have {self._file_limit}; "
                "raise the hard limit of `ulimit -n` or spread the clients over more workers"
            )
        made = Crowd(crowd, plan, count, record=self._recorder.write, numbers=self._numbers)
        self._crowds[crowd] = made, count
        self._announce(crowd)

    async def on(self, crowd: str, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a coroutine method of a crowd by its name."""
        if self._bug:
            raise CrowdError(f"this crowd worker has a bug, so nothing it reports counts:\n{self._bug}")
        found = getattr(self._crowd(crowd), method, None)
        if method.startswith("_") or not asyncio.iscoroutinefunction(found):
            raise CrowdError(f"a crowd has no method {method!r}")
        return await found(*args, **kwargs)

    async def remove(self, crowd: str) -> None:
        """End whatever the crowd still holds, attempts too, and forget it."""
        await self._crowd(crowd).abandon()
        del self._crowds[crowd]

    def connection_lost(self) -> None:
        """The caller is gone: nothing may outlive it."""
        self._ticking.cancel()
        self._clock.stop()
        try:
            self._recorder.close()
        finally:
            self._leave()

    def unexpected(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error in a callback, of which no caller would hear: remember it, and say it to whoever calls next."""
        error = context.get("exception")
        if not self._bug:
            self._bug = str(context["message"]) if error is None else "".join(traceback.format_exception(error))
        loop.default_exception_handler(context)

    def _stopped_ticking(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.unexpected(task.get_loop(), {"message": "the journal is no longer flushed", "exception": error})

    def _crowd(self, name: str) -> Crowd:
        try:
            return self._crowds[name][0]
        except KeyError:
            known = ", ".join(repr(name) for name in self._crowds) or "none"
            raise CrowdError(f"there is no crowd {name!r}; there are {known}") from None

    def _announce(self, crowd: str) -> None:
        address = str(self._crowds[crowd][0].address)
        self._recorder.write(CrowdMade(at=time.monotonic(), crowd=crowd, pid=os.getpid(), address=address))

    def _write_periods(self) -> None:
        self._write_traffic()
        self._clock.write()

    def _write_traffic(self) -> None:
        for crowd, _ in self._crowds.values():
            crowd.write_traffic()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + PERIOD
        while True:
            await asyncio.sleep(FLUSH_WITHIN)
            if loop.time() >= due:
                # A late turn makes one long period, which says so, and not several at once.
                due = max(due + PERIOD, loop.time())
                self._write_traffic()
            self._recorder.flush()


async def _serve(path: Path, allowed_hosts: Collection[str], file_limit: int) -> None:
    # _exit, because a worker without its caller has nothing to wait for: the kernel closes its sockets.
    worker = Worker(allowed_hosts=allowed_hosts, file_limit=file_limit, leave=lambda: os._exit(0))
    asyncio.get_running_loop().set_exception_handler(worker.unexpected)
    async with await serve(worker, path) as server:
        quieten_collector()
        print(READY, flush=True)
        await server.serve_forever()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m chaos.crowd.worker", description="Hold crowds of clients.")
    parser.add_argument("--socket", type=Path, required=True, help="the unix socket to listen on")
    parser.add_argument("--parent", type=int, help="the pid of the process to end with")
    parser.add_argument("--allow-host", action="append", default=[], help="a host that is not loopback")
    options = parser.parse_args()
    if options.parent is not None:
        die_with_parent(options.parent)
    # Ctrl-C is meant for whoever runs the tests; this process ends with its caller.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(options.socket, options.allow_host, raise_file_limit()))


if __name__ == "__main__":
    main()
