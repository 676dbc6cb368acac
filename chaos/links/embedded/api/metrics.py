"""`/metrics`, in Prometheus' text format: there when asked for on the command line, as with Toxiproxy.

The `go_*` metrics of Toxiproxy's runtime are not: there is no Go runtime here.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from chaos.links.embedded.traffic import Flow, Traffic

__all__ = ["metrics_text"]


def metrics_text(traffic: Traffic, *, of_proxies: bool, of_process: bool) -> str:
    """The text of `/metrics`."""
    lines: list[str] = []
    if of_process and sys.platform == "linux":
        lines += _process_lines()
    lines += _lines(
        "promhttp_metric_handler_errors_total",
        "counter",
        {'{cause="encoding"}': 0, '{cause="gathering"}': 0},
        about="Total number of internal errors encountered by the promhttp metric handler.",
    )
    if of_proxies:
        lines += _traffic_lines("toxiproxy_proxy_received_bytes_total", traffic.received)
        lines += _traffic_lines("toxiproxy_proxy_sent_bytes_total", traffic.sent)
    return "".join(f"{line}\n" for line in lines)


def _traffic_lines(name: str, counts: Mapping[Flow, int]) -> Iterable[str]:
    if not counts:
        return ()
    return _lines(name, "counter", {_labels(flow): count for flow, count in sorted(counts.items())})


def _labels(flow: Flow) -> str:
    pairs = (f'{name}="{_escape(value)}"' for name, value in flow._asdict().items())
    return "{" + ",".join(pairs) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _process_lines() -> Iterable[str]:
    """What Prometheus' client libraries tell of a Linux process."""
    # The second field of stat is the program's name in parentheses; it may hold anything, so count from behind it.
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    ticks, pages = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    boot = next(
        int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime ")
    )
    usage = resource.getrusage(resource.RUSAGE_SELF)
    values: dict[str, tuple[str, float]] = {
        "process_cpu_seconds_total": ("counter", usage.ru_utime + usage.ru_stime),
        "process_max_fds": ("gauge", resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        "process_open_fds": ("gauge", len(os.listdir("/proc/self/fd"))),
        "process_resident_memory_bytes": ("gauge", int(stat[21]) * pages),
        "process_start_time_seconds": ("gauge", boot + int(stat[19]) / ticks),
        "process_virtual_memory_bytes": ("gauge", int(stat[20])),
    }
    return [line for name, (kind, value) in values.items() for line in _lines(name, kind, {"": value})]


def _lines(name: str, kind: str, samples: Mapping[str, float], *, about: str = "") -> Iterable[str]:
    return (
        f"# HELP {name} {about}",
        f"# TYPE {name} {kind}",
        *(f"{name}{labels} {value}" for labels, value in samples.items()),
    )
