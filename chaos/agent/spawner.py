"""Starting processes in the agent's namespaces, and remembering how they ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from chaos.agent.identity import shown_pid, start_time
from chaos.agent.reaper import Reaper
from chaos.agent.types import Spawned
from chaos.errors import AgentError

__all__ = ["Spawner"]

_LAUNCHER = str(Path(__file__).with_name("launcher.py"))
_REPORT = 3
"""The file descriptor on which the launcher tells what failed before the program ran."""
_START_WITHIN = 10.0
"""Seconds from fork to exec: it takes 15 ms, and on a machine that swaps a hundred times as long."""


class Spawner:
    """The processes that the agent started, each by the pid that /proc shows."""

    def __init__(self, reaper: Reaper, *, markers: Mapping[str, str], ended: Callable[[Spawned], None]) -> None:
        """`markers` go into the environment of every process; `ended` hears of each end at once."""
        self._reaper = reaper
        self._markers = dict(markers)
        self._ended = ended
        self._records: dict[int, Spawned] = {}
        self._living: dict[str, Spawned] = {}
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._starting: set[str] = set()

    async def spawn(
        self, argv: Sequence[str], *, name: str, log: Path, cwd: Path, env: Mapping[str, str] | None = None
    ) -> Spawned:
        """Start a program in a session of its own; standard output and error are appended to `log`.

        `env` is its whole environment (None: the agent's); the owner's marks are added. Returns once the program itself
        runs. Raises AgentError that says why it does not, or that a living process has the name.
        """
        living = self.living(name)
        if living is not None or name in self._starting:
            which = f"pid {living.pid}" if living else "it is just being started"
            raise AgentError(f"a process named {name!r} runs already ({which}); end it first or take another name")
        self._starting.add(name)
        try:
            return await self._spawn(argv, name=name, log=log, cwd=cwd, env=os.environ if env is None else env)
        finally:
            self._starting.discard(name)

    def living(self, name: str) -> Spawned | None:
        """The process of that name that has not ended. May be called from any thread."""
        return self._living.get(name)

    def records(self) -> list[Spawned]:
        """Everything ever spawned, the latest last."""
        return list(self._records.values())

    async def wait(self, pid: int, *, timeout: float | None) -> int | None:
        """The exit code (negative: the signal that ended it), or None when it still runs after `timeout` seconds."""
        exit_code = self._exits.get(pid)
        if exit_code is None:
            known = ", ".join(f"{found.pid} ({found.name})" for found in self._records.values()) or "nothing"
            raise AgentError(f"pid {pid} was not spawned by this agent, so it cannot wait for it; it spawned {known}")
        done, _ = await asyncio.wait([exit_code], timeout=timeout)
        return exit_code.result() if done else None

    async def _spawn(self, argv: Sequence[str], *, name: str, log: Path, cwd: Path, env: Mapping[str, str]) -> Spawned:
        report, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            try:
                child = self._fork(argv, log=log, cwd=cwd, env=env, report=told)
            except OSError as error:
                raise AgentError(f"cannot start {name}: {error.strerror}") from error
            finally:
                os.close(told)
            # Until the event loop runs again the child cannot be buried, so that its pid is its own even if it is dead.
            exit_code = self._reaper.expect(child)
            record = _describe(child, name, argv)
            try:
                problem = await asyncio.wait_for(_read_to_end(report), _START_WITHIN)
            except TimeoutError:
                problem = f"{argv[0]} did not run within {_START_WITHIN:g} s"
                if not exit_code.done():
                    os.kill(child, signal.SIGKILL)
        finally:
            os.close(report)
        if problem:
            raise AgentError(f"cannot start {name}: {problem}")
        self._records.pop(record.pid, None)  # a reused pid goes to the end of the list
        self._records[record.pid] = record
        self._living[name] = record
        self._exits[record.pid] = exit_code
        exit_code.add_done_callback(lambda done: self._note_end(record, done.result()))
        return record

    def _fork(self, argv: Sequence[str], *, log: Path, cwd: Path, env: Mapping[str, str], report: int) -> int:
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise AgentError(f"cannot open the log {log}: {error.strerror}") from error
        try:
            return os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), str(cwd), *argv],
                {**env, **self._markers},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                    (os.POSIX_SPAWN_DUP2, report, _REPORT),
                ],
                setsid=True,
            )
        finally:
            os.close(output)

    def _note_end(self, record: Spawned, exit_code: int) -> None:
        ended = replace(record, exit_code=exit_code)
        self._records[record.pid] = ended
        self._living.pop(record.name, None)
        self._ended(ended)


def _describe(child: int, name: str, argv: Sequence[str]) -> Spawned:
    pidfd = os.pidfd_open(child)
    try:
        pid = shown_pid(pidfd)
    finally:
        os.close(pidfd)
    return Spawned(pid=pid, name=name, argv=tuple(argv), started=start_time(pid) or 0)


async def _read_to_end(pipe: int) -> str:
    """Everything that comes through a non-blocking pipe until its last writer closes it."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    content = bytearray()

    def readable() -> None:
        chunk = os.read(pipe, 4096)
        content.extend(chunk)
        if not chunk and not ended.done():
            ended.set_result(None)

    loop.add_reader(pipe, readable)
    try:
        await ended
    finally:
        loop.remove_reader(pipe)
    return content.decode(errors="replace")
