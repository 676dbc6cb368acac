"""Toxics at work, and the end of connections, where both servers do the same."""

from __future__ import annotations

import socket
import time

import pytest

from .wire import Wire, arrives, arrives_in_all, elapsed, stall

UNNOTICED = 0.1
"""Seconds in which nothing may arrive. What does arrive on loopback takes well under a millisecond."""


def test_bytes_pass_in_both_directions(wire: Wire):
    client, server = wire.established()
    data = bytes(range(256)) * 2000
    client.sendall(data)
    server.sendall(data)
    assert arrives_in_all(server, len(data)) == data
    assert arrives_in_all(client, len(data)) == data


def test_a_close_passes(wire: Wire):
    client, server = wire.established()
    client.sendall(b"bye")
    client.close()
    assert arrives(server) == b"bye"
    assert arrives(server) == "FIN"


def test_latency_delays_data_of_its_direction(wire: Wire):
    client, server = wire.established()
    wire.add("latency", latency=100)
    started = time.monotonic()
    server.sendall(b"down")
    assert arrives(client) == b"down"
    assert elapsed(started) >= 0.1
    wire.add("latency", name="longer", latency=60_000)
    client.sendall(b"up")
    assert arrives(server) == b"up"


def test_latency_delays_data_not_the_end(wire: Wire):
    client, server = wire.established()
    wire.add("latency", latency=60_000)
    server.close()
    assert arrives(client) == "FIN"


def test_toxics_of_one_direction_work_one_after_the_other(wire: Wire):
    client, server = wire.established()
    wire.add("latency", name="one", latency=60)
    wire.add("latency", name="two", latency=60)
    started = time.monotonic()
    server.sendall(b"x")
    assert arrives(client) == b"x"
    assert elapsed(started) >= 0.12


def test_a_latency_lowered_or_removed_lets_go_what_it_holds(wire: Wire):
    for heal in ("PATCH", "DELETE"):
        client, server = wire.established()
        toxic = wire.add("latency", latency=60_000)
        server.sendall(b"held")
        assert arrives(client, within=UNNOTICED) == "nothing"
        wire.server.ok(heal, toxic, {"attributes": {"latency": 0}} if heal == "PATCH" else None)
        assert arrives(client) == b"held"
        if heal == "PATCH":
            wire.server.ok("DELETE", toxic)


def test_bandwidth_is_in_thousands_of_bytes_a_second(wire: Wire):
    client, server = wire.established()
    toxic = wire.add("bandwidth", rate=100)

    def time_for(size: int) -> float:
        started = time.monotonic()
        server.sendall(b"x" * size)
        arrives_in_all(client, size)
        return elapsed(started)

    slow = time_for(100_000)
    assert slow > 0.99  # 1.0 by definition, less what timers were late by before
    wire.server.ok("PATCH", toxic, {"attributes": {"rate": 1000}})
    assert time_for(100_000) < slow / 2


def test_bandwidth_0_is_a_stall(wire: Wire):
    client, server = wire.established()
    toxic = wire.add("bandwidth", rate=0)
    server.sendall(b"held")
    assert arrives(client, within=UNNOTICED) == "nothing"
    wire.server.ok("PATCH", toxic, {"attributes": {"rate": 1000}})
    assert arrives(client) == b"held"


def test_slow_close_delays_the_end(wire: Wire):
    client, server = wire.established()
    wire.add("slow_close", delay=200)
    started = time.monotonic()
    server.sendall(b"last")
    server.close()
    assert arrives(client) == b"last"
    assert arrives(client) == "FIN"
    assert elapsed(started) >= 0.2


def test_slow_close_delays_nothing_else_and_removed_lets_the_end_go(wire: Wire):
    client, server = wire.established()
    toxic = wire.add("slow_close", delay=60_000)
    server.sendall(b"last")
    server.close()
    assert arrives(client) == b"last"
    assert arrives(client, within=UNNOTICED) == "nothing"
    wire.server.ok("DELETE", toxic)
    assert arrives(client) == "FIN"


def test_timeout_drops_and_then_closes_both_sides(wire: Wire):
    client, server = wire.established()
    started = time.monotonic()
    wire.add("timeout", timeout=150)
    server.sendall(b"lost")
    assert arrives(client) == "FIN"
    assert arrives(server) == "FIN"
    assert elapsed(started) >= 0.15


def test_timeout_counts_again_from_every_chunk(wire: Wire):
    client, server = wire.established()
    wire.add("timeout", timeout=1000)
    started = time.monotonic()
    for _ in range(3):
        assert arrives(client, within=0.1) == "nothing"
        server.sendall(b"lost")
    assert arrives(client) == "FIN"
    assert elapsed(started) >= 1.3


