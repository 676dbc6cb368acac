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
from chaos.runtime.health import Died, NeverHealthy, Unhealthy, accepts, answers_200, fetch, speaking, wait_healthy
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
    ("reply", "seen", "remedy"),
    [
        (
            b"HTTP/1.1 404 Not Found\r\n\r\n",
            "{address}/health answers 404",
            "correct start.health to a page that answers 200, or leave it out: then it has to accept a connection",
        ),
        (
            b"HTTP/1.1 426 Upgrade Required\r\n\r\n",
            "{address}/health answers 426",
            "that path takes WebSockets alone: set start.health to a page that answers 200, or leave it out",
        ),
        (
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
            "{address}/health answers 503",
            "give it longer (start.ready_within), or see what it says of itself",
        ),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "{address}/health does not answer in HTTP",
            "correct start.port, or leave start.health out",
        ),
        (b"", "no answer from {address}/health (closed without an answer)", ""),
    ],
)
def test_what_was_seen_instead_of_health_is_told(reply: bytes, seen: str, remedy: str) -> None:
    with answering(reply) as address, pytest.raises(NeverHealthy) as caught:
        wait_healthy(answers_200(address, "/health", dial=dial), exit_code=running, within=0)
    assert (caught.value.seen, caught.value.remedy) == (seen.format(address=address), remedy)


def test_a_refused_connection_is_told() -> None:
    address = Address("127.0.0.1", free_ports(1)[0])
    with pytest.raises(NeverHealthy) as caught:
        wait_healthy(accepts(address, dial=dial, relayed=False), exit_code=running, within=0)
    assert caught.value.seen == f"no connection to {address} (Connection refused)"


def test_silence_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_WITHIN", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])
        assert answers_200(address, "/", dial=dial)() == Unhealthy(f"no answer from {address}/ (timed out)")


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
        assert accepts(address, dial=dial, relayed=True)() == Unhealthy(f"connections to {address} are closed at once")
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
    assert seen.seen.startswith(
        f"no connection to {address} ([SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
    )
    assert seen.remedy == "name in tls.ca the certificates that vouch for it, or set tls.verify = false"


def test_a_name_that_is_not_in_the_certificate_is_told(tmp_path: Path) -> None:
    made = certificates(tmp_path, "server.test")
    over_tls = speaking(Tls(server_name="other.test", ca=str(made.ca)), dial)
    with answering_over_tls(made) as address:
        seen = accepts(address, dial=over_tls, relayed=False)()
    assert seen is not None
    assert seen.remedy == "correct tls.server_name to a name that is in its certificate"


def test_tls_to_a_server_that_speaks_none_is_told(tmp_path: Path) -> None:
    over_tls = speaking(Tls(server_name="server.test", ca=str(certificates(tmp_path, "server.test").ca)), dial)
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        seen = accepts(address, dial=over_tls, relayed=False)()
    assert seen is not None
    assert seen.remedy == "leave the table [tls] out if it speaks no TLS, or start it with its certificate"


def test_a_server_that_speaks_tls_unasked_is_told() -> None:
    """What OpenSSL answers a request in clear, as ssl.SSLSocket sends it: a fatal alert, "unexpected message"."""
    with answering(b"\x15\x03\x01\x00\x02\x02\x0a") as address:
        seen = answers_200(address, "/health", dial=dial)()
    assert seen == Unhealthy(f"{address} answers in TLS", 'say so in the target file: [tls] server_name = "..."')


def test_a_handshake_that_hangs_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_WITHIN", 0.1)
    tls = Tls(server_name="server.test", ca=str(certificates(tmp_path, "server.test").ca))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])
        seen = accepts(address, dial=speaking(tls, dial), relayed=False)()
    assert seen is not None
    assert "timed out" in seen.seen


def test_without_tls_it_is_the_same_way() -> None:
    assert speaking(None, dial) is dial
