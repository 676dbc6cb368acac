"""How a crowd connects: modes, again after an end, names and sources, and what is no fault of the server."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import itertools
import socket
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from chaos.address import Address
from chaos.crowd.dial import Dial, resolve
from chaos.crowd.plan import ClientState, Mode
from chaos.errors import CrowdError
from chaos.journal import Outcome

from .doorman import Doorman
from .making import SHORT, make_crowd
from .servers import TEXT, Peer, close_frame, echo, frame, raw_server, websocket_server

ASKING: dict[str, Any] = {"send": "hello {n}", "expect": "^hello {n}$"}


async def test_simultaneous_attempts_all_begin_before_any_goes_on(doorman: tuple[Doorman, Address]) -> None:
    handler, address = doorman
    crowd, recorded = make_crowd(address, 150, **ASKING, first_message=True)
    attempts = await crowd.connect(Mode.SIMULTANEOUS)
    assert [attempt.client for attempt in attempts] == list(range(150))
    assert {attempt.outcome for attempt in attempts} == {Outcome.OPEN}
    last_beginning = max(attempt.began for attempt in attempts)
    assert all(attempt.tcp is not None and attempt.began + attempt.tcp >= last_beginning for attempt in attempts)
    # The barrier: everyone is inside at once, and stays.
    assert handler.most == handler.inside == 150
    assert set((await crowd.states()).values()) == {ClientState.OPEN}
    assert sorted(recorded.attempts, key=lambda attempt: attempt.client) == attempts
    await crowd.close()


async def test_simultaneous_attempts_begin_within_one_turn_of_the_loop(
    doorman: tuple[Doorman, Address], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    turn = 0
    turns = []

    def tick() -> None:
        nonlocal turn
        turn += 1
        ticking[0] = loop.call_soon(tick)

    def begin(dial: Dial) -> None:
        turns.append(turn)
        begin_as_ever(dial)

    begin_as_ever = Dial.begin
    monkeypatch.setattr(Dial, "begin", begin)
    ticking = [loop.call_soon(tick)]
    crowd, _ = make_crowd(doorman[1], 20)
    await crowd.connect(Mode.SIMULTANEOUS)
    ticking[0].cancel()
    assert turn > 0
    assert len(turns) == 20
    assert len(set(turns)) == 1
    await crowd.close()


@pytest.mark.parametrize(("hold", "most"), [(True, 5), (False, 1)])
async def test_sequential_attempts_begin_when_the_one_before_has_ended(
    doorman: tuple[Doorman, Address], hold: bool, most: int
) -> None:
    handler, address = doorman
    crowd, recorded = make_crowd(address, 5, **ASKING, first_message=True)
    attempts = await crowd.connect(Mode.SEQUENTIAL, hold=hold)
    assert all(later.began >= earlier.at for earlier, later in itertools.pairwise(attempts))
    assert (handler.visits, handler.most) == (5, most)
    assert len(recorded.ends) == (0 if hold else 5)
    if not hold:
        assert {(ended.by, ended.how, ended.code) for ended in recorded.ends} == {("client", "close", 1000)}
        assert all(later.began >= gone.at for gone, later in zip(recorded.ends, attempts[1:], strict=False))
    await crowd.close()


async def test_sequential_attempts_keep_their_gap(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1], 3)
    attempts = await crowd.connect(Mode.SEQUENTIAL, gap=SHORT / 3)
    assert all(later.began - earlier.at >= SHORT / 3 for earlier, later in itertools.pairwise(attempts))
    await crowd.close()


async def test_paced_attempts_do_not_wait_for_a_slow_server() -> None:
    gap = SHORT / 10
    inside = asyncio.Event()
    arrived = itertools.count(1)

    async def serves_nobody_before_all_are_there(connection: ServerConnection) -> None:
        if next(arrived) == 4:
            inside.set()
        await inside.wait()
        await echo(connection)

    async with websocket_server(serves_nobody_before_all_are_there) as address:
        crowd, _ = make_crowd(address, 4, **ASKING, first_message=True)
        before = asyncio.get_running_loop().time()
        attempts = await crowd.connect(Mode.PACED, gap=gap)
        assert {attempt.outcome for attempt in attempts} == {Outcome.OPEN}
        # Paced by the clock: each may be late, none is early (but for the microsecond that floats leave).
        assert all(attempt.began >= before + attempt.client * gap - 1e-6 for attempt in attempts)
        await crowd.close()


@pytest.mark.parametrize("mode", [Mode.SIMULTANEOUS, Mode.PACED])
async def test_without_hold_everyone_leaves_at_the_end(doorman: tuple[Doorman, Address], mode: Mode) -> None:
    handler, address = doorman
    crowd, recorded = make_crowd(address, 4)
    await crowd.connect(mode, hold=False)
    assert handler.visits == 4
    assert set((await crowd.states()).values()) == {ClientState.CLOSED}
    assert len(recorded.ends) == 4


async def test_some_clients_and_again_after_their_end(doorman: tuple[Doorman, Address]) -> None:
    crowd, recorded = make_crowd(doorman[1], 4)
    assert [attempt.client for attempt in await crowd.connect(Mode.SIMULTANEOUS, clients=[1, 3])] == [1, 3]
    assert await crowd.states() == {
        0: ClientState.NEW,
        1: ClientState.OPEN,
        2: ClientState.NEW,
        3: ClientState.OPEN,
    }
    assert [ended.client for ended in await crowd.reset(clients=[0, 1])] == [1]
    (again,) = await crowd.connect(Mode.SIMULTANEOUS, clients=[1])
    assert again.outcome is Outcome.OPEN
    assert len(recorded.attempts) == 3
    await crowd.close()


async def test_the_end_of_an_earlier_connection_is_not_that_of_the_next() -> None:
    """Turned away with a close frame, and in at the second try, while TCP of the first is still there."""
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        await peer.upgrade()
        _, question = await peer.frame()
        if len(peers) == 1:
            await peer.send(close_frame(1013, "try again later"))
        else:
            await peer.send(frame(TEXT, question))

    async with raw_server(script) as address:
        crowd, recorded = make_crowd(address, **ASKING, first_message=True)
        (refused,) = await crowd.connect(Mode.SIMULTANEOUS)
        (accepted,) = await crowd.connect(Mode.SIMULTANEOUS)
        assert (refused.outcome, accepted.outcome) == (Outcome.CLOSED, Outcome.OPEN)
        asking = asyncio.create_task(crowd.exchange(1))
        assert (await peers[1].frame())[0] == TEXT
        # The first one ends while the second awaits an answer.
        peers[0].writer.close()
        await peers[0].writer.wait_closed()
        assert await crowd.wait_ended(timeout=SHORT) == []
        await peers[1].send(frame(TEXT, b"hello 3"))
        assert (await asking).complete
        assert recorded.ends == []
        await crowd.reset()


async def test_who_is_connected_cannot_connect(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1], 2)
    await crowd.connect(Mode.SIMULTANEOUS, clients=[1])
    with pytest.raises(CrowdError) as caught:
        await crowd.connect(Mode.SIMULTANEOUS)
    assert str(caught.value) == (
        "client 1 of crowd 'testers' is open; close it first, or name the clients that should connect"
    )
    await crowd.close()


async def test_a_client_that_there_is_not(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1], 2)
    with pytest.raises(CrowdError, match=r"^crowd 'testers' has the clients 0 to 1; found 2$"):
        await crowd.reset(clients=[1, 2, 5])


async def test_a_host_that_there_is_not() -> None:
    crowd, _ = make_crowd(Address("no-such-host.invalid", 80))
    with pytest.raises(CrowdError, match=r"^there is no host 'no-such-host.invalid': .+; use a name that resolves$"):
        await crowd.connect(Mode.SIMULTANEOUS)


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_source_host_that_is_not_ours(mode: Mode, doorman: tuple[Doorman, Address]) -> None:
    crowd, recorded = make_crowd(doorman[1], 2, source_host="192.0.2.1")
    with pytest.raises(CrowdError, match=r"^cannot connect from source_host 192\.0\.2\.1: no local port is left "):
        await crowd.connect(mode)
    assert recorded.events == []


@pytest.mark.parametrize("mode", list(Mode))
async def test_no_port_left_is_no_fault_of_the_server(
    mode: Mode, doorman: tuple[Doorman, Address], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_port(self: socket.socket, address: object) -> int:
        return errno.EADDRNOTAVAIL

    crowd, recorded = make_crowd(doorman[1], 2)
    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "connect_ex", no_port)
        with pytest.raises(CrowdError, match=r"^cannot connect: no local port is left for this destination, "):
            await crowd.connect(mode)
    assert recorded.events == []
    assert {attempt.outcome for attempt in await crowd.connect(Mode.SIMULTANEOUS)} == {Outcome.OPEN}
    await crowd.close()


async def test_small_messages_are_sent_at_once(
    doorman: tuple[Doorman, Address], monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio switches Nagle's algorithm off only for a socket that names its protocol."""
    dialled: list[socket.socket] = []
    begin = Dial.begin

    def remembering(dial: Dial) -> None:
        dialled.append(dial.socket)
        begin(dial)

    monkeypatch.setattr(Dial, "begin", remembering)
    crowd, _ = make_crowd(doorman[1], 2, **ASKING)
    await crowd.connect(Mode.SIMULTANEOUS)
    assert [connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for connection in dialled] == [1, 1]
    await crowd.close()


