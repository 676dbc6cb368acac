"""What the server says about itself agrees with what is seen from outside, as JSON and for Prometheus."""

from __future__ import annotations

import urllib.request
from functools import partial

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.frames import Opcode

from chaos.address import Address
from chaos.probes.http import get
from chaos.probes.statistics import read_statistics
from chaos.target_file import load_target

from .raw_client import Connect
from .running import REFERENCE, RunningServer, StartServer, wait_until

FIVE_WHO_MAY_BE_SILENT = {
    "WEBSOCKET_MAX_CONNECTIONS": "5",
    "WEBSOCKET_HEARTBEAT_INTERVAL": "30",
    "WEBSOCKET_IDLE_TIMEOUT_SECONDS": "0",
}
"""Nobody is pinged, warned or closed while they are counted."""


def metrics(server: RunningServer) -> dict[tuple[str, ...], float]:
    """All samples, by name and label values."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as response:
        assert response.headers["content-type"].startswith("text/plain; version=")
        text = response.read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_both_accounts_agree_with_the_outside(start_server: StartServer, connect: Connect) -> None:
    server = start_server(**FIVE_WHO_MAY_BE_SILENT)
    clients = [connect(server.url(path)) for path in ("/echo", "/echo", "/live", "/session")]
    clients[0].send_text("x")
    assert clients[0].next_frame(Opcode.TEXT) is not None
    connect(server.url("/nowhere"))
    statistics = server.get("/stats")
    assert statistics["connections"]["by_endpoint"] == {"echo": 2, "live": 1, "session": 1}
    assert statistics["connections"]["total"] == statistics["connections"]["inside"] == 4
    assert statistics["messages"] == {"received": 1, "sent": 2}
    assert statistics["rejected"]["by_reason"] == {"path": 1}
    assert statistics["pid"] == server.process.pid
    # One more than before the request: the connection the request itself came on.
    assert statistics["open_files"] in (server.open_files(), server.open_files() + 1, server.open_files() + 2)
    assert server.kernel_sockets().count("ESTABLISHED") == 4

    seen = metrics(server)
    assert seen[("websocket_connections", "echo")] == 2
    assert seen[("websocket_accepted_total",)] == 4
    assert seen[("websocket_messages_sent_total",)] == 2
    assert seen[("websocket_rejected_total", "path")] == 1
    assert seen[("websocket_connection_limit",)] == 5
    assert seen[("circuit_breaker_state", "accept", "closed")] == 1
    assert seen[("circuit_breaker_state", "accept", "open")] == 0
    assert ("websocket_alert", "websocket_connections_high") not in seen

    connect(server.url("/echo"))
    assert metrics(server)[("websocket_alert", "websocket_connections_critical")] == 1


@pytest.mark.parametrize("file", ["target.toml", "prometheus.toml"])
async def test_every_figure_that_a_target_file_names_is_told(
    file: str, start_server: StartServer, connect: Connect
) -> None:
    server = start_server(**FIVE_WHO_MAY_BE_SILENT)
    where = load_target(REFERENCE / file).statistics
    assert where is not None
    ask = partial(read_statistics, partial(get, Address("127.0.0.1", server.port), within=5.0), where)
    figures = ("accepted", "rejected", "ended", "dead", "received", "connections")
    told = await ask()
    assert ([told[name] for name in figures], told["alerts"]) == ([0.0] * 6, "")
    clients = [connect(server.url("/echo")) for _ in range(5)]
    clients[0].send_text("x")
    assert clients[0].next_frame(Opcode.TEXT) is not None
    connect(server.url("/echo"))
    told = await ask()
    assert [told[name] for name in figures] == [5.0, 1.0, 0.0, 0.0, 1.0, 5.0]
    alerts = "websocket_backpressure,websocket_connections_critical,websocket_connections_high"
    assert told["alerts"] == alerts
    clients[1].reset()
    wait_until(lambda: server.stat("/connections/ended") == 1, within=5)
    told = await ask()
    assert ([told[name] for name in figures], told["alerts"]) == ([5.0, 1.0, 1.0, 0.0, 1.0, 4.0], "")


def test_compression_only_if_it_is_on(start_server: StartServer, connect: Connect) -> None:
    offer = {"Sec-WebSocket-Extensions": "permessage-deflate"}
    for setting, answer in (("false", None), ("true", "permessage-deflate")):
        response = connect(start_server(WEBSOCKET_COMPRESSION=setting).url("/echo"), headers=offer).response
        assert response is not None
        extensions = response.headers.get("Sec-WebSocket-Extensions")
        assert (extensions and extensions.split(";")[0]) == answer
