"""Waiting until something serves."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.runtime import health
from chaos.runtime.health import Died, NeverHealthy, accepts, answers_200, fetch, speaking, wait_healthy
from chaos.runtime.host import dial
from chaos.runtime.ports import free_ports
from chaos.target import Tls
from tests.certificates import certificates

from .secure import answering_over_tls


@contextmanager
def answering(*replies: bytes) -> Iterator[Address]:
    """Accepts one connection for each reply, reads the request, sends the reply and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for reply in replies:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Address("127.0.0.1", listener.getsockname()[1])
        thread.join()


def running() -> None:
    """The exit code of a process that runs."""


def test_health_is_awaited() -> None:
    with answering(b"HTTP/1.1 503 Wait\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") as address:
        wait_healthy(answers_200(address, "/health", dial=dial), exit_code=running, within=5)


@pytest.mark.parametrize(
    ("reply", "seen"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "{address}/health answers 404"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "{address}/health does not answer in HTTP"),
        (b"", "no answer from {address}/health (closed without an answer)"),
    ],
)
def test_what_was_seen_instead_of_health_is_told(reply: bytes, seen: str) -> None:
    with answering(reply) as address, pytest.raises(NeverHealthy) as caught:
        wait_healthy(answers_200(address, "/health", dial=dial), exit_code=running, within=0)
    assert caught.value.seen == seen.format(address=address)


def test_a_refused_connection_is_told() -> None:
    address = Address("127.0.0.1", free_ports(1)[0])
    with pytest.raises(NeverHealthy) as caught:
        wait_healthy(accepts(address, dial=dial, relayed=False), exit_code=running, within=0)
    assert caught.value.seen == f"no connection to {address} (Connection refused)"


def test_silence_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_WITHIN", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])
        assert answers_200(address, "/", dial=dial)() == f"no answer from {address}/ (timed out)"


def test_death_is_known_at_once() -> None:
    address = Address("127.0.0.1", free_ports(1)[0])
    codes = iter([None, None, 3])
    with pytest.raises(Died) as caught:
        wait_healthy(accepts(address, dial=dial, relayed=False), exit_code=lambda: next(codes), within=60)
    assert caught.value.exit_code == 3


def test_a_stranger_on_a_dead_servers_port_is_not_taken_for_it() -> None:
    with (
        answering(b"HTTP/1.1 200 OK\r\n\r\n") as address,
        pytest.raises(Died),
    ):
        wait_healthy(answers_200(address, "/", dial=dial), exit_code=lambda: 1, within=5)


def test_behind_a_relay_an_accepted_connection_has_to_stay_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])
        closer = threading.Thread(target=lambda: listener.accept()[0].close())
        closer.start()
        assert accepts(address, dial=dial, relayed=True)() == f"connections to {address} are closed at once"
        closer.join()
        assert accepts(address, dial=dial, relayed=True)() is None
        assert accepts(address, dial=dial, relayed=False)() is None


@pytest.mark.parametrize("relayed", [False, True])
def test_a_server_is_not_left_with_a_connection_that_began_nothing(relayed: bool) -> None:
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])

        def serve() -> None:
            with listener.accept()[0] as connection:
                heard.append(b"".join(iter(lambda: connection.recv(65536), b"")))

        thread = threading.Thread(target=serve)
        thread.start()
        assert accepts(address, dial=dial, relayed=relayed)() is None
        thread.join()
    assert heard == [f"GET / HTTP/1.1\r\nHost: {address}\r\n".encode()]


def test_fetch_does_not_wait_for_a_server_that_keeps_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])
        kept = []

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
            kept.append(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        began = time.monotonic()
        assert fetch(address, "/", dial=dial, within=30) == (200, b"body")
        assert time.monotonic() - began < 30
        thread.join()
        kept[0].close()


def test_a_server_that_speaks_tls_is_asked_over_it(tmp_path: Path) -> None:
    made = certificates(tmp_path, "server.test")
    over_tls = speaking(Tls(server_name="server.test", ca=str(made.ca)), dial)
    with answering_over_tls(made) as address:
        assert answers_200(address, "/health", dial=over_tls)() is None
        assert fetch(address, "/", dial=over_tls, within=5) == (200, b"ok")
        assert accepts(address, dial=over_tls, relayed=False)() is None
        assert accepts(address, dial=over_tls, relayed=True)() is None


def test_a_certificate_that_is_not_the_targets_is_not_healthy(tmp_path: Path) -> None:
    stranger = certificates(tmp_path / "stranger", "server.test")
    over_tls = speaking(Tls(server_name="server.test", ca=str(stranger.ca)), dial)
    with answering_over_tls(certificates(tmp_path, "server.test")) as address:
        seen = accepts(address, dial=over_tls, relayed=False)()
    assert seen is not None
    assert seen.startswith(f"no connection to {address} ([SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: ")


def test_a_handshake_that_hangs_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_WITHIN", 0.1)
    tls = Tls(server_name="server.test", ca=str(certificates(tmp_path, "server.test").ca))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])
        seen = accepts(address, dial=speaking(tls, dial), relayed=False)()
    assert seen is not None
    assert "timed out" in seen


def test_without_tls_it_is_the_same_way() -> None:
    assert speaking(None, dial) is dial