def test_timeout_0_only_drops_and_lets_the_end_pass(wire: Wire):
    client, server = wire.established()
    wire.add("timeout", timeout=0)
    server.sendall(b"lost")
    assert arrives(client, within=UNNOTICED) == "nothing"
    server.close()
    assert arrives(client) == "FIN"


def test_timeout_removed_closes(wire: Wire):
    client, server = wire.established()
    toxic = wire.add("timeout", timeout=0)
    wire.server.ok("DELETE", toxic)
    assert arrives(client) == "FIN"
    assert arrives(server) == "FIN"


def test_reset_peer_resets_both_sides_of_a_new_connection_at_the_first_byte(wire: Wire):
    wire.add("reset_peer", timeout=0)
    client, server = wire.pair()
    assert arrives(client, within=UNNOTICED) == "nothing"
    server.sendall(b"x")
    assert arrives(client) == "RST"
    assert arrives(server) == "RST"


def test_reset_peer_waits_from_the_first_byte(wire: Wire):
    wire.add("reset_peer", timeout=150)
    client, server = wire.pair()
    started = time.monotonic()
    server.sendall(b"x")
    assert arrives(client) == "RST"
    assert elapsed(started) >= 0.15


def test_slicer_cuts_and_delays_in_microseconds(wire: Wire):
    client, server = wire.established()
    toxic = wire.add("slicer", average_size=100, delay=60_000_000)
    server.sendall(b"x" * 800)
    assert 0 < len(arrives(client)) <= 100
    assert arrives(client, within=UNNOTICED) == "nothing"
    wire.server.ok("PATCH", toxic, {"attributes": {"delay": 20_000}})
    client, server = wire.established()
    started = time.monotonic()
    server.sendall(b"x" * 800)
    arrives_in_all(client, 800)
    assert elapsed(started) >= 7 * 0.02


def test_limit_data_closes_both_sides_after_so_many_bytes(wire: Wire):
    client, server = wire.established()
    wire.add("limit_data", bytes=5)
    server.sendall(b"abcdefgh")
    assert arrives_in_all(client, 5) == b"abcde"
    assert arrives(client) == "FIN"
    assert arrives(server) == "FIN"


def test_limit_data_counts_over_updates(wire: Wire):
    client, server = wire.established()
    toxic = wire.add("limit_data", bytes=100)
    server.sendall(b"abc")
    assert arrives(client) == b"abc"
    wire.server.ok("PATCH", toxic, {"attributes": {"bytes": 5}})
    server.sendall(b"defgh")
    assert arrives_in_all(client, 2) == b"de"
    assert arrives(client) == "FIN"


def test_limit_data_of_0_closes_at_the_first_byte(wire: Wire):
    client, server = wire.established()
    wire.add("limit_data", bytes=0)
    assert arrives(client, within=UNNOTICED) == "nothing"
    server.sendall(b"x")
    assert arrives(client) == "FIN"


def test_toxicity_is_drawn_for_each_connection(wire: Wire):
    toxic = wire.add("limit_data", bytes=0, toxicity=0.5)

    def passes() -> bool:
        client, server = wire.pair()
        server.sendall(b"x")
        return arrives(client) == b"x"

    # 40 fair coins fall outside of 5 to 35 once in three million throws.
    assert 5 <= sum(passes() for _ in range(40)) <= 35
    wire.server.ok("PATCH", toxic, {"toxicity": 0})
    assert all(passes() for _ in range(10))
    wire.server.ok("PATCH", toxic, {"toxicity": 1})
    assert not any(passes() for _ in range(10))


def test_a_raised_toxicity_acts_on_established_connections(wire: Wire):
    toxic = wire.add("timeout", timeout=0, toxicity=0)
    client, server = wire.established()
    wire.server.ok("PATCH", toxic, {"toxicity": 1})
    server.sendall(b"lost")
    assert arrives(client, within=UNNOTICED) == "nothing"


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_a_toxic_acts_on_its_own_direction(wire: Wire, stream: str):
    client, server = wire.established()
    wire.add("timeout", stream=stream, timeout=0)
    client.sendall(b"up")
    server.sendall(b"down")
    assert arrives(server, within=UNNOTICED) == ("nothing" if stream == "upstream" else b"up")
    assert arrives(client, within=UNNOTICED) == ("nothing" if stream == "downstream" else b"down")


def test_a_stalled_reader_stops_the_sender_in_the_end(wire: Wire):
    """Bounded by the kernel's buffers on both hops; the figures are in differences.py."""
    client, server = wire.established()
    sent = stall(server, quiet=UNNOTICED)
    assert sent < 128 * 1024 * 1024
    server.shutdown(socket.SHUT_WR)
    arrives_in_all(client, sent)
