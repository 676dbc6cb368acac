"""Shows the rows of `differences.DIFFERENCES` about the end of connections, and about toxics."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from .servers import DEADLINE, EMBEDDED, TOXIPROXY, either, hangs, running
from .wire import Wire, address_of, arrives, arrives_in_all, crossing, elapsed, reset, stall

UNNOTICED = 0.1
"""Seconds in which nothing may arrive. What does arrive on loopback takes well under a millisecond."""

# How connections end


@pytest.mark.parametrize("from_client", [True, False])
def test_a_reset_passes(wire: Wire, from_client: bool):
    client, server = wire.established()
    near, far = (client, server) if from_client else (server, client)
    reset(near)
    assert arrives(far) == either(wire.server, toxiproxy="FIN", embedded="RST")


@pytest.mark.parametrize("from_client", [True, False])
def test_a_half_close_passes(wire: Wire, from_client: bool):
    client, server = wire.established()
    near, far = (client, server) if from_client else (server, client)
    near.shutdown(socket.SHUT_WR)
    assert arrives(far) == "FIN"
    far.sendall(b"the answer")
    assert arrives(near) == either(wire.server, toxiproxy="FIN", embedded=b"the answer")


def test_reset_peer_resets_established_connections(wire: Wire):
    client, server = wire.established()
    wire.add("reset_peer", timeout=0)
    server.sendall(b"x")
    expected = either(wire.server, toxiproxy="FIN", embedded="RST")
    assert (arrives(client), arrives(server)) == (expected, expected)


def test_reset_peer_leaves_other_ends_alone(wire: Wire):
    wire.add("reset_peer", toxicity=0, timeout=0)
    client, server = wire.established()
    client.close()
    assert arrives(server) == either(wire.server, toxiproxy="RST", embedded="FIN")


def test_reset_peer_can_be_called_off(wire: Wire):
    client, server = wire.established()
    toxic = wire.add("reset_peer", timeout=500)
    server.sendall(b"held")
    assert arrives(client, within=UNNOTICED) == "nothing"
    wire.server.ok("DELETE", toxic)
    assert arrives(client) == either(wire.server, toxiproxy="FIN", embedded=b"held")


def test_a_half_open_connection_ends_when_its_server_gives_up(wire: Wire):
    client, server = wire.established()
    wire.add("slow_close", stream="upstream", delay=3_600_000)
    reset(client)
    assert arrives(server, within=UNNOTICED) == "nothing"
    server.shutdown(socket.SHUT_WR)
    assert arrives(server, within=UNNOTICED) == either(wire.server, toxiproxy="nothing", embedded="FIN")


def test_timeout_removed_spares_whom_it_did_not_touch(wire: Wire):
    client, server = wire.established()
    wire.server.ok("DELETE", wire.add("timeout", toxicity=0, timeout=0))
    if wire.server.kind == TOXIPROXY:
        assert arrives(client) == "FIN"
    else:
        server.sendall(b"untouched")
        assert arrives(client) == b"untouched"


@pytest.mark.skipif(sys.platform != "linux", reason="reads a socket's timer from /proc/net/tcp")
def test_no_keepalive_probes(wire: Wire):
    client, server = wire.established()
    for sock in (client, server):
        # The proxy's end has our peer address for its own.
        timer = _kernel_timer(local=sock.getpeername(), remote=sock.getsockname())
        assert timer == either(wire.server, toxiproxy="keepalive", embedded="none")


def _kernel_timer(*, local: tuple[str, int], remote: tuple[str, int]) -> str:
    """Which timer of an IPv4 socket runs, once its retransmission timer does not."""

    def key(address: tuple[str, int]) -> str:
        host = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
        return f"{host:08X}:{address[1]:04X}"

    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1:3] == [key(local), key(remote)]:
                timer = fields[5].partition(":")[0]
                if timer in ("00", "02"):
                    return {"00": "none", "02": "keepalive"}[timer]
    pytest.fail("no such socket, or it never comes to rest")


# Toxics


def test_removing_a_toxic_before_a_stalled_receiver(kind: str):
    with running(kind) as server, crossing(server) as wire:
        client, upstream = wire.established()
        toxic = wire.add("latency", latency=1)
        sent = stall(upstream, quiet=UNNOTICED)
        expected = either(server, toxiproxy=True, embedded=False)
        assert hangs(server, "DELETE", toxic) is expected
        assert hangs(server, "GET", wire.path) is expected
        if server.kind == EMBEDDED:
            arrives_in_all(client, sent)


def test_an_update_counts_from_arrival(wire: Wire):
    client, server = wire.established()
    toxic = wire.add("latency", latency=60_000)
    server.sendall(b"held")
    assert arrives(client, within=UNNOTICED) == "nothing"
    wire.server.ok("PATCH", toxic, {"attributes": {"latency": 120_000}})
    assert arrives(client, within=UNNOTICED) == either(wire.server, toxiproxy=b"held", embedded="nothing")


def test_two_latencies_add_up(wire: Wire):
    client, server = wire.established()
    wire.add("latency", name="one", latency=600)
    wire.add("latency", name="two", latency=600)
    sent = [time.monotonic()]
    server.sendall(b"a")
    time.sleep(0.4)  # less than either latency: the second word comes while the first is held
    sent.append(time.monotonic())
    server.sendall(b"b")
    received, delays = b"", []
    while len(received) < 2:
        received += arrives_in_all(client, 1)
        delays += [elapsed(sent[number]) for number in range(len(delays), len(received))]
    assert received == b"ab"
    assert delays[0] >= 1.2
    # The second one queued: 0.8 s with Toxiproxy, and never less than the sum here.
    assert (delays[1] >= 1.2) is either(wire.server, toxiproxy=False, embedded=True)


@pytest.mark.parametrize(
    ("kind_of_toxic", "attributes"),
    [
        pytest.param("slicer", {}, id="slicer without a size"),
        pytest.param("slicer", {"average_size": 1, "size_variation": 1000}, id="slicer with a large variation"),
        pytest.param("bandwidth", {"rate": -1}, id="negative bandwidth"),
        pytest.param("latency", {"jitter": 2**62}, id="enormous jitter"),
    ],
)
def test_settings_that_kill(kind: str, kind_of_toxic: str, attributes: dict[str, int]):
    with running(kind) as server, crossing(server) as wire:
        _, upstream = wire.established()
        wire.add(kind_of_toxic, **attributes)
        # One chunk kills for certain, except where the cuts are drawn: then most do.
        with suppress(ConnectionError):
            for _ in range(30):
                upstream.sendall(b"x" * 10_000)
        if kind == TOXIPROXY:
            # A Go panic; the one without a size first fills a gigabyte of stack.
            assert server.process.wait(6 * DEADLINE) == 2
        else:
            assert server.request("GET", "/version").status == 200
            assert server.process.poll() is None


def test_a_raised_rate_kills(kind: str):
    """Now and then: when a link wakes from its 100 ms just then, so there are many links and many times to try."""
    with running(kind) as server, crossing(server) as wire:
        pairs = [wire.pair() for _ in range(40)]
        for number in range(200 if kind == TOXIPROXY else 2):
            toxic = wire.add("bandwidth", rate=10)
            for _, upstream in pairs:
                upstream.sendall(b"x" * 30_000)  # one chunk, of which 1,000 bytes pass each 100 ms
            time.sleep(0.198 + number * 7 % 50 / 10_000)  # it is asked 0.2 s after the data came, or a little later
            try:
                server.ok("PATCH", toxic, {"attributes": {"rate": 1_000_000}})
            except ConnectionError:
                break
            for client, _ in pairs:
                assert arrives_in_all(client, 30_000) == b"x" * 30_000
            server.ok("DELETE", toxic)
        if kind == TOXIPROXY:
            assert server.process.wait(DEADLINE) == 2
        else:
            assert server.process.poll() is None


def test_a_refused_change_changes_nothing(wire: Wire):
    toxic = wire.add("latency", latency=1)
    answer = wire.server.request("PATCH", toxic, {"attributes": {"latency": 5, "jitter": "x"}})
    assert answer.status == 400
    shown = wire.server.ok("GET", toxic)["attributes"]["latency"]
    assert shown == either(wire.server, toxiproxy=5, embedded=1)


def test_randomness_is_seeded(kind: str):
    def draws() -> list[bool]:
        with running(kind, "-seed", "7") as server, crossing(server) as wire:
            # The name is part of what an embedded proxy derives its numbers from.
            server.ok("POST", "/proxies", {"name": "n", "listen": "127.0.0.1:0", "upstream": address_of(wire.upstream)})
            wire.name = "n"
            wire.port = int(server.ok("GET", "/proxies/n")["listen"].rpartition(":")[2])
            wire.add("limit_data", toxicity=0.5, bytes=0)
            passed = []
            for _ in range(32):
                client, upstream = wire.pair()
                upstream.sendall(b"x")
                passed.append(arrives(client) == b"x")
            return passed

    # Two runs of 32 fair coins are the same once in four thousand million.
    assert (draws() == draws()) is {TOXIPROXY: False, EMBEDDED: True}[kind]
