"""Connections of the suite's own to the server are in no count, from before their handshake to their very end."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from chaos.agent.own_address import OWN_ADDRESS
from chaos.agent.reading import Reader
from chaos.agent.sockdiag import SockDiag
from chaos.agent.types import SocketInfo

from .support import wait_until

READINGS = 100
PAUSE = 0.0005
"""Seconds between two connections: a reading takes some 2 ms, and a third of them keep a port for a minute."""

BOTH = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::")]


@pytest.fixture
def diag() -> Iterator[SockDiag]:
    with closing(SockDiag()) as made:
        yield made


def listening(family: socket.AddressFamily, host: str) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    made.bind((host, 0))
    made.listen(64)
    return made


def held(diag: SockDiag, port: int) -> list[SocketInfo]:
    """The sockets that a process holds: the port may have been another's, whose connections are in TIME_WAIT."""
    return [info for info in diag.sockets(port) if info.inode]


def of_our_own(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), source_address=(OWN_ADDRESS, 0))


@pytest.mark.parametrize(("family", "host"), BOTH)
def test_only_clients_are_counted(diag: SockDiag, family: socket.AddressFamily, host: str) -> None:
    with listening(family, host) as listener, ExitStack() as stack:
        port = listener.getsockname()[1]
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        stack.enter_context(listener.accept()[0])
        own = stack.enter_context(of_our_own(port))
        assert diag.held(port) == ({"ESTABLISHED": 1}, 0)  # nobody has accepted it yet
        accepted = stack.enter_context(listener.accept()[0])
        assert accepted.getpeername()[0].removeprefix("::ffff:") == OWN_ADDRESS
        assert diag.held(port) == ({"ESTABLISHED": 1}, 1)
        assert {info.state for info in held(diag, port)} == {"LISTEN", "ESTABLISHED"}
        ends = {end for info in diag.sockets(port) for end in (info.local, info.remote)}
        assert own.getsockname()[:2] not in ends
        assert client.getsockname()[:2] in ends


def test_our_own_end_may_have_the_server_s_port(diag: SockDiag) -> None:
    """It is free on our address, so the kernel gives it out like any other."""
    with listening(socket.AF_INET, "127.0.0.1") as listener, ExitStack() as stack:
        port = listener.getsockname()[1]
        with socket.socket() as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # an earlier one may be in TIME_WAIT
            own.bind((OWN_ADDRESS, port))
            own.connect(("127.0.0.1", port))
            stack.enter_context(listener.accept()[0])
            assert diag.held(port) == ({}, 1)
            assert {info.state for info in held(diag, port)} == {"LISTEN"}


def test_it_is_not_counted_while_it_ends_either(diag: SockDiag) -> None:
    with listening(socket.AF_INET, "127.0.0.1") as listener:
        port = listener.getsockname()[1]
        with of_our_own(port) as own, listener.accept()[0] as accepted:
            own.close()
            wait_until(lambda: accepted.recv(1) == b"", "the server is told of the end")
            assert diag.held(port) == ({}, 1)  # CLOSE_WAIT: the server still has its descriptor
            accepted.close()
            assert diag.held(port) == ({}, 0)
        with of_our_own(port), listener.accept()[0] as accepted:
            accepted.close()
            assert diag.held(port) == ({}, 0)  # FIN_WAIT2, orphaned


def test_there_is_no_moment_at_which_it_is_counted(diag: SockDiag) -> None:
    """Made and ended in every way, as fast as can be, while the kernel is read again and again."""
    enough = threading.Event()
    made = 0
    with listening(socket.AF_INET, "127.0.0.1") as listener:
        port = listener.getsockname()[1]

        def come_and_go() -> None:
            nonlocal made
            while not enough.wait(PAUSE):
                own = of_our_own(port)
                with listener.accept()[0] as accepted:
                    if made % 3 == 0:
                        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    if made % 3 == 1:
                        accepted.close()
                    own.close()
                made += 1

        working = threading.Thread(target=come_and_go)
        working.start()
        seen = []
        while made < READINGS or len(seen) < READINGS:
            seen.append(diag.states(port))
        enough.set()
        working.join()
    assert [found for found in seen if found] == []


def test_the_descriptor_it_takes_is_not_the_server_s() -> None:
    with listening(socket.AF_INET, "127.0.0.1") as listener, closing(Reader()) as reader, ExitStack() as stack:
        port = listener.getsockname()[1]

        def fds() -> int:
            return int(reader.read([os.getpid()], port, fresh=True)["fds"])

        fds()  # the reader has descriptors of its own from here on
        before = fds()
        stack.enter_context(of_our_own(port))
        assert fds() == before + 1  # this test is client and server in one: the client's end counts
        stack.enter_context(listener.accept()[0])
        assert fds() == before + 1
        stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        stack.enter_context(listener.accept()[0])
        assert fds() == before + 3


def test_where_the_server_s_processes_are_out_of_sight_it_takes_none() -> None:
    with listening(socket.AF_INET, "127.0.0.1") as listener, closing(Reader()) as reader:
        port = listener.getsockname()[1]
        with of_our_own(port), listener.accept()[0]:
            assert reader.read([], port)["fds"] == 0
