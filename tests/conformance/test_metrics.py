from __future__ import annotations

import time

from prometheus_client.parser import text_string_to_metric_families

from .servers import DEADLINE, Server, running
from .wire import address_of, crossing


def metrics(server: Server) -> str:
    answer = server.request("GET", "/metrics")
    assert answer.status == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    return answer.text


HANDLER = (
    "# HELP promhttp_metric_handler_errors_total Total number of internal errors encountered by the promhttp "
    "metric handler.\n"
    "# TYPE promhttp_metric_handler_errors_total counter\n"
    'promhttp_metric_handler_errors_total{cause="encoding"} 0\n'
    'promhttp_metric_handler_errors_total{cause="gathering"} 0\n'
)


def test_byte_counters_move_when_a_connection_ends(kind: str):
    with running(kind, "-proxy-metrics") as server, crossing(server) as wire:
        assert metrics(server) == HANDLER
        client, upstream = wire.established()
        client.sendall(b"x")
        upstream.recv(1)
        assert metrics(server) == HANDLER
        client.close()
        upstream.close()
        deadline = time.monotonic() + DEADLINE
        while (text := metrics(server)).count("} ") < 6:
            assert time.monotonic() < deadline, text
            time.sleep(0.01)
        upstream_address = address_of(wire.upstream)
        expected = HANDLER
        for verb in ("received", "sent"):
            name = f"toxiproxy_proxy_{verb}_bytes_total"
            expected += f"# HELP {name} \n# TYPE {name} counter\n"
            for direction, count in (("downstream", 1), ("upstream", 2)):
                labels = (
                    f'direction="{direction}",listener="127.0.0.1:{wire.port}",proxy="{wire.name}",'
                    f'upstream="{upstream_address}"'
                )
                expected += f"{name}{{{labels}}} {count}\n"
        assert text == expected


def test_any_method_will_do(kind: str):
    with running(kind, "-proxy-metrics") as server:
        assert server.request("DELETE", "/metrics").status == 200


def test_the_process_own_figures(kind: str):
    with running(kind, "-runtime-metrics") as server:
        families = {family.name: family.type for family in text_string_to_metric_families(metrics(server))}
    expected = {
        "process_cpu_seconds": "counter",
        "process_max_fds": "gauge",
        "process_open_fds": "gauge",
        "process_resident_memory_bytes": "gauge",
        "process_start_time_seconds": "gauge",
        "process_virtual_memory_bytes": "gauge",
    }
    assert expected.items() <= families.items()
