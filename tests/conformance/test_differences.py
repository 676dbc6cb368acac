"""Shows each row of `differences.DIFFERENCES` on both servers; the test has the row's name."""

from __future__ import annotations

import itertools
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from .differences import DIFFERENCES
from .servers import DEADLINE, EMBEDDED, ROOT, TOXIPROXY, Server, command_for, free_port, running
from .wire import Wire, address_of, arrives, arrives_in_all, crossing, elapsed, reset, stall

UNNOTICED = 0.1
"""Seconds in which nothing may arrive. What does arrive on loopback takes well under a millisecond."""
HANGS = 0.7
"""Seconds after which a request counts as hanging. One that does not hang takes a millisecond."""

_T = TypeVar("_T")


def either(server: Server, *, toxiproxy: _T, embedded: _T) -> _T:
    """What this server is expected to do."""
    return {TOXIPROXY: toxiproxy, EMBEDDED: embedded}[server.kind]


def test_every_row_is_shown_and_nothing_else():
    shown = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert shown - {"every_row_is_shown_and_nothing_else"} == {row.name for row in DIFFERENCES}


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


def hangs(server: Server, method: str, path: str, body: object = None) -> bool:
    """Whether a request gets no answer within a time that is more than enough."""
    try:
        server.request(method, path, body, within=either(server, toxiproxy=HANGS, embedded=DEADLINE))
    except TimeoutError:
        return True
    return False


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
    wire.add("latency", name="one", latency=300)
    wire.add("latency", name="two", latency=300)
    sent = []
    for word in (b"a", b"b"):
        sent.append(time.monotonic())
        server.sendall(word)
        time.sleep(0.2)
    received, delays = b"", []
    while len(received) < 2:
        received += arrives_in_all(client, 1)
        delays += [elapsed(sent[number]) for number in range(len(delays), len(received))]
    assert received == b"ab"
    assert delays[0] >= 0.6
    # The second one queued: 0.4 s with Toxiproxy, and never less than the sum here.
    assert (delays[1] >= 0.6) is either(wire.server, toxiproxy=False, embedded=True)


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
        upstream.sendall(b"x" * 10_000)
        if kind == TOXIPROXY:
            # A Go panic; the one without a size first fills a gigabyte of stack.
            assert server.process.wait(6 * DEADLINE) == 2
        else:
            assert server.request("GET", "/version").status == 200
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


# Accepting and dialling


def test_a_hanging_dial_hangs_nobody_else(kind: str):
    with running(kind) as server, crossing(server) as wire, full_backlog() as hole:
        wire.server.ok("PATCH", wire.path, {"upstream": hole})
        clients = [wire.connect() for _ in range(2)]
        assert arrives(clients[0], within=UNNOTICED) == "nothing"
        hung = hangs(server, "PATCH", wire.path, {"enabled": False})
        assert hung is either(server, toxiproxy=True, embedded=False)


@contextmanager
def full_backlog() -> Iterator[str]:
    """The address of a listener that takes no more: a connection attempt hangs."""
    with ExitStack() as sockets:
        hole = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        while True:
            filler = sockets.enter_context(socket.socket())
            filler.settimeout(UNNOTICED)
            try:
                filler.connect(hole.getsockname())
            except TimeoutError:
                break
        yield address_of(hole)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the file descriptors of a running process")
def test_running_out_of_file_descriptors(kind: str):
    with running(kind) as server, crossing(server) as wire:
        wire.established()
        pid = server.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        taken = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
        lowest_free = next(number for number in itertools.count() if number not in taken)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
        assert arrives(wire.connect(), within=UNNOTICED) == "nothing"
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)

        wire.connect().sendall(b"hello")
        wire.upstream.settimeout(either(server, toxiproxy=HANGS, embedded=DEADLINE))
        heard: list[bytes | str] = []
        try:
            while b"hello" not in heard:
                accepted, _ = wire.upstream.accept()
                with accepted:
                    heard.append(arrives(accepted, within=UNNOTICED))
        except TimeoutError:
            heard.append("nobody")
        assert heard[-1] == either(server, toxiproxy="nobody", embedded=b"hello")


