from __future__ import annotations

import os
import sys
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chaos.links.embedded.api.metrics import metrics_text
from chaos.links.embedded.items import Direction
from chaos.links.embedded.traffic import Traffic


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_labels_are_escaped():
    traffic = Traffic()
    odd = 'q"\\\n'
    traffic.add(Direction.UPSTREAM, proxy=odd, listener="l", upstream="u", received=3, sent=2)
    read = samples(metrics_text(traffic, of_proxies=True, of_process=False))
    labels = frozenset({("direction", "upstream"), ("listener", "l"), ("proxy", odd), ("upstream", "u")})
    assert read["toxiproxy_proxy_received_bytes_total", labels] == 3
    assert read["toxiproxy_proxy_sent_bytes_total", labels] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_the_process_is_told_truly():
    read = {
        name: value for (name, _), value in samples(metrics_text(Traffic(), of_proxies=False, of_process=True)).items()
    }
    assert read["process_cpu_seconds_total"] == pytest.approx(time.process_time(), rel=0.2, abs=0.5)
    assert abs(read["process_open_fds"] - len(os.listdir("/proc/self/fd"))) <= 2
    assert 1e6 < read["process_resident_memory_bytes"] < read["process_virtual_memory_bytes"]
    age = time.time() - read["process_start_time_seconds"]
    assert 0 <= age < 24 * 3600
