"""Shows the rows of `differences.DIFFERENCES` about accepting and dialling, the HTTP API, and the process."""

from __future__ import annotations

import itertools
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from .servers import DEADLINE, EMBEDDED, HANGS, ROOT, TOXIPROXY, Server, command_for, either, free_port, hangs, running
from .wire import Wire, address_of, arrives, crossing

UNNOTICED = 0.1
"""Seconds in which nothing may arrive. What does arrive on loopback takes well under a millisecond."""

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
