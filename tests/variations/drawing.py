"""Valid settings of the reference server, and the promises that follow from them.

A suite whose limits fit one set of settings by luck goes red on the next one. So the settings are drawn by Hypothesis
from all that may go together, the promises are derived from them by the same few rules for all, and what was drawn is
kept in targets/variations as target files, to be run and to be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

__all__ = ["Variation", "variations"]

LATE = 0.2
"""Seconds that a loop on two busy cores has been seen late: so much later than it is set each interval is promised."""
PLACES = (110, 160)
"""Connections let in at once, from what the contract's ramp of 100 takes with the suite's own."""
ORIGIN = "https://app.example"
IN_TIME, IN_TIME_OVER_TLS = 1.0, 3.0
"""Seconds until a client is in, or turned away. 226 of them at once, over TLS, had their 1013 after 2.5 s, on two cores
a third as fast as others and under a load of 8: most of it is the handshakes of both sides."""
GOODBYES = (1000, 1001, 1008, 4408)
"""Codes that servers in the wild close idle and old clients with: normal, going away, policy, one of their own."""

Table = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One way of setting the server. Values as target files have them."""

    environment: Mapping[str, str]
    promises: Mapping[str, Table]
    headers: Table
    """That every client sends."""
    tls: bool


def _hundredths(draw: st.DrawFn, least: float, most: float) -> float:
    """Seconds, in hundredths: a file is read by people."""
    return draw(st.integers(round(100 * least), round(100 * most))) / 100


