"""The agent's client for synchronous code: the runtime, fixtures, tests."""

from __future__ import annotations

import itertools
import socket
import threading
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

__all__ = ["AgentClient"]

_RECEIVE = 1 << 16


class AgentClient:
    """One connection to the agent. Requests of several threads take turns.

    Every method raises AgentError: with the agent's own sentence when it refuses, or because it is gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = check_socket_path(path)
        self._numbers = itertools.count(1)
        self._turn = threading.Lock()
        self._pending = b""
        self._received: deque[socket.socket] = deque()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(self._path))
        except OSError as error:
            self._socket.close()
            raise AgentError(f"no agent answers on {self._path}: {error.strerror}; its log says why") from error

    def close(self) -> None:
        """Disconnect. What the agent was asked to do goes on."""
        self._socket.close()
        while self._received:
            self._received.popleft().close()

    def __enter__(self) -> AgentClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, do: str, **fields: Any) -> Any:
        """Send one request and return its answer as JSON gives it."""
        return self._exchange(do, fields)[0]

    def _exchange(self, do: str, fields: dict[str, Any]) -> tuple[Any, socket.socket | None]:
        with self._turn:
            number = next(self._numbers)
            request = encode({"id": number, "do": do, **fields})
            try:
                self._socket.settimeout(grace(fields))
                self._socket.sendall(request)
                answer = self._answer_to(number)
            except TimeoutError as error:
                self.close()  # part of a request may be on its way, and a new one would be appended to it
                raise AgentError(f"the agent on {self._path} did not answer {do} in time; its log says why") from error
            except OSError as error:
                raise gone(self._path, error) from error
            connection = self._received.popleft() if answer.get("fd") else None
        return result_of(answer), connection

    def _answer_to(self, number: int) -> dict[str, Any]:
        while True:
            line = self._line()
            answer = decode_answer(line)
            if answer["id"] in (number, None):
                return answer
            if answer.get("fd"):  # the late answer to a request that was given up
                self._received.popleft().close()

    def _line(self) -> bytes:
        while b"\n" not in self._pending:
            chunk, descriptors, _, _ = socket.recv_fds(self._socket, _RECEIVE, MOST_DESCRIPTORS)
            self._received.extend(socket.socket(fileno=descriptor) for descriptor in descriptors)
            if not chunk:
                raise gone(self._path, CLOSED)
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def hello(self) -> Hello:
        """Who the agent is, and what it can do where it runs."""
        return Hello.read(self.call("hello"))

    # -- processes ------------------------------------------------------------------------------------------------

    def spawn(
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
        return Spawned.read(self.call("spawn", argv=argv, name=name, log=log, cwd=cwd, env=env))

    def spawned(self) -> list[Spawned]:
        """Everything the agent ever spawned, the latest last, with exit codes."""
        return [Spawned.read(record) for record in self.call("spawned")]

    def wait(self, pid: int, *, timeout: float | None = None) -> int | None:
        """The exit code of a spawned process (negative: the signal); None when it runs on after `timeout` seconds."""
        code: int | None = (self.call("wait", pid=pid, timeout=timeout))["exit_code"]
        return code

    def signal(self, pids: Iterable[int], number: Signals, *, tree: bool = False) -> list[int]:
        """Send a signal to processes, with `tree` to all their descendants too; the pids of those it reached.

        SIGSTOP has taken effect in every thread when this returns; other signals are on their way.
        """
        answer = self.call("signal", pids=list(pids), signal=Signals(number).name, tree=tree)
        return list(answer["signalled"])

    def tree(self, pid: int) -> list[int]:
        """The process and all its descendants, parents before children; zombies and the dead are left out."""
        return list(self.call("tree", pid=pid))

    def listen_pids(self, port: int) -> list[int]:
        """The processes that hold a socket listening on the port."""
        return list(self.call("listen_pids", port=port))

    def commands(self, pids: Iterable[int]) -> dict[int, str]:
        """Each process of these trees, parents before children, to the words it was started with."""
        return dict(self.call("commands", pids=list(pids)))

    def serving(self, port: int) -> Serving:
        """The processes that take connections on the port, and which of them holds whose."""
        return Serving.read(self.call("serving", port=port))

    def limit_files(self, pids: Iterable[int], *, spare: int) -> list[FileLimit]:
        """Leave each process of these trees room for `spare` more open files; what was set, and what was before."""
        return [FileLimit.read(record) for record in self.call("limit_files", pids=list(pids), spare=spare)]

    def restore_files(self, limits: Iterable[FileLimit]) -> list[int]:
        """Put limits on open files back; the pids of those processes that are still there."""
        answer = self.call("restore_files", limits=[to_record(each) for each in limits])
        return list(answer["restored"])

    def limit_cpu(self, pids: Iterable[int], *, share: float) -> GroupLimit:
        """Give the processes of these trees, and all they fork, this share of one core, together."""
        return GroupLimit.read(self.call("limit_cpu", pids=list(pids), share=share))

    def limit_memory(self, pids: Iterable[int], *, spare: int) -> GroupLimit:
        """Let the processes of these trees, and all they fork, have `spare` bytes more, together."""
        return GroupLimit.read(self.call("limit_memory", pids=list(pids), spare=spare))

    def lift_limit(self, limit: GroupLimit) -> None:
        """Take such a limit back; fine where it has gone with the processes."""
        self.call("lift_limit", group=limit.group)

    # -- readings -------------------------------------------------------------------------------------------------

    def sockets(self, port: int) -> list[SocketInfo]:
        """Every socket of the namespace whose local or remote port it is; those from OWN_ADDRESS are left out."""
        return [SocketInfo.read(record) for record in self.call("sockets", port=port)]

    def counters(self) -> dict[str, int]:
        """The namespace's counters of the groups Tcp and TcpExt: ListenOverflows, TCPSynRetrans, ..."""
        return dict(self.call("counters"))

    def sample(self, *, port: int, root_pids: Sequence[int] | None = None, name: str | None = None) -> Sample:
        """One reading of a server, named by its root pids or by the name it was spawned under."""
        return Sample(**self.call("sample", port=port, root_pids=root_pids, name=name))

    def sample_every(
        self, interval: float, *, port: int, root_pids: Sequence[int] | None = None, name: str | None = None
    ) -> None:
        """Write a Sample every `interval` seconds while a cell is open; replaces what was sampled before.

        By `name` it follows the server through restarts, and the agent writes when the server exits.
        """
        self.call("sample_every", interval=interval, port=port, root_pids=root_pids, name=name)

    def sample_stop(self) -> None:
        """End the samples; the last one is written when this returns."""
        self.call("sample_stop")

    def open_cell(self, directory: Path, *, run: str, cell: str) -> Path:
        """Begin the agent's segment of a cell; its path."""
        return Path(self.call("open_cell", directory=directory, run=run, cell=cell))

    def close_cell(self) -> None:
        """End the segment. Samples are taken again once the next cell is open."""
        self.call("close_cell")

    # -- kernel rules and sockets ---------------------------------------------------------------------------------

    def cut(self, local: Endpoint, remote: Endpoint) -> int:
        """Drop both directions of one connection from now on; the rule's number."""
        return int(self.call("cut", local=local, remote=remote))

    def cut_many(self, connections: Iterable[Connection], *, direction: str = BOTH) -> list[int]:
        """Cut many connections (local end, remote end) in one go, all or none; a rule for each."""
        return list(self.call("cut_many", connections=list(connections), direction=direction))

    def lose_many(self, connections: Iterable[Connection], *, ratio: float) -> list[int]:
        """Drop a share of the packets of many connections, both directions, from now on; a rule for each."""
        return list(self.call("lose_many", connections=list(connections), ratio=ratio))

    def reset_many(self, connections: Iterable[Connection], *, direction: str = BOTH) -> list[int]:
        """Refuse the packets of many connections from now on: their sender gets RST; a rule for each."""
        return list(self.call("reset_many", connections=list(connections), direction=direction))

    def narrow(self, connections: Iterable[Connection], *, rate: int, queue: int) -> None:
        """Let these connections (local end, remote end) share `rate` bytes a second, `queue` bytes may wait."""
        self.call("narrow", connections=list(connections), rate=rate, queue=queue)

    def widen(self) -> None:
        """Take that line back; fine when there is none."""
        self.call("widen")

    def line_counters(self) -> LineCounters | None:
        """What it has seen so far; None while there is none."""
        found = self.call("line_counters")
        return None if found is None else LineCounters.read(found)

    def kill_sockets(self, connections: Iterable[Connection]) -> list[bool]:
        """Kill the local end of each connection (local end, remote end), as `ss -K` does; whether there was one."""
        return list(self.call("kill_sockets", connections=list(connections)))

    def uncut(self, rule: int) -> None:
        """Let the packets of a connection pass again."""
        self.call("uncut", rule=rule)

    def uncut_many(self, rules: Iterable[int]) -> None:
        """Take back many rules in one go, of whatever kind."""
        self.call("uncut_many", rules=list(rules))

    def rules(self) -> list[CutRule]:
        """The rules in force."""
        return [CutRule.read(record) for record in self.call("rules")]

    def rule_counters(self, rule: int) -> RuleCounters:
        """What a rule has dropped or refused so far."""
        return RuleCounters.read(self.call("rule_counters", rule=rule))

    def rule_counters_many(self, rules: Iterable[int]) -> list[RuleCounters]:
        """What each of these rules has dropped or refused so far, in one go."""
        return [RuleCounters.read(record) for record in self.call("rule_counters_many", rules=list(rules))]

    def flush_rules(self) -> None:
        """Take back every rule."""
        self.call("flush_rules")

    def connect(
        self,
        host: str,
        port: int,
        *,
        timeout: float = 5.0,
        source_host: str | None = None,
        receive_buffer: int | None = None,
    ) -> socket.socket:
        """A TCP socket of the agent's network namespace, connected to an IP address and port; the caller's to close.

        It blocks. `receive_buffer` (bytes) is set before the handshake.
        """
        options = {"timeout": timeout, "source_host": source_host, "receive_buffer": receive_buffer}
        _, connection = self._exchange("connect", {"host": host, "port": port, **options})
        if connection is None:
            raise AgentError("the agent answered connect without a socket")
        connection.setblocking(True)
        return connection
