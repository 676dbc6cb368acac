"""Scenarios that more than one family of defects is seen by or has to leave green, and what they all may need."""

from __future__ import annotations

__all__ = [
    "CLEANUP",
    "DELIVERY",
    "ESTABLISHMENT",
    "HEARTBEAT",
    "LATENCY",
    "NO_CLOCK",
    "OPENS",
    "REJECTION",
    "TLS",
    "TOKENS",
    "TRIAL",
    "TURNED_AWAY",
]

ESTABLISHMENT = "test_establishment.py::test_simultaneous[calm]"
REJECTION = "test_rejection.py::test_burst_beyond_the_limit[burst]"
CLEANUP = "test_cleanup.py::test_ended_connections_are_released[client-reset]"
HEARTBEAT = "test_liveness.py::test_heartbeat[calm]"
LATENCY = "test_latency.py::test_round_trips[calm]"
DELIVERY = "test_delivery.py::test_slow_consumer_hurts_only_itself[calm]"
TRIAL = "test_breaker.py::test_tries_again[upstream-errors]"
TLS = "targets/reference/tls.toml"
TOKENS = "targets/reference/tokens.toml"
NO_CLOCK = {"containers": "the clock is a library that the environment names, and a container keeps its environment"}
OPENS = "test_breaker.py::test_opens_at_threshold[upstream-errors]"
TURNED_AWAY = "test_accept_breaker.py::test_turns_away_while_open[upstream-errors]"
