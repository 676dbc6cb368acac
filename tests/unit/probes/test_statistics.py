"""The server's own statistics: by JSON pointer or Prometheus metric, or an error that says what came."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from chaos.probes.http import get
from chaos.probes.statistics import StatisticsError, alert_shown, read_statistics
from chaos.target import BreakerState, Statistics, StatisticsFormat
from tests.unit.crowd.servers import unused_port
from tests.unit.probes.answering import answering, with_body

PATIENCE = 2.0

METRICS = b"""\
# HELP ws_connections Open connections.
# TYPE ws_connections gauge
ws_connections{endpoint="echo",tls="no"} 3
ws_connections{endpoint="echo",tls="yes"} 4
ws_connections{endpoint="feed",tls="no"} 20
# TYPE ws_rejected counter
ws_rejected_total 5
ws_rejected_created 1.7e9
# TYPE odd gauge
odd{path="/a{b}",quote="say \\"yes\\""} 6
odd{path="/"} 1
"""


def pointing(connections: str) -> Statistics:
    return Statistics(path="/stats", connections=connections)


def measuring(connections: str) -> Statistics:
    return Statistics(path="/metrics", format=StatisticsFormat.PROMETHEUS, connections=connections)


async def read(where: Statistics, answer: bytes) -> dict[str, float | str]:
    async with answering(answer) as address:
        return await read_statistics(partial(get, address, within=PATIENCE), where)


async def at(pointer: str, document: Any) -> float | str:
    return (await read(pointing(pointer), with_body(json.dumps(document).encode())))["connections"]


async def metric(wanted: str, text: bytes = METRICS) -> float | str:
    return (await read(measuring(wanted), with_body(text)))["connections"]


async def fail(where: Statistics, answer: bytes) -> str:
    with pytest.raises(StatisticsError) as caught:
        await read(where, answer)
    return str(caught.value)


# -- JSON ---------------------------------------------------------------------------------------------------------


async def test_everything_that_is_declared_is_read() -> None:
    where = Statistics(path="/stats", connections="/connections/total", upstream_breaker="/breaker", alerts="/alerts")
    document = {"connections": {"total": 7}, "breaker": "half-open", "alerts": ["high", "critical"], "more": 1}
    assert await read(where, with_body(json.dumps(document).encode())) == {
        "connections": 7.0,
        "upstream_breaker": "half-open",
        "alerts": "high,critical",
    }


@pytest.mark.parametrize("word", ["half-open", "HALF_OPEN", "halfOpen", "Half Open"])
async def test_a_state_goes_by_one_name_however_it_is_spelt(word: str) -> None:
    where = Statistics(path="/stats", accept_breaker="/breaker")
    assert await read(where, with_body(json.dumps({"breaker": word}).encode())) == {"accept_breaker": "half-open"}


@pytest.mark.parametrize(("told", "state"), [("0", "closed"), ("1", "open"), ("2", "half-open"), ("3", 3.0)])
async def test_a_state_may_be_a_number(told: str, state: float | str) -> None:
    called: dict[BreakerState, str | float] = {
        BreakerState.CLOSED: 0,
        BreakerState.OPEN: 1,
        BreakerState.HALF_OPEN: 2,
    }
    where = Statistics(
        path="/metrics", format=StatisticsFormat.PROMETHEUS, upstream_breaker="breaker_state", breaker_states=called
    )
    assert await read(where, with_body(f"breaker_state {told}\n".encode())) == {"upstream_breaker": state}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/total", 7.0),
        ("/deep/er/0", 1.0),
        ("/deep/er/2", 3.0),
        ("/a~1b", 11.0),
        ("/m~0n", 12.0),
        ("/~01", 13.0),
        ("/", 14.0),
        ("/0", 15.0),
        ("/ratio", 0.5),
        ("/on", 1.0),
        ("/off", 0.0),
        ("/state", "open"),
        ("/none", ""),
        ("/deep/er", "1,2,3"),
    ],
)
async def test_a_pointer_is_followed_as_rfc_6901_says(pointer: str, value: float | str) -> None:
    document = {
        "total": 7,
        "deep": {"er": [1, 2, 3]},
        "a/b": 11,
        "m~n": 12,
        "~1": 13,
        "": 14,
        "0": 15,
        "ratio": 0.5,
        "on": True,
        "off": False,
        "state": "open",
        "none": [],
    }
    assert await at(pointer, document) == value


@pytest.mark.parametrize(
    ("pointer", "missing"),
    [
        ("/absent", "absent"),
        ("/list/3", "3"),
        ("/list/-1", "-1"),  # which is not the last one
        ("/list/01", "01"),
        ("/list/first", "first"),
        ("/text/0", "0"),
        ("/number/0", "0"),
    ],
)
async def test_a_pointer_to_nothing(pointer: str, missing: str) -> None:
    document = {"list": [1, 2, 3], "text": "open", "number": 7}
    assert await fail(pointing(pointer), with_body(json.dumps(document).encode())) == (
        f"the statistics hold nothing at {pointer} (no {missing!r})"
    )


@pytest.mark.parametrize(("value", "kind"), [({}, "dict"), (None, "NoneType")])
async def test_what_is_no_value(value: object, kind: str) -> None:
    assert await fail(pointing("/x"), with_body(json.dumps({"x": value}).encode())) == (
        f"the statistics hold {kind} at /x; a number, a text or a list is needed"
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"connections": 1', b"\xff\xfe"])
async def test_what_is_not_json(body: bytes) -> None:
    assert await fail(pointing("/x"), with_body(body)) == f"GET /stats: not JSON: {body!r}"


# -- Prometheus ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ('ws_connections{endpoint="feed"}', 20.0),
        ('ws_connections{endpoint="echo"}', 7.0),
        ('ws_connections{tls="no", endpoint="echo"}', 3.0),
        ('ws_connections{tls="no",endpoint="echo",}', 3.0),
        ("ws_connections", 27.0),
        ("ws_connections{}", 27.0),
        (" ws_connections ", 27.0),
        ("ws_rejected_total", 5.0),
        ('odd{path="/"}', 1.0),
        ('odd{path="/a{b}"}', 6.0),
    ],
)
async def test_a_metric_is_the_sum_of_all_that_fit(wanted: str, value: float) -> None:
    assert await metric(wanted) == value


@pytest.mark.parametrize(
    "wanted", ["ws_connection", "ws_rejected", 'ws_connections{endpoint="none"}', "ws_connections_"]
)
async def test_a_metric_that_is_not_there(wanted: str) -> None:
    assert await fail(measuring(wanted), with_body(METRICS)) == f"the statistics hold no metric {wanted}"


@pytest.mark.parametrize(
    "wanted",
    [
        "7",
        "/connections/total",
        "ws_connections{endpoint=echo}",  # which would fit every endpoint
        "ws_connections{endpoint='echo'}",
        'ws_connections{"echo"}',
        'ws_connections{endpoint="echo"',
        'ws_connections{endpoint="echo" tls="no"}',
    ],
)
async def test_what_is_no_metric(wanted: str) -> None:
    assert await fail(measuring(wanted), with_body(METRICS)) == (
        f"{wanted!r} is no metric name, such as 'ws_connections{{endpoint=\"echo\"}}'"
    )


@pytest.mark.parametrize("body", [b"ws_connections many\n", b"ws_connections{ 7\n", b"<html>nginx</html>\n"])
async def test_what_is_not_prometheus(body: bytes) -> None:
    assert (await fail(measuring("ws_connections"), with_body(body))).startswith("GET /metrics: not Prometheus text: ")


LABELLED = b"""\
# HELP ws_rejected_total Clients turned away.
# TYPE ws_rejected_total counter
# HELP ws_alert Alerts raised now.
# TYPE ws_alert gauge
"""
"""Of a server to which nothing has happened yet."""

RAISED = b"""\
# TYPE ws_alert gauge
ws_alert{name="high",severity="page"} 1
ws_alert{name="critical",severity="page"} 0
ws_alert{name="memory",severity="note"} 1
"""


async def test_what_has_labels_and_never_happened_is_zero() -> None:
    assert await metric("ws_rejected_total", LABELLED) == 0.0
    assert await metric('ws_rejected_total{reason="limit"}', LABELLED) == 0.0


@pytest.mark.parametrize("wanted", ["ws_rejected", "ws_alert_total", "ws_rejection_total"])
async def test_a_metric_of_another_name_is_not_zero_but_missing(wanted: str) -> None:
    assert await fail(measuring(wanted), with_body(LABELLED)) == f"the statistics hold no metric {wanted}"


@pytest.mark.parametrize(
    ("alerts", "text", "shown"),
    [
        ("ws_alert", RAISED, "high,page,memory,note"),
        ('ws_alert{severity="note"}', RAISED, "memory,note"),
        ('ws_alert{name="critical"}', RAISED, ""),
        ("ws_alert", LABELLED, ""),
    ],
)
async def test_alerts_are_the_labels_of_what_is_not_zero(alerts: str, text: bytes, shown: str) -> None:
    where = Statistics(path="/metrics", format=StatisticsFormat.PROMETHEUS, alerts=alerts)
    assert await read(where, with_body(text)) == {"alerts": shown}


@pytest.mark.parametrize(
    ("alert", "shown"),
    [("high", True), ("hig", False), ("high|critical", True), (".*_open", True), ("open", False), ("", False)],
)
def test_an_alert_is_shown_where_its_whole_name_fits(alert: str, shown: bool) -> None:
    assert alert_shown({"alerts": "high,upstream_breaker_open"}, alert) is shown


def test_no_alert_at_all() -> None:
    assert not alert_shown({"alerts": ""}, "high")
    assert not alert_shown({"alerts": ""}, ".*")


# -- the answer ---------------------------------------------------------------------------------------------------


async def test_another_status() -> None:
    assert await fail(pointing("/x"), with_body(b'{"x": 1}', status="404 Not Found")) == (
        "GET /stats: status 404 where 200 was expected"
    )


async def test_what_is_not_http() -> None:
    assert await fail(pointing("/x"), b"hello") == "GET /stats: not an HTTP answer: b'hello'"


async def test_nobody_there() -> None:
    with unused_port() as address, pytest.raises(StatisticsError, match=r"^GET /stats: .*Connect call failed"):
        await read_statistics(partial(get, address, within=PATIENCE), pointing("/x"))


async def test_no_answer_in_time() -> None:
    async with answering(end=lambda peer: None) as address:
        with pytest.raises(StatisticsError) as caught:
            await read_statistics(partial(get, address, within=0.1), pointing("/x"))
    assert str(caught.value) == "GET /stats: TimeoutError"
