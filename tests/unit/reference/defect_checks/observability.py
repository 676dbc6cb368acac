"""Defects of what the server tells of itself."""

from __future__ import annotations

from reference_server.endpoints.echo import Echo

from .bench import Bench, Check, call_upstream


def _raised(bench: Bench, alert: str) -> bool:
    return alert in bench.parts.alerts.update()


async def crowd_raises_its_alert(bench: Bench) -> bool:
    quiet = not _raised(bench, "websocket_connections_high")
    bench.parts.admission.inside = 81
    return quiet and _raised(bench, "websocket_connections_high")


async def urgent_alert_waits_for_its_own_share(bench: Bench) -> bool:
    bench.parts.admission.inside = 94
    quiet = not _raised(bench, "websocket_connections_critical")
    bench.parts.admission.inside = 96
    return quiet and _raised(bench, "websocket_connections_critical")


async def alert_goes_with_its_reason(bench: Bench) -> bool:
    bench.parts.admission.inside = 81
    raised = _raised(bench, "websocket_connections_high")
    bench.parts.admission.inside = 80
    return raised and not _raised(bench, "websocket_connections_high")


async def one_failure_raises_no_alert(bench: Bench) -> bool:
    await call_upstream(bench)
    return not _raised(bench, "upstream_breaker_open")


async def each_breaker_has_its_alert(bench: Bench) -> bool:
    bench.parts.accept_breaker.force_open()
    raised = bench.parts.alerts.update()
    return "accept_breaker_open" in raised and "upstream_breaker_open" not in raised


async def newcomer_is_counted_once(bench: Bench) -> bool:
    newcomer = bench.newcomer()
    await newcomer.accept()
    await newcomer.register()
    return bench.parts.counters.accepted == 1


async def count_follows_at_once(bench: Bench) -> bool:
    counts = [len(bench.parts.registry)]
    bench.client()
    counts.append(len(bench.parts.registry))
    return counts == [0, 1]


async def message_is_counted_once(bench: Bench) -> bool:
    connection, _ = bench.client("echo")
    connection.heard()
    await Echo().received(connection, "hello")
    return bench.parts.counters.messages_received == 1


CHECKS: dict[str, Check] = {
    "critical_comes_with_high": urgent_alert_waits_for_its_own_share,
    "accepted_counted_twice": newcomer_is_counted_once,
    "alert_at_the_first_failure": one_failure_raises_no_alert,
    "alert_compares_with_a_percentage": crowd_raises_its_alert,
    "alert_watches_the_other_breaker": each_breaker_has_its_alert,
    "alerts_are_never_taken_back": alert_goes_with_its_reason,
    "count_is_two_seconds_old": count_follows_at_once,
    "messages_counted_in_two_places": message_is_counted_once,
}
