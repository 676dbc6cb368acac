"""Killing sockets of other processes, as `ss -K` does."""

from __future__ import annotations

import errno
import os
import shutil
import struct
from pathlib import Path

import pytest

from chaos.agent import sockdestroy
from chaos.agent.client import AgentClient
from chaos.agent.hermetic import launch_agent
from chaos.agent.isolation import Isolation, Kind
from chaos.agent.sockdestroy import destroy_sockets, probe_destroy
from chaos.errors import AgentError, Unsupported

from .support import DEADLINE, ends, exchange, start_echo, wait_until

NLMSG_ERROR = 2
SOMEBODY = (("127.0.0.1", 80), ("127.0.0.1", 81))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_server_s_end_is_killed_and_the_client_gets_rst(
    hermetic_client: AgentClient, directory: Path, host: str
) -> None:
    _needs_it(hermetic_client)
    start_echo(hermetic_client, directory, port=8765, host=host)
    with hermetic_client.connect(host, 8765) as victim, hermetic_client.connect(host, 8765) as spared:
        assert exchange(victim) == exchange(spared) == b"hello"
        server = ends(victim)[::-1]
        assert hermetic_client.kill_sockets([server]) == [True]
        victim.settimeout(DEADLINE)
        with pytest.raises(ConnectionResetError):
            victim.recv(1)
        assert exchange(spared) == b"hello"
        wait_until(
            lambda: not [found for found in hermetic_client.sockets(8765) if found.remote == server[1]],
            "the server's kernel holds it no more",
        )
        # Nor is what listens on the port killed for it, which the kernel would find in its place.
        assert hermetic_client.kill_sockets([server, ends(spared)[::-1]]) == [False, True]
        with hermetic_client.connect(host, 8765) as newcomer:
            assert exchange(newcomer) == b"hello"


def test_an_agent_without_any_capability_says_so(directory: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("an agent without any capability is started by setpriv; install util-linux")
    with launch_agent(socket=directory / "a.sock", isolation=Powerless(Kind.PLAIN)) as agent, agent.client() as client:
        can = client.hello().can["sock_destroy"]
        assert (can.available, can.reason, can.remedy) == (
            False,
            "the kernel refused to kill a socket by sock_diag: Operation not permitted",
            "run as root, or where unprivileged user namespaces are allowed (python -m chaos doctor)",
        )


class Powerless(Isolation):
    """No namespace and no capability either."""

    def prefix(self) -> list[str]:
        return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


def test_a_kernel_that_was_built_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Netlink:
        """The kernel's answer to what it does not know."""

        def __init__(self, *of: int) -> None: ...

        def send(self, request: bytes) -> None: ...

        def recv(self, most: int) -> bytes:
            return struct.pack("=IHHIIi", 20, NLMSG_ERROR, 0, 0, 0, -errno.EOPNOTSUPP)

        def close(self) -> None: ...

    sentence = "the kernel cannot kill sockets by sock_diag (SOCK_DESTROY)"
    monkeypatch.setattr(sockdestroy.socket, "socket", Netlink)
    with pytest.raises(Unsupported) as caught:
        destroy_sockets([SOMEBODY])
    assert str(caught.value) == f"{sentence}; take one with CONFIG_INET_DIAG_DESTROY"
    monkeypatch.undo()

    def refuse(connections: object) -> list[bool]:
        raise caught.value

    monkeypatch.setattr(sockdestroy, "destroy_sockets", refuse)
    assert probe_destroy() == {
        "available": False,
        "reason": sentence,
        "remedy": "take one with CONFIG_INET_DIAG_DESTROY",
    }


def test_what_is_no_socket_s_is_nobody_s() -> None:
    assert destroy_sockets([]) == []
    try:
        assert destroy_sockets([SOMEBODY]) == [False]
    except (Unsupported, AgentError) as error:
        pytest.skip(str(error))


def _needs_it(client: AgentClient) -> None:
    can = client.hello().can["sock_destroy"]
    if not can.available:
        pytest.skip(f"{can.reason}; {can.remedy}")


def test_the_probe_leaves_no_descriptor() -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    probe_destroy()
    assert sorted(os.listdir("/proc/self/fd")) == before
