"""Free and taken ports."""

from __future__ import annotations

import os
import socket

from chaos.address import Address
from chaos.runtime.ports import free_ports, is_taken, taken_by


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert not any(is_taken(Address("127.0.0.1", port)) for port in ports)


def test_a_listener_takes_its_port_and_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])
        assert is_taken(address)
        assert taken_by(address).startswith(f"pid {os.getpid()} (")
    assert not is_taken(address)


def test_time_wait_does_not_take_a_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])
        with socket.create_connection((address.host, address.port)) as client:
            accepted, _ = listener.accept()
            accepted.close()  # the server's side closes first, so TIME_WAIT is on its port
            client.recv(1)
    assert not is_taken(address)


def test_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        assert is_taken(Address("::1", listener.getsockname()[1]))
