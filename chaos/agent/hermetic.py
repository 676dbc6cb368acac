"""Starting an agent, and ending it with everything it started."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from chaos.agent.client import AgentClient
from chaos.agent.identity import identify, own_pid
from chaos.agent.isolation import Isolation, Kind, ProbedIsolation, probe_isolation
from chaos.agent.orphans import kill_marked, remove_groups, remove_table
from chaos.agent.protocol import check_socket_path
from chaos.errors import AgentError

__all__ = ["AgentProcess", "Isolation", "Kind", "ProbedIsolation", "launch_agent", "probe_isolation"]

_READY_WITHIN = 15.0
"""Seconds from start to the agent's first word: it takes 0.1 s, on two cores with forty other processes 1 s."""
_END_WITHIN = 10.0
"""Seconds from the end of the control pipe to the end of the agent, which itself takes 5 s at most to kill its tree."""


def launch_agent(
    *,
    socket: Path,
    isolation: Isolation,
    owner: str = "",
    log: Path | None = None,
    python: str = sys.executable,
    ready_within: float = _READY_WITHIN,
) -> AgentProcess:
    """Start an agent that listens on `socket`, and return once it does.

    It ends, and everything it spawned, when the returned object is closed or this process dies. `owner` is the run's
    token: everything spawned carries it as CHAOS_OWNER, and the agent does itself. `log` (default: the socket's path
    with ".log") gets what the agent has to say. Raises AgentError with the log's last lines when it does not start,
    ToolMissing when unshare or nsenter is not installed.
    """
    path = check_socket_path(socket)
    token = secrets.token_hex(6)
    log = log or path.with_name(path.name + ".log")
    command = [
        *isolation.prefix(),
        *(python, "-I", "-S", str(Path(__file__).with_name("__main__.py"))),
        *("--socket", str(path), "--token", token, "--owner", owner, "--owner-pid", str(own_pid())),
        *(["--loopback"] if isolation.hermetic else []),
    ]
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env={**os.environ, "CHAOS_OWNER": owner, "CHAOS_AGENT": token},
                start_new_session=True,  # a Ctrl-C at the terminal is the owner's to handle
            )
    except OSError as error:
        raise AgentError(f"the agent cannot be started: {error.filename}: {error.strerror}") from error
    try:
        pid = _await_ready(process, ready_within)
    except AgentError as error:
        process.kill()
        _end(process)
        raise AgentError(f"{error}; {_last_words(log)}") from None
    except BaseException:
        process.kill()
        _end(process)
        raise
    return AgentProcess(process=process, pid=pid, socket=path, isolation=isolation, log=log, token=token)


class AgentProcess:
    """A running agent: a context manager that ends it. Not for use from several threads."""

    def __init__(
        self,
        *,
        process: subprocess.Popen[bytes],
        pid: int,
        socket: Path,
        isolation: Isolation,
        log: Path,
        token: str,
    ) -> None:
        self.pid = pid
        """As /proc shows it. In a namespace of its own its parent is unshare, whose pid is another."""
        self.socket = socket
        self.isolation = isolation
        self.log = log
        self.token = token
        """In CHAOS_AGENT of everything it spawns, and in the name of its nftables table."""
        self._process = process
        self._identity = identify(pid)

    def client(self) -> AgentClient:
        """A new connection to it."""
        return AgentClient(self.socket)

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None and self._identity is not None and self._identity.alive()

    def close(self) -> None:
        """End it and everything it spawned; returns when all of that is gone. Closing twice is fine.

        Raises AgentError when something the kernel will not let go is left.
        """
        _end(self._process)
        left = kill_marked(variable="CHAOS_AGENT", value=self.token, within=_END_WITHIN)
        self.socket.unlink(missing_ok=True)
        if not self.isolation.hermetic:
            remove_table(f"chaos_{self.token}", prefix=self.isolation.prefix())
        remove_groups(self.token)
        if left:
            raise AgentError(f"processes {left} of the agent cannot be killed; the kernel does not let them go")

    def __enter__(self) -> AgentProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _await_ready(process: subprocess.Popen[bytes], within: float) -> int:
    """The agent's pid as /proc shows it, from its first line."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector, process.stdout as pipe:
        selector.register(pipe, selectors.EVENT_READ)
        if not selector.select(within):
            raise AgentError(f"the agent was not ready within {within:g} s")
        line = pipe.readline()
    if not line.endswith(b"\n"):
        raise AgentError("the agent did not start")
    return int(json.loads(line)["pid"])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the control pipe and wait; what has not ended in time is killed. An agent behind unshare dies with it."""
    if process.stdin is not None:
        process.stdin.close()
    if process.stdout is not None:
        process.stdout.close()
    try:
        process.wait(_END_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(log: Path, *, lines: int = 5) -> str:
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-lines:]
    return "its log ends with: " + " | ".join(said) if said else f"its log {log} is empty"
