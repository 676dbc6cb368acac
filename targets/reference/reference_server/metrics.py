"""The same figures for Prometheus, read from the components at each scrape: nothing is counted twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from reference_server.breaker import State
from reference_server.memory import resident_bytes
from reference_server.parts import Parts

__all__ = ["CONTENT_TYPE_LATEST", "exposition"]


def exposition(parts: Parts) -> bytes:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_PartsCollector(parts))
    return generate_latest(registry)


class _PartsCollector(Collector):
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        parts, counters = self._parts, self._parts.counters
        yield _labelled_gauge("websocket_connections", "Open connections.", "endpoint", parts.registry.counts())
        yield _gauge("websocket_sessions", "Sessions kept, of clients there or away.", len(parts.sessions))
        yield _gauge("websocket_connection_limit", "Connections let in at once.", parts.admission.limit)
        yield _gauge("websocket_backpressure_active", "Whether clients are being warned.", parts.backpressure.active)
        yield _counter("websocket_accepted", "Connections accepted.", counters.accepted)
        yield _counter("websocket_ended", "Accepted connections that are over.", counters.ended)
        yield _labelled("websocket_rejected", "Clients turned away.", "reason", counters.rejected)
        yield _labelled("websocket_closed", "Ends decided by the server.", "reason", counters.closed)
        yield _counter("websocket_messages_received", "Messages received.", counters.messages_received)
        yield _counter("websocket_messages_sent", "Messages sent.", counters.messages_sent)
        yield _counter("websocket_pings_sent", "Pings sent.", counters.pings_sent)
        yield _counter("websocket_pongs_received", "Pings answered.", counters.pongs_received)
        yield _counter("websocket_dead_peers", "Peers found dead.", counters.dead_found)
        yield _counter("websocket_idle_warnings", "Idle warnings sent.", counters.idle_warned)
        yield _counter("websocket_backpressure_warnings", "Backpressure warnings sent.", counters.backpressure_warned)
        yield _counter("websocket_broadcasts", "Status updates broadcast.", counters.broadcasts)
        yield _counter("websocket_slow_consumers_cut", "Listeners that fell behind.", counters.slow_consumers_cut)
        yield _counter("websocket_handshakes_timed_out", "Requests never completed.", counters.handshakes_timed_out)
        yield _counter("websocket_protocol_errors", "Connections with broken frames.", counters.protocol_errors)
        yield _counter("websocket_accept_failures", "Accepts that lacked resources.", counters.accept_failures)
        yield _counter("websocket_rate_limited", "Connections over the message rate.", counters.rate_limited)
        yield _counter("websocket_cleanups", "Dead connections cleaned up.", counters.cleanups)
        yield _counter("websocket_cleanup_failures", "Clean-ups that failed.", counters.cleanup_failures)
        yield _counter("record_failures", "Times that the record was not written.", counters.record_failures)
        yield from self._breakers()
        yield _labelled_gauge("websocket_alert", "Alerts raised now.", "name", dict.fromkeys(parts.alerts.update(), 1))
        yield _gauge("process_resident_memory_bytes", "Resident memory.", resident_bytes())

    def _breakers(self) -> Iterator[Metric]:
        states = GaugeMetricFamily("circuit_breaker_state", "1 for the state it is in.", labels=["breaker", "state"])
        transitions = CounterMetricFamily(
            "circuit_breaker_transitions", "Changes of state.", labels=["breaker", "from", "to"]
        )
        rejected = CounterMetricFamily("circuit_breaker_rejected", "Calls not let through.", labels=["breaker"])
        for breaker in (self._parts.upstream_breaker, self._parts.accept_breaker):
            current = breaker.state
            for state in State:
                states.add_metric([breaker.name, state.value], float(state is current))
            for transition, count in breaker.tally.transitions.items():
                transitions.add_metric([breaker.name, *transition.split("->")], count)
            rejected.add_metric([breaker.name], breaker.tally.rejected)
        yield from (states, transitions, rejected)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _labelled(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _labelled_gauge(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
