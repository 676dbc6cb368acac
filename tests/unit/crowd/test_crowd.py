"""What a crowd says and hears: exchanges, keep-alive, traffic; and what it knows of itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from chaos.address import Address
from chaos.crowd.client import Client
from chaos.crowd.histogram import Histogram
from chaos.crowd.plan import Mode, SocketState
from chaos.errors import CrowdError
from chaos.journal import Outcome

from .doorman import Doorman
from .making import SHORT, make_crowd, until
from .servers import unused_port, websocket_server

ASKING: dict[str, Any] = {"send": "hello {n}", "expect": "^hello {n}$"}


# -- talking ------------------------------------------------------------------------------------------------------


async def test_exchanges_are_counted_and_timed(doorman: tuple[Doorman, Address]) -> None:
    crowd, recorded = make_crowd(doorman[1], 3, **ASKING)
    await crowd.connect(Mode.SIMULTANEOUS)
    result = await crowd.exchange(4)
    assert (result.sent, result.answered, result.wrong, result.missing, result.unsent) == (12, 12, 0, 0, 0)
    assert list(result.round_trips) == sorted(result.round_trips)
    assert result.round_trips[0] > 0
    trips = sorted(zip(result.sent_at, result.round_trips, strict=True))
    assert result.began <= trips[0][0]
    # The clients ask one after the other: each began its last exchange when three of its own were over.
    assert max(at + took for at, took in trips) <= result.ended
    assert trips[-1][0] >= min(at + took for at, took in trips)
    crowd.write_traffic()
    (traffic,) = recorded.traffic
    assert (traffic.sent, traffic.received, traffic.answered, traffic.wrong) == (12, 12, 12, 0)
    assert traffic.worst == result.round_trips[-1]
    assert traffic.round_trips == Histogram(result.round_trips).counts()
    assert traffic.began < traffic.at
    await crowd.close()


async def test_a_wrong_answer_a_missing_one_and_none_at_all() -> None:
    async def odd(connection: ServerConnection) -> None:
        first = str(await connection.recv())
        await connection.send(first)
        await connection.recv()
        await connection.send("noise")
        await connection.send("more noise")
        await connection.recv()
        await connection.recv()
        await connection.send("hello 4")

    async with websocket_server(odd) as address:
        crowd, recorded = make_crowd(address, **ASKING, answer_within=4 * SHORT)
        await crowd.connect(Mode.SIMULTANEOUS)
        result = await crowd.exchange(6)
        assert (result.sent, result.answered, result.wrong, result.missing, result.unsent) == (4, 2, 1, 1, 2)
        assert len(result.round_trips) == 2
        crowd.write_traffic()
        (traffic,) = recorded.traffic
        assert (traffic.sent, traffic.answered, traffic.wrong) == (4, 2, 1)
        (anomaly,) = recorded.frames
        assert anomaly.text == "noise"
        await crowd.wait_ended(timeout=5)


@pytest.mark.parametrize("trace", [False, True])
async def test_only_the_first_wrong_answer_of_a_period_is_written_out(trace: bool) -> None:
    async def wrong(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(f"not {str(message)[:5]}")

    async with websocket_server(wrong) as address:
        crowd, recorded = make_crowd(address, 2, **ASKING, answer_within=4 * SHORT, trace=trace)
        await crowd.connect(Mode.SIMULTANEOUS)
        assert (await crowd.exchange(1)).wrong == 2
        # A traced client has written each of them down when it came; none is written twice.
        assert [seen.text for seen in recorded.frames] == ["not hello"] * (2 if trace else 1)
        crowd.write_traffic()
        assert (await crowd.exchange(1)).wrong == 2
        assert len(recorded.frames) == (4 if trace else 2)
        await crowd.close()


async def test_without_a_number_answers_come_in_order() -> None:
    async with websocket_server() as address:
        crowd, _ = make_crowd(address, send="ping", expect="^ping$")
        await crowd.connect(Mode.SIMULTANEOUS)
        assert (await crowd.exchange(3)).complete
        await crowd.close()


async def test_a_late_answer_is_not_the_next_ones_wrong_answer() -> None:
    async def late(connection: ServerConnection) -> None:
        first = str(await connection.recv())
        await connection.recv()
        await connection.send(first)
        await connection.wait_closed()

    async with websocket_server(late) as address:
        crowd, recorded = make_crowd(address, **ASKING, answer_within=SHORT)
        await crowd.connect(Mode.SIMULTANEOUS)
        result = await crowd.exchange(2)
        assert (result.answered, result.wrong, result.missing) == (0, 0, 2)
        assert recorded.frames == []
        await crowd.close()


async def test_exchanges_end_with_their_connection(doorman: tuple[Doorman, Address]) -> None:
    async def deaf(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    async with websocket_server(deaf) as address:
        crowd, _ = make_crowd(address, 2, **ASKING)
        await crowd.connect(Mode.SIMULTANEOUS)
        async with asyncio.timeout(5):
            result = await crowd.exchange(3)
    assert (result.sent, result.missing, result.unsent) == (2, 2, 4)


async def test_an_answer_may_come_yet_where_the_connection_ends_first() -> None:
    """A notice in its place is no wrong answer then."""

    async def leaving(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send("a notice")

    async with websocket_server(leaving) as address:
        crowd, recorded = make_crowd(address, **ASKING)
        await crowd.connect(Mode.SIMULTANEOUS)
        result = await crowd.exchange(1)
        assert (result.sent, result.wrong, result.missing) == (1, 0, 1)
        crowd.write_traffic()
        (traffic,) = recorded.traffic
        assert (traffic.wrong, traffic.missing) == (0, 0)


async def test_exchange_asks_for_a_plan_with_one(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1])
    with pytest.raises(CrowdError, match=r"^the plan of crowd 'testers' has no exchange; give it send and expect$"):
        await crowd.exchange(1)


async def test_keep_alive_goes_on(doorman: tuple[Doorman, Address]) -> None:
    crowd, recorded = make_crowd(doorman[1], 4, **ASKING, keep_alive=SHORT)
    before = asyncio.get_running_loop().time()
    await crowd.connect(Mode.SIMULTANEOUS)
    answered = 0

    def three_each() -> bool:
        nonlocal answered
        crowd.write_traffic()
        answered = sum(traffic.answered for traffic in recorded.traffic)
        return answered >= 12

    await until(three_each)
    took = asyncio.get_running_loop().time() - before
    assert answered <= 4 * (took / SHORT + 1)
    await crowd.close()


async def test_keep_alive_is_spread_over_its_period(
    doorman: tuple[Doorman, Address], monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []
    monkeypatch.setattr(Client, "_schedule_keep_alive", lambda client, session, delay: delays.append(delay))
    crowd, _ = make_crowd(doorman[1], 4, **ASKING, keep_alive=8.0)
    await crowd.connect(Mode.SEQUENTIAL)
    assert delays == [2.0, 4.0, 6.0, 8.0]
    await crowd.close()


async def test_traffic_is_written_while_somebody_is_connected(doorman: tuple[Doorman, Address]) -> None:
    crowd, recorded = make_crowd(doorman[1])
    crowd.write_traffic()
    assert recorded.traffic == []
    await crowd.connect(Mode.SIMULTANEOUS)
    crowd.write_traffic()
    crowd.write_traffic()
    first, second = recorded.traffic
    assert (first.sent, first.round_trips, first.worst) == (0, {}, 0.0)
    assert second.began == pytest.approx(first.at, abs=0.001)
    await crowd.close()
    crowd.write_traffic()
    assert len(recorded.traffic) == 2


# -- readings -----------------------------------------------------------------------------------------------------


async def test_socket_states_are_the_kernels(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1], 2)
    await crowd.connect(Mode.SIMULTANEOUS, clients=[0])
    assert await crowd.socket_states() == {0: SocketState(state="ESTABLISHED", receive_queue=0, send_queue=0)}
    await crowd.close()
    assert await crowd.socket_states() == {}


async def test_wait_ended_is_bounded(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1], 2)
    await crowd.connect(Mode.SIMULTANEOUS)
    await crowd.reset(clients=[0])
    assert [ended.client for ended in await crowd.wait_ended(timeout=SHORT)] == [0]
    await crowd.close()
    assert [ended.client for ended in await crowd.wait_ended(timeout=SHORT)] == [0, 1]


async def test_a_crowd_without_a_server_is_not_connected() -> None:
    with unused_port() as address:
        crowd, _ = make_crowd(address, 20)
        attempts = await crowd.connect(Mode.SIMULTANEOUS)
    assert {attempt.outcome for attempt in attempts} == {Outcome.REFUSED}
    assert await crowd.wait_ended(timeout=SHORT) == []
    assert await crowd.close() == []
