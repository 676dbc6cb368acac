"""Sockets straight from the kernel."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from chaos.agent.sockdiag import SockDiag
from chaos.agent.types import SocketInfo
from chaos.errors import Unsupported

from .support import wait_until


@pytest.fixture
def diag() -> Iterator[SockDiag]:
    with closing(SockDiag()) as made:
        yield made


def listening(family: socket.AddressFamily, host: str) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((host, 0))
    listener.listen(2048)
    return listener


def held(diag: SockDiag, port: int) -> list[SocketInfo]:
    """The sockets that a process holds: the port may have been another server's, whose clients are in TIME_WAIT."""
    return [info for info in diag.sockets(port) if info.inode]


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_both_ends_of_a_connection_are_told_apart(diag: SockDiag, family: socket.AddressFamily, host: str) -> None:
    with listening(family, host) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((host, port)) as client, listener.accept()[0] as server:
            found = {(info.side, info.state): info for info in held(diag, port)}
            mine, theirs = found["remote", "ESTABLISHED"], found["local", "ESTABLISHED"]
            assert mine.local == theirs.remote == client.getsockname()[:2]
            assert mine.remote == theirs.local == (host, port)
            assert mine.inode == os.fstat(client.fileno()).st_ino
            assert theirs.inode == os.fstat(server.fileno()).st_ino
            assert len(found) == 3
            assert found["local", "LISTEN"].inode == os.fstat(listener.fileno()).st_ino
            assert found["local", "LISTEN"].wqueue == 2048
            assert [info.state for info in diag.listeners(port)] == ["LISTEN"]


def test_an_ipv4_connection_of_a_dual_stack_server_is_given_as_ipv4(diag: SockDiag) -> None:
    with listening(socket.AF_INET6, "::") as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, listener.accept()[0]:
            (server,) = [info for info in diag.sockets(port) if info.side == "local" and info.state == "ESTABLISHED"]
            assert (server.local, server.remote) == (("127.0.0.1", port), client.getsockname())


def test_queues_are_bytes_that_the_other_side_has_not_taken(diag: SockDiag) -> None:
    with listening(socket.AF_INET, "127.0.0.1") as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            (waiting,) = diag.listeners(port)
            assert waiting.rqueue == 1  # one connection to be accepted
            with listener.accept()[0] as server:
                server.sendall(b"x" * 1000)
                ends = {info.side: info for info in diag.sockets(port) if info.state == "ESTABLISHED"}
                assert (ends["remote"].rqueue, ends["local"].rqueue) == (1000, 0)
                client.recv(1000)


def test_states_are_the_server_s_and_name_what_it_still_holds(diag: SockDiag) -> None:
    with listening(socket.AF_INET, "127.0.0.1") as listener:
        port = listener.getsockname()[1]
        assert diag.states(port) == {}
        with ExitStack() as stack:
            clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
            servers = [stack.enter_context(listener.accept()[0]) for _ in range(3)]
            assert diag.states(port) == {"ESTABLISHED": 3}
            clients[0].close()
            servers[1].close()
            wait_until(
                lambda: diag.states(port) == {"ESTABLISHED": 1, "CLOSE_WAIT": 1, "FIN_WAIT2 (orphaned)": 1},
                "one client and one server have closed",
            )
            clients[1].close()
            wait_until(
                lambda: diag.states(port) == {"ESTABLISHED": 1, "CLOSE_WAIT": 1, "TIME_WAIT": 1}, "both have closed one"
            )
            assert [
                info.inode for info in diag.sockets(port) if info.state == "TIME_WAIT" and info.side == "local"
            ] == [0]
            clients[2].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            clients[2].close()
            wait_until(lambda: diag.states(port) == {"CLOSE_WAIT": 1, "TIME_WAIT": 1}, "RST leaves nothing")


def test_other_ports_are_not_seen(diag: SockDiag) -> None:
    with (
        listening(socket.AF_INET, "127.0.0.1") as one,
        listening(socket.AF_INET, "127.0.0.1") as other,
        socket.create_connection(other.getsockname()),
    ):
        port = one.getsockname()[1]
        assert diag.states(port) == {}
        assert {info.state for info in held(diag, port)} == {"LISTEN"}


def test_an_answer_in_several_chunks_is_put_together(diag: SockDiag) -> None:
    with listening(socket.AF_INET, "127.0.0.1") as listener, ExitStack() as stack:
        port = listener.getsockname()[1]
        for _ in range(600):  # the kernel gives some 280 at a time
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert diag.states(port) == {"ESTABLISHED": 600}
        mine = [info for info in held(diag, port) if info.side == "remote"]
        assert len({info.local for info in mine}) == 600


def test_a_thousand_connections_are_read_faster_than_from_proc(
    diag: SockDiag, capsys: pytest.CaptureFixture[str]
) -> None:
    """The order counts (2.5 to 5.6 ms against 12 ms at the median, once); the figures are printed."""
    with listening(socket.AF_INET, "127.0.0.1") as listener, ExitStack() as stack:
        port = listener.getsockname()[1]
        for _ in range(1000):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            stack.enter_context(listener.accept()[0])
        # What somebody else has left on this port may be among them, in TIME_WAIT for a minute.
        assert diag.states(port)["ESTABLISHED"] == 1000
        assert _proc_states(port) >= 1000
        readings = (lambda: diag.states(port), lambda: diag.sockets(port), lambda: _proc_states(port))
        # In turns, so that all three meet the same load of the machine; the quickest of each met the least.
        by_netlink, in_full, by_proc = map(min, zip(*(map(_timed, readings) for _ in range(15)), strict=True))
    with capsys.disabled():
        print(
            f"\n1,000 connections: states {by_netlink * 1e3:.2f} ms, 2,001 sockets in full {in_full * 1e3:.2f} ms, "
            f"/proc/net/tcp {by_proc * 1e3:.2f} ms"
        )
    assert by_netlink < by_proc


def test_a_kernel_without_sock_diag_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.agent.sockdiag._NETLINK_SOCK_DIAG", 31)  # a netlink protocol that nobody speaks
    with pytest.raises(Unsupported) as caught:
        SockDiag()
    assert str(caught.value) == (
        "the kernel does not list sockets by sock_diag (Protocol not supported); "
        "load the modules inet_diag and tcp_diag"
    )


def test_the_kernel_s_refusal_is_told(diag: SockDiag, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.agent.sockdiag._FILTERS", {"local": (99, 99)})  # no such operation
    with pytest.raises(Unsupported, match=r"^the kernel does not list sockets by sock_diag \(Invalid argument\); "):
        diag.states(80)


def _timed(call: object) -> float:
    began = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - began


def _proc_states(port: int) -> int:
    wanted = f"{port:04X}"
    lines = Path("/proc/self/net/tcp").read_text().splitlines()[1:]
    return sum(1 for line in lines if line.split()[1].endswith(wanted) and line.split()[3] == "01")
