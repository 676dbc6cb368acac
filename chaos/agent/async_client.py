"""The agent's client for asyncio: the conductor and its faults."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import Any

from chaos.agent.protocol import (
    CLOSED,
    MOST_DESCRIPTORS,
    check_socket_path,
    decode_answer,
    encode,
    gone,
    grace,
    result_of,
)
from chaos.agent.records import to_record
from chaos.agent.types import (
    BOTH,
    Connection,
    CutRule,
    Endpoint,
    FileLimit,
    GroupLimit,
    Hello,
    LineCounters,
    RuleCounters,
    Serving,
    SocketInfo,
    Spawned,
)
from chaos.errors import AgentError
from chaos.journal import Sample

__all__ = ["AsyncAgent"]

_RECEIVE = 1 << 16

Answer = tuple[dict[str, Any], socket.socket | None]


class AsyncAgent:
    """One connection to the agent; any number of requests at once. Made with `await AsyncAgent.open(path)`.

    Every method raises AgentError: with the agent's own sentence when it refuses, or because it is gone.
    """

    def __init__(self, connection: socket.socket, path: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = connection
        self._path = path
        self._numbers = itertools.count(1)
        self._turn = asyncio.Lock()
        self._pending = b""
        self._received: deque[socket.socket] = deque()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._gone: AgentError | None = None
        self._loop.add_reader(connection, self._readable)

    @classmethod
    async def open(cls, path: Path) -> AsyncAgent:
        """Connect to the agent that listens on the unix socket `path`."""
        checked = check_socket_path(path)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, str(checked))
        except OSError as error:
            connection.close()
            raise AgentError(f"no agent answers on {checked}: {error.strerror}; its log says why") from error
        return cls(connection, checked)

    async def close(self) -> None:
        """Disconnect. What the agent was asked to do goes on."""
        self._end("this connection was closed")

    async def __aenter__(self) -> AsyncAgent:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def call(self, do: str, **fields: Any) -> Any:
        """Send one request and return its answer as JSON gives it."""
        return (await self._exchange(do, fields))[0]

    async def _exchange(self, do: str, fields: dict[str, Any]) -> tuple[Any, socket.socket | None]:
        if self._gone is not None:
            raise AgentError(str(self._gone))
        number = next(self._numbers)
        request = encode({"id": number, "do": do, **fields})
        waiting = self._waiting[number] = self._loop.create_future()
        taken = False
        try:
            async with asyncio.timeout(grace(fields)):
                await asyncio.shield(self._send(request))
                answer, connection = await waiting
                taken = True
        except TimeoutError as error:
            raise AgentError(f"the agent on {self._path} did not answer {do} in time; its log says why") from error
        except OSError as error:
            raise gone(self._path, error) from error
        finally:
            self._waiting.pop(number, None)
            if not taken:
                _close_handed_over(waiting)
        return result_of(answer), connection

    async def _send(self, request: bytes) -> None:
        """Send it whole, whoever gives up waiting: half a request would spoil the next one."""
        async with self._turn:
            await self._loop.sock_sendall(self._socket, request)

    def _readable(self) -> None:
        try:
            chunk, descriptors, _, _ = socket.recv_fds(self._socket, _RECEIVE, MOST_DESCRIPTORS)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        self._received.extend(socket.socket(fileno=descriptor) for descriptor in descriptors)
        if not chunk:
            self._end(CLOSED)
            return
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        try:
            for line in lines:
                self._deliver(line)
        except AgentError as error:
            self._end(str(error))

    def _deliver(self, line: bytes) -> None:
        answer = decode_answer(line)
        connection = self._received.popleft() if answer.get("fd") else None
        waiting = self._waiting.pop(answer["id"], None)
        if waiting is not None and not waiting.done():
            waiting.set_result((answer, connection))
        elif connection is not None:  # nobody waits for it any more
            connection.close()

    def _end(self, why: OSError | str) -> None:
        if self._gone is not None:
            return
        self._gone = gone(self._path, why)
        self._loop.remove_reader(self._socket)
        self._socket.close()
        while self._received:
            self._received.popleft().close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(AgentError(str(self._gone)))

    async def hello(self) -> Hello:
        """Who the agent is, and what it can do where it runs."""
        return Hello.read(await self.call("hello"))

    # -- processes ------------------------------------------------------------------------------------------------

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        name: str,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Spawned:
        """Start a program in the agent's namespaces and in a session of its own; returns once it runs.

        Standard output and error are appended to `log`. `env` is its whole environment (None: the agent's own).
        """
        return Spawned.read(await self.call("spawn", argv=argv, name=name, log=log, cwd=cwd, env=env))

    async def spawned(self) -> list[Spawned]:
        """Everything the agent ever spawned, the latest last, with exit codes."""
        return [Spawned.read(record) for record in await self.call("spawned")]

    async def wait(self, pid: int, *, timeout: float | None = None) -> int | None:
        """The exit code of a spawned process (negative: the signal); None when it runs on after `timeout` seconds."""
        code: int | None = (await self.call("wait", pid=pid, timeout=timeout))["exit_code"]
        return code

    async def signal(self, pids: Iterable[int], number: Signals, *, tree: bool = False) -> list[int]:
        """Send a signal to processes, with `tree` to all their descendants too; the pids of those it reached.

        SIGSTOP has taken effect in every thread when this returns; other signals are on their way.
        """
        answer = await self.call("signal", pids=list(pids), signal=Signals(number).name, tree=tree)
        return list(answer["signalled"])

    async def tree(self, pid: int) -> list[int]:
        """The process and all its descendants, parents before children; zombies and the dead are left out."""
        return list(await self.call("tree", pid=pid))

    async def listen_pids(self, port: int) -> list[int]:
        """The processes that hold a socket listening on the port."""
        return list(await self.call("listen_pids", port=port))

    async def commands(self, pids: Iterable[int]) -> dict[int, str]:
        """Each process of these trees, parents before children, to the words it was started with."""
        return dict(await self.call("commands", pids=list(pids)))

    async def serving(self, port: int) -> Serving:
        """The processes that take connections on the port, and which of them holds whose."""
        return Serving.read(await self.call("serving", port=port))

    async def limit_files(self, pids: Iterable[int], *, spare: int) -> list[FileLimit]:
        """Leave each process of these trees room for `spare` more open files; what was set, and what was before."""
        return [FileLimit.read(record) for record in await self.call("limit_files", pids=list(pids), spare=spare)]

    async def restore_files(self, limits: Iterable[FileLimit]) -> list[int]:
        """Put limits on open files back; the pids of those processes that are still there."""
        answer = await self.call("restore_files", limits=[to_record(each) for each in limits])
        return list(answer["restored"])

    async def limit_cpu(self, pids: Iterable[int], *, share: float) -> GroupLimit:
        """Give the processes of these trees, and all they fork, this share of one core, together."""
        return GroupLimit.read(await self.call("limit_cpu", pids=list(pids), share=share))

    async def limit_memory(self, pids: Iterable[int], *, spare: int) -> GroupLimit:
        """Let the processes of these trees, and all they fork, have `spare` bytes more, together."""
        return GroupLimit.read(await self.call("limit_memory", pids=list(pids), spare=spare))

    async def lift_limit(self, limit: GroupLimit) -> None:
        """Take such a limit back; fine where it has gone with the processes."""
        await self.call("lift_limit", group=limit.group)

    # -- readings -------------------------------------------------------------------------------------------------

    async def sockets(self, port: int) -> list[SocketInfo]:
        """Every socket of the namespace whose local or remote port it is; those from OWN_ADDRESS are left out."""
        return [SocketInfo.read(record) for record in await self.call("sockets", port=port)]

    async def counters(self) -> dict[str, int]:
        """The namespace's counters of the groups Tcp and TcpExt: ListenOverflows, TCPSynRetrans, ..."""
        return dict(await self.call("counters"))

    async def sample(self, *, port: int, root_pids: Sequence[int] | None = None, name: str | None = None) -> Sample:
        """One reading of a server, named by its root pids or by the name it was spawned under."""
        return Sample(**await self.call("sample", port=port, root_pids=root_pids, name=name))

    async def sample_every(
        self, interval: float, *, port: int, root_pids: Sequence[int] | None = None, name: str | None = None
    ) -> None:
        """Write a Sample every `interval` seconds while a cell is open; replaces what was sampled before.

        By `name` it follows the server through restarts, and the agent writes when the server exits.
        """
        await self.call("sample_every", interval=interval, port=port, root_pids=root_pids, name=name)

    async def sample_stop(self) -> None:
        """End the samples; the last one is written when this returns."""
        await self.call("sample_stop")

    async def open_cell(self, directory: Path, *, run: str, cell: str) -> Path:
        """Begin the agent's segment of a cell; its path."""
        return Path(await self.call("open_cell", directory=directory, run=run, cell=cell))

    async def close_cell(self) -> None:
        """End the segment. Samples are taken again once the next cell is open."""
        await self.call("close_cell")

    # -- kernel rules and sockets ---------------------------------------------------------------------------------

    async def cut(self, local: Endpoint, remote: Endpoint) -> int:
        """Drop both directions of one connection from now on; the rule's number."""
        return int(await self.call("cut", local=local, remote=remote))

    async def cut_many(self, connections: Iterable[Connection], *, direction: str = BOTH) -> list[int]:
        """Cut many connections (local end, remote end) in one go, all or none; a rule for each."""
        return list(await self.call("cut_many", connections=list(connections), direction=direction))

    async def lose_many(self, connections: Iterable[Connection], *, ratio: float) -> list[int]:
        """Drop a share of the packets of many connections, both directions, from now on; a rule for each."""
        return list(await self.call("lose_many", connections=list(connections), ratio=ratio))

    async def reset_many(self, connections: Iterable[Connection], *, direction: str = BOTH) -> list[int]:
        """Refuse the packets of many connections from now on: their sender gets RST; a rule for each."""
        return list(await self.call("reset_many", connections=list(connections), direction=direction))

    async def narrow(self, connections: Iterable[Connection], *, rate: int, queue: int) -> None:
        """Let these connections (local end, remote end) share `rate` bytes a second, `queue` bytes may wait."""
        await self.call("narrow", connections=list(connections), rate=rate, queue=queue)

    async def widen(self) -> None:
        """Take that line back; fine when there is none."""
        await self.call("widen")

    async def line_counters(self) -> LineCounters | None:
        """What it has seen so far; None while there is none."""
        found = await self.call("line_counters")
        return None if found is None else LineCounters.read(found)

    async def kill_sockets(self, connections: Iterable[Connection]) -> list[bool]:
        """Kill the local end of each connection (local end, remote end), as `ss -K` does; whether there was one."""
        return list(await self.call("kill_sockets", connections=list(connections)))

    async def uncut(self, rule: int) -> None:
        """Let the packets of a connection pass again."""
        await self.call("uncut", rule=rule)

    async def uncut_many(self, rules: Iterable[int]) -> None:
        """Take back many rules in one go, of whatever kind."""
        await self.call("uncut_many", rules=list(rules))

    async def rules(self) -> list[CutRule]:
        """The rules in force."""
        return [CutRule.read(record) for record in await self.call("rules")]

    async def rule_counters(self, rule: int) -> RuleCounters:
        """What a rule has dropped or refused so far."""
        return RuleCounters.read(await self.call("rule_counters", rule=rule))

    async def rule_counters_many(self, rules: Iterable[int]) -> list[RuleCounters]:
        """What each of these rules has dropped or refused so far, in one go."""
        return [RuleCounters.read(record) for record in await self.call("rule_counters_many", rules=list(rules))]

    async def flush_rules(self) -> None:
        """Take back every rule."""
        await self.call("flush_rules")

    async def connect(
        self,
        host: str,
        port: int,
        *,
        timeout: float = 5.0,
        source_host: str | None = None,
        receive_buffer: int | None = None,
    ) -> socket.socket:
        """A TCP socket of the agent's network namespace, connected to an IP address and port; the caller's to close.

        It does not block, as asyncio wants it. `receive_buffer` (bytes) is set before the handshake.
        """
        options = {"timeout": timeout, "source_host": source_host, "receive_buffer": receive_buffer}
        _, connection = await self._exchange("connect", {"host": host, "port": port, **options})
        if connection is None:
            raise AgentError("the agent answered connect without a socket")
        connection.setblocking(False)
        return connection


def _close_handed_over(waiting: asyncio.Future[Answer]) -> None:
    """Close the connection of an answer that came in the very moment its asker was cancelled."""
    if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
        _, connection = waiting.result()
        if connection is not None:
            connection.close()