# The HTTP API and the process


def test_connections_are_told(wire: Wire):
    client, server = wire.established()
    answer = wire.server.request("GET", f"/connections/{wire.name}")
    if wire.server.kind == TOXIPROXY:
        assert (answer.status, answer.text) == (404, "404 page not found\n")
        return
    [record] = answer.json["proxies"][wire.name]["connections"]
    assert record["client"] == address_of(client)
    assert record["upstream"] == address_of(server)
    assert record["local"] == "{}:{}".format(*server.getpeername())
    assert record["bytes"] == {"from_client": 1, "to_client": 1, "from_upstream": 1, "to_upstream": 1}


def test_a_client_that_half_closes_is_answered(server: Server):
    def answer() -> str:
        with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as sock:
            sock.sendall(b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
            sock.shutdown(socket.SHUT_WR)
            return sock.makefile("rb").readline().decode().split()[1]

    answers = {answer() for _ in range(20)}
    assert answers <= either(server, toxiproxy={"400", "503"}, embedded={"400"})


def test_long_answers_have_a_length(wire: Wire):
    for number in range(30):
        wire.add("latency", name=f"t{number}")
    answer = wire.server.request("GET", wire.path)
    assert len(answer.text) > 2048
    framing = {name for name in ("Content-Length", "Transfer-Encoding") if name in answer.headers}
    assert framing == either(wire.server, toxiproxy={"Transfer-Encoding"}, embedded={"Content-Length"})


def test_deep_json_is_refused(server: Server):
    def status(depth: int) -> tuple[int, str]:
        body = b'{"x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
        answer = server.request("POST", "/proxies", body)
        return answer.status, answer.error

    accepted = (400, "missing required field: name")
    too_deep = (400, "bad request body: invalid character '[' exceeded max depth")
    assert status(500) == accepted
    assert status(501) == either(server, toxiproxy=accepted, embedded=too_deep)
    assert status(10_001) == too_deep


def test_exotic_targets(server: Server):
    text = server.raw(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert text.startswith(either(server, toxiproxy="HTTP/1.1 301 ", embedded="HTTP/1.1 400 "))
    text = server.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert text.startswith(either(server, toxiproxy="HTTP/1.1 301 ", embedded="HTTP/1.1 505 "))


def test_a_name_that_does_not_resolve(server: Server):
    # A name with an empty label: no resolver is asked, on either side.
    body = {"name": "n", "listen": "a..invalid:0", "upstream": "u"}
    answer = server.request("POST", "/proxies", body, within=4 * DEADLINE)
    assert answer.status == 500
    assert answer.error.startswith("listen tcp: lookup a..invalid")
    assert answer.error.endswith(": no such host")


def ended(kind: str, *arguments: str) -> tuple[int | None, str]:
    """Exit code and standard error of a server that may not start; None if it still runs after a while."""
    process = subprocess.Popen(
        [*command_for(kind), *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, errors = process.communicate(timeout={TOXIPROXY: HANGS, EMBEDDED: DEADLINE}[kind])
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, ""
    return process.returncode, errors


def test_a_bad_configuration_file_ends_the_process(kind: str, tmp_path: Path):
    config = tmp_path / "proxies.json"
    config.write_text(json.dumps([{"name": "n"}]))
    code, errors = ended(kind, "-port", str(free_port()), "-config", str(config))
    if kind == TOXIPROXY:
        assert code is None
    else:
        assert (code, errors.count("\n")) == (2, 1)


def test_a_taken_port_ends_the_process(kind: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, errors = ended(kind, "-host", "127.0.0.1", "-port", str(taken.getsockname()[1]))
    if kind == TOXIPROXY:
        assert code is None
    else:
        assert (code, errors.count("\n")) == (2, 1)


def test_metrics_of_the_go_runtime(kind: str):
    with running(kind, "-runtime-metrics") as server:
        text = server.request("GET", "/metrics").text
    assert "\nprocess_open_fds " in text
    assert ("\ngo_goroutines " in text) is {TOXIPROXY: True, EMBEDDED: False}[kind]