async def test_ipv6() -> None:
    async with websocket_server(host="::1") as address:
        crowd, _ = make_crowd(address, **ASKING, first_message=True)
        (attempt,) = await crowd.connect(Mode.SIMULTANEOUS)
        assert attempt.outcome is Outcome.OPEN
        assert await crowd.locals() == [(0, "::1", attempt.local_port)]
        await crowd.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_names_and_literals_are_looked_up(host: str) -> None:
    family, destination = await resolve(Address(host, 80), within=SHORT * 10)
    assert ipaddress.ip_address(destination[0]).is_loopback
    assert destination[1] == 80
    assert family is (socket.AF_INET6 if ":" in destination[0] else socket.AF_INET)


@pytest.mark.parametrize("code", [999, 1005, 1006, 1015, 5000])
async def test_a_close_code_that_no_client_may_send(doorman: tuple[Doorman, Address], code: int) -> None:
    crowd, _ = make_crowd(doorman[1])
    await crowd.connect(Mode.SIMULTANEOUS)
    with pytest.raises(CrowdError) as caught:
        await crowd.close(code=code)
    assert str(caught.value) == (
        f"{code} is no close code that a client may send; allowed are 1000 to 1014 but for 1004 to 1006, "
        "and 3000 to 4999"
    )
    assert (await crowd.states())[0] is ClientState.OPEN
    await crowd.close()


async def test_a_source_host_is_where_clients_come_from(doorman: tuple[Doorman, Address]) -> None:
    crowd, recorded = make_crowd(doorman[1], 2, source_host="127.0.0.77")
    await crowd.connect(Mode.SIMULTANEOUS)
    found = await crowd.locals()
    assert [(client, host) for client, host, _ in found] == [(0, "127.0.0.77"), (1, "127.0.0.77")]
    by_client = {attempt.client: attempt.local_port for attempt in recorded.attempts}
    assert {client: port for client, _, port in found} == by_client
    await crowd.reset(clients=[0])
    assert [client for client, _, _ in await crowd.locals()] == [1]
    await crowd.close()