@st.composite
def variations(draw: st.DrawFn) -> Variation:
    """All settings that are about promises, drawn at once: none of them may hide behind another's default."""
    interval = _hundredths(draw, 0.2, 0.5)
    timeout = _hundredths(draw, 0.5, 0.9)
    ping_timeout = _hundredths(draw, 0.4, timeout)
    sweep = _hundredths(draw, 0.1, 0.4)
    dead_within = interval + timeout + sweep + 3 * LATE
    # Beyond the bound for dead peers: otherwise the idle timeout would clear up behind a heartbeat that is broken.
    idle = dead_within + _hundredths(draw, 0.2, 1.0)
    warning = _hundredths(draw, 0.5, 1.0)
    # Beyond the longest scenario that keeps its clients: 4 s in the fast profile, of three heartbeats and a dead peer.
    age = _hundredths(draw, 8.0, 10.0)
    broadcast = _hundredths(draw, 0.08, 0.15)
    close = _hundredths(draw, 0.3, 0.6)
    shutdown = close + _hundredths(draw, 1.2, 2.0)
    header = _hundredths(draw, 0.8, 1.5)
    call = _hundredths(draw, 0.2, 0.35)
    recovery = _hundredths(draw, 0.4, 0.7)
    failures = draw(st.integers(3, 8))
    probes = draw(st.integers(1, 3))
    successes = draw(st.integers(1, probes))
    # Failures that are not in a row open nothing: their share counts where there are more calls than a scenario makes.
    minimum = 2 * failures + 2
    places = draw(st.integers(*PLACES))
    answer = draw(st.sampled_from(["http-503", "close-1013"]))
    threshold = draw(st.sampled_from([0.7, 0.8, 0.85, 0.9]))
    largest = draw(st.sampled_from([128, 256, 512, 1024]))
    asks_origin = draw(st.booleans())
    idle_code, age_code = draw(st.sampled_from(GOODBYES)), draw(st.sampled_from(GOODBYES))
    shutdown_code = draw(st.sampled_from([1001, 1012]))
    tls = draw(st.integers(1, 4)) == 1
    within = IN_TIME_OVER_TLS if tls else IN_TIME
    return Variation(
        environment={
            "WEBSOCKET_MAX_CONNECTIONS": str(places),
            "WEBSOCKET_REJECT_WITH": answer,
            "WEBSOCKET_RETRY_AFTER": str(draw(st.integers(1, 30))),
            "WEBSOCKET_BACKPRESSURE_THRESHOLD": f"{threshold:g}",
            "WEBSOCKET_HEARTBEAT_INTERVAL": f"{interval:g}",
            "WEBSOCKET_HEARTBEAT_TIMEOUT": f"{timeout:g}",
            "WEBSOCKET_PING_TIMEOUT": f"{ping_timeout:g}",
            "WEBSOCKET_CLEANUP_INTERVAL": f"{sweep:g}",
            "WEBSOCKET_IDLE_TIMEOUT_SECONDS": f"{idle:.2f}",
            "WEBSOCKET_IDLE_WARNING_SECONDS": f"{warning:g}",
            "WEBSOCKET_IDLE_CODE": str(idle_code),
            "WEBSOCKET_MAX_AGE": f"{age:g}",
            "WEBSOCKET_AGE_CODE": str(age_code),
            "WEBSOCKET_HANDSHAKE_TIMEOUT": f"{header:g}",
            "WEBSOCKET_CLOSE_TIMEOUT": f"{close:g}",
            "SHUTDOWN_TIMEOUT": f"{shutdown:.2f}",
            "SHUTDOWN_CODE": str(shutdown_code),
            "SERVER_FRAMEWORK": draw(st.sampled_from(["starlette", "fastapi", "asgi"])),
            "WEBSOCKET_MAX_MESSAGE_BYTES": str(largest * 1024),
            "WEBSOCKET_COMPRESSION": str(draw(st.booleans())).lower(),
            "WEBSOCKET_ALLOWED_ORIGINS": ORIGIN if asks_origin else "",
            "BROADCAST_INTERVAL": f"{broadcast:g}",
            "UPSTREAM_TIMEOUT": f"{call:g}",
            "BREAKER_FAILURE_THRESHOLD": str(failures),
            "BREAKER_RECOVERY_TIMEOUT": f"{recovery:g}",
            "BREAKER_HALF_OPEN_PROBES": str(probes),
            "BREAKER_SUCCESS_THRESHOLD": str(successes),
            "BREAKER_MINIMUM_CALLS": str(minimum),
        },
        promises={
            "establishment": {"within": _text(within)},
            "rejection": {
                "within": _text(within),
                "max_connections": places,
                "answer": answer,
                "retry_after": answer == "http-503",
                "warning_threshold": threshold,
            },
            "liveness": {
                "heartbeat_interval": _text(interval + LATE),
                "heartbeat_timeout": _text(timeout + LATE),
                # Clients are closed by a look at their timers, not before their time.
                "idle_timeout": _text(idle - LATE / 2),
                "idle_warning": _text(warning),
                "idle_code": idle_code,
                "age_code": age_code,
                "max_age": _text(age + 2.5 * LATE),
            },
            "cleanup": {"sweep_interval": _text(sweep + LATE)},
            "breaker": {
                "failure_threshold": failures,
                "recovery_timeout": _text(recovery),
                "half_open_probes": probes,
                "success_threshold": successes,
                "minimum_calls": minimum,
                "call_timeout": _text(call + LATE),
            },
            "accept_breaker": {
                "failure_threshold": failures,
                "recovery_timeout": _text(recovery),
                "success_threshold": successes,
            },
            "delivery": {
                "broadcast_interval": _text(broadcast + LATE / 4),
                "slow_consumer_cut_within": _text(dead_within),
            },
            "closing": {"shutdown_within": _text(shutdown + 2.5 * LATE), "shutdown_code": shutdown_code},
            "survival": {
                "hostile_within": _text(close + 1.5 * LATE),
                "max_message_size": f"{largest}KiB",
                "header_timeout": _text(header + 2 * LATE),
            },
        },
        headers={"Origin": ORIGIN} if asks_origin else {},
        tls=tls,
    )


def _text(seconds: float) -> str:
    return f"{round(1000 * seconds)}ms"
