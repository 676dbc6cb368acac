"""For each defect one small question to the server's parts: is the promise kept that this defect breaks?

Asked of sound parts the answer is True, and of parts with the defect installed False. Nothing here goes over a network;
what takes a running server is in `test_defects.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import ssl
import sys
import time
import tracemalloc
import weakref
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from reference_server import closes
from reference_server.admission import Place
from reference_server.breaker import Breaker, Permit, State
from reference_server.clock import AttentiveClock, AttentiveTimer
from reference_server.connection import Connection
from reference_server.endpoints.echo import Echo
from reference_server.endpoints.session import Session
from reference_server.environment import BadSetting, load_settings
from reference_server.establishment import Establishment
from reference_server.guard import DependencyFailed
from reference_server.http_protocol import HttpProtocol
from reference_server.idle import IdleTimer
from reference_server.liveness import NOTHING_SEEN
from reference_server.parts import Parts, build
from reference_server.phases import EstablishmentFailed
from reference_server.rate import TokenBucket
from reference_server.rejection import Rejected
from reference_server.source import Unavailable
from reference_server.timers import Timers
from reference_server.tls_protocol import TlsProtocol
from reference_server.transport import BoundedTransport
from uvicorn.server import ServerState
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from .fakes import AlwaysAttentive, FakeTime, FakeWire, TimersByHand, make_connection, turns_until
from .wired import RecordingTransport, configured, upgraded

LONG = 60.0
"""Seconds, longer than any interval of the `fast` profile; it passes on clocks that are set by hand."""

OUR_PAGE = "https://app.example.test"

MANY = 1 << 15
"""Messages, twice what is counted before anything shows."""

LITTLE = 100_000
"""Bytes."""

RETRANSMISSION = 0.2
"""Seconds after which a kernel sends a lost packet again (TCP_RTO_MIN on Linux)."""

Check = Callable[["Bench"], Awaitable[bool]]


class FakeWebSocket:
    """Accepts, without a token, and knows no more."""

    headers: dict[str, str] = {}  # noqa: RUF012  # never written to
    query_params: dict[str, str] = {}  # noqa: RUF012  # never written to
    client = None

    async def accept(self, *, headers: object) -> None:
        """Nothing to wait for."""


class LosingTransport(asyncio.Transport):
    """Takes what is written and sees none of it acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.was_cut = False
        self._waiting = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._waiting += len(data)

    def get_write_buffer_size(self) -> int:
        return self._waiting

    def is_closing(self) -> bool:
        return self.was_cut

    def abort(self) -> None:
        self.was_cut = True


class Bench:
    """All parts of a server, on a clock that is set by hand, with an upstream that fails."""

    def __init__(self) -> None:
        self.time = FakeTime()
        self.parts: Parts = build(
            load_settings({"UPSTREAM_URL": "http://127.0.0.1:9", "WEBSOCKET_ALLOWED_ORIGINS": OUR_PAGE}, profile="fast")
        )
        self.parts.clock = self.parts.heartbeat._clock = AlwaysAttentive(self.time)
        self.parts.sessions._now = self.parts.clock.now
        for breaker in (self.parts.upstream_breaker, self.parts.accept_breaker):
            breaker._monotonic = self.time
            breaker._entered_at = self.time()
        self.hits = 0
        self.fails_with: str | None = "error"
        """How the upstream fails; None where it does not."""
        self.parts.upstream.get = self._fail  # type: ignore[method-assign]  # no network here

    async def _fail(self, path: str) -> object:
        self.hits += 1
        if self.fails_with is not None:
            raise DependencyFailed(self.fails_with, "as the test says")
        return "value"

    def client(self, endpoint: str = "live") -> tuple[Connection, FakeWire]:
        """An established client."""
        connection, wire = make_connection(self.parts.clock, endpoint=endpoint, counters=self.parts.counters)
        self.parts.heartbeat.watch(connection)
        self.parts.registry.add(connection)
        return connection, wire

    def newcomer(self) -> Establishment:
        """A client that is being let in."""
        connection, _ = make_connection(self.parts.clock, counters=self.parts.counters)
        return Establishment(FakeWebSocket(), connection, self.parts)  # type: ignore[arg-type]  # a stand-in


async def all_done_at_once(tasks: Sequence[asyncio.Task[Any]]) -> bool:
    """Whether a few turns of the loop are enough for all of them; those that wait are called off."""
    await turns_until(lambda: all(task.done() for task in tasks), fail=False)
    waiting = [task for task in tasks if not task.done()]
    for task in waiting:
        task.cancel()
    return not waiting


async def ten_get_in_at_once(bench: Bench) -> bool:
    return await all_done_at_once([asyncio.create_task(bench.newcomer().accept()) for _ in range(10)])


async def limit_holds_before_anybody_is_established(bench: Bench) -> bool:
    admission = bench.parts.admission
    return sum(admission.try_enter() is None for _ in range(2 * admission.limit)) == admission.limit


async def all_places_come_back(bench: Bench) -> bool:
    admission = bench.parts.admission
    inside = [None for _ in range(2 * admission.limit) if admission.try_enter() is None]
    for _ in inside:
        admission.leave()
    return admission.inside == 0


async def warned_at_the_threshold(bench: Bench) -> bool:
    connection, _ = bench.client()
    for _ in range(bench.parts.backpressure.warn_from):
        bench.parts.gate.enter()
    return len(connection.outbox) == 1


async def not_warned_below_the_threshold(bench: Bench) -> bool:
    connection, _ = bench.client()
    settings = bench.parts.settings
    for _ in range(int(settings.websocket_max_connections * settings.websocket_backpressure_threshold) - 1):
        bench.parts.gate.enter()
    return len(connection.outbox) == 0


async def newcomer_may_be_silent(bench: Bench) -> bool:
    connection, wire = make_connection(bench.parts.clock, endpoint="echo", counters=bench.parts.counters)
    loop = asyncio.get_running_loop()
    # Whatever is due later is due now.
    with mock.patch.object(loop, "call_later", lambda _, callback, *args: loop.call_soon(callback, *args)):
        await Establishment(FakeWebSocket(), connection, bench.parts).register()  # type: ignore[arg-type]  # a stand-in
    await turns_until(lambda: wire.was_cut, fail=False)
    return not wire.was_cut


async def page_of_another_site_is_refused(bench: Bench) -> bool:
    websocket = FakeWebSocket()
    websocket.headers = {"origin": f"{OUR_PAGE}.elsewhere.test"}
    return bench.parts.gate.stranger(websocket) is not None  # type: ignore[arg-type]  # a stand-in


async def silent_peer_is_dead(bench: Bench) -> bool:
    connection, _ = bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(LONG)
    return bench.parts.heartbeat.is_dead(connection)


async def pinged_at_every_beat(bench: Bench) -> bool:
    _, wire = bench.client()
    for beat in range(1, 5):
        bench.parts.heartbeat.beat()
        wire.on_pong(wire.pings[-1])
        wire.seen = replace(NOTHING_SEEN, received=10 * beat)
    return len(wire.pings) == 4


async def slow_pong_is_waited_for(bench: Bench) -> bool:
    _, wire = bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(bench.parts.settings.websocket_heartbeat_interval)
    bench.parts.heartbeat.beat()
    bench.parts.sweep.run()
    return not wire.was_cut


async def lost_packet_is_waited_for(bench: Bench) -> bool:
    wire = LosingTransport()
    BoundedTransport(wire, clock=bench.parts.clock, close_timeout=LONG).write(b"answer")
    await asyncio.sleep(RETRANSMISSION)
    return not wire.was_cut


async def pause_kills_nobody(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.parts.heartbeat.beat()
    wire.on_pong(wire.pings[-1])
    # The machine's clock has gone on, the attentive one has not: nobody could be heard meanwhile.
    with mock.patch.object(time, "monotonic", return_value=time.monotonic() + LONG):
        return not bench.parts.heartbeat.is_dead(connection)


async def pong_is_no_activity(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.time.advance(LONG)
    wire.on_pong(b"")
    return connection.idle_for() == LONG


async def answer_to_the_warning_counts(bench: Bench) -> bool:
    clock = TimersByHand()
    connection, _ = make_connection(clock)
    IdleTimer(connection, clock=clock, timeout=10.0, warning=4.0)
    for _ in range(2):
        clock.advance(7.0)
        if "idle_warning" not in str(await connection.outbox.get()):
            return False
        connection.heard()
    return True


async def ended_connection_is_forgotten(bench: Bench) -> bool:
    connection, wire = bench.client()
    bench.parts.registry.remove(connection)
    remembered = weakref.ref(wire)
    del connection, wire
    gc.collect()
    return remembered() is None


async def message_leaves_nothing_behind(bench: Bench) -> bool:
    connection, _ = bench.client()
    connection.heard()
    before = sys.getallocatedblocks()
    for _ in range(MANY):
        connection.heard()
    return sys.getallocatedblocks() - before < MANY / 2


async def every_message_is_answered(bench: Bench) -> bool:
    connection, _ = bench.client()
    for _ in range(MANY):
        connection.heard()
        await connection.reply({})
        if not len(connection.outbox):
            return False
        await connection.outbox.get()
    return True


async def everyone_is_warned(bench: Bench) -> bool:
    clock = TimersByHand()
    connection, _ = make_connection(clock)
    timer = IdleTimer(connection, clock=clock, timeout=10.0, warning=4.0)
    for _ in range(100):
        try:
            timer.warn()
        except IndexError:
            return False
        await connection.outbox.get()
    return True


async def idle_close_leaves_the_count_alone(bench: Bench) -> bool:
    clock = TimersByHand()
    connection, _ = make_connection(clock)
    before = bench.parts.admission.inside
    IdleTimer(connection, clock=clock, timeout=10.0, warning=4.0)
    clock.advance(11.0)
    return connection.ended and bench.parts.admission.inside == before


async def connection_costs_little(bench: Bench) -> bool:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        bench.client()
        return tracemalloc.get_traced_memory()[0] - before < LITTLE
    finally:
        tracemalloc.stop()


async def reply_waits_for_room(bench: Bench) -> bool:
    connection, _ = bench.client()
    replies = [asyncio.create_task(connection.reply({"number": number})) for number in range(50)]
    return not await all_done_at_once(replies)


async def request_costs_little(bench: Bench) -> bool:
    bench.parts.clock = TimersByHand()
    http = HttpProtocol(configured(bench.parts), ServerState(), {})
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        http._expect_request()
        return tracemalloc.get_traced_memory()[0] - before < LITTLE
    finally:
        tracemalloc.stop()
        http._request_is_complete()


async def lost_connection_lets_go_of_its_compression(bench: Bench) -> bool:
    protocol, _ = await upgraded(configured(bench.parts))
    window = ServerPerMessageDeflateFactory().process_request_params([], [])[1]
    protocol.conn.extensions = [window]
    remembered = weakref.ref(window)
    protocol.connection_lost(None)
    protocol.conn.extensions = []
    del protocol, window
    gc.collect()
    return remembered() is None


class Told(asyncio.Protocol):
    """Remembers that it was told of an end."""

    lost = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


def tls_connection(bench: Bench) -> tuple[TlsProtocol, RecordingTransport]:
    """One on which nothing has been said yet."""
    config = configured(bench.parts)
    config.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    protocol, transport = TlsProtocol(config, ServerState(), {}), RecordingTransport()
    protocol.connection_made(transport)
    return protocol, transport


async def handshake_of_tls_is_bounded(bench: Bench) -> bool:
    bench.parts.clock = clock = TimersByHand()
    _, transport = tls_connection(bench)
    clock.advance(LONG)
    return transport.ended


async def truncated_tls_is_told_as_an_end(bench: Bench) -> bool:
    above = Told()
    protocol, _ = tls_connection(bench)
    protocol._secured = True
    protocol.transport.set_protocol(above)
    protocol.eof_received()
    protocol.connection_lost(None)
    return above.lost


async def ended_connection_leaves_no_session(bench: Bench) -> bool:
    connection, _ = bench.client()
    bench.parts.registry.remove(connection)
    return len(bench.parts.registry) == 0


async def ended_connection_leaves_no_task(bench: Bench) -> bool:
    connection, _ = bench.client()
    before = asyncio.all_tasks()
    bench.parts.registry.remove(connection)
    left = asyncio.all_tasks() - before
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    return not left


async def lost_connection_leaves_no_file(bench: Bench) -> bool:
    before = _open_on_nothing()
    await bench.newcomer().accept()
    left = _open_on_nothing() - before
    for descriptor in left:
        os.close(descriptor)
    return not left


async def opens_at_the_threshold(bench: Bench) -> bool:
    states = []
    for _ in range(bench.parts.settings.breaker_failure_threshold):
        states.append(bench.parts.upstream_breaker.state)
        await _call(bench)
    return set(states) == {State.CLOSED} and bench.parts.upstream_breaker.state is State.OPEN


async def one_failure_opens_nothing(bench: Bench) -> bool:
    await _call(bench)
    return bench.parts.upstream_breaker.state is State.CLOSED


async def open_breaker_spares_the_upstream(bench: Bench) -> bool:
    bench.parts.source._cached = ("value", 0.0)
    for _ in range(bench.parts.settings.breaker_failure_threshold + 5):
        await _call(bench)
        await asyncio.sleep(0)
    return bench.hits == bench.parts.settings.breaker_failure_threshold


async def open_breaker_tries_again(bench: Bench) -> bool:
    for _ in range(bench.parts.settings.breaker_failure_threshold):
        await _call(bench)
    bench.time.advance(LONG)
    return bench.parts.upstream_breaker.acquire() is not None


async def failed_establishments_open_the_breaker(bench: Bench) -> bool:
    parts = bench.parts
    session = Session(parts.settings, upstream=parts.upstream, breaker=parts.accept_breaker, gate=parts.gate)
    ends = []
    for _ in range(parts.settings.breaker_failure_threshold + 1):
        try:
            await session.establish(bench.newcomer())
        except (EstablishmentFailed, Rejected) as end:
            ends.append(type(end))
    return ends[-1] is Rejected


async def newcomer_does_not_block_the_loop(bench: Bench) -> bool:
    with mock.patch.object(time, "sleep") as sleep:
        await bench.newcomer().register()
        await asyncio.sleep(0)
    return not sleep.called


async def broadcast_waits_for_nobody(bench: Bench) -> bool:
    bench.client(endpoint="feed")
    for _ in range(3):
        bench.parts.feed.broadcast()
        await asyncio.sleep(0)
    return bench.parts.feed.sequence == 3


async def age_counts_from_the_start(bench: Bench) -> bool:
    connection, _ = bench.client()
    timers = Timers(connection, bench.parts, idles=False)
    bench.time.advance(bench.parts.settings.websocket_max_age - 1)
    connection.heard()
    bench.time.advance(2)
    (age,) = timers._running
    assert isinstance(age, AttentiveTimer)
    age._check()
    timers.cancel()
    return connection.ended


async def cleaning_up_does_not_block_the_loop(bench: Bench) -> bool:
    _a_dead_peer(bench)
    with mock.patch.object(time, "sleep") as sleep:
        bench.parts.sweep.run()
    return not sleep.called


async def trials_are_counted(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    for _ in range(bench.parts.settings.breaker_failure_threshold):
        await _call(bench)
    bench.time.advance(LONG)
    permits = [breaker.acquire() for _ in range(20)]
    return sum(permit is not None for permit in permits) == breaker.policy.half_open_probes


async def stays_open_for_the_whole_timeout(bench: Bench) -> bool:
    for _ in range(bench.parts.settings.breaker_failure_threshold):
        await _call(bench)
    return bench.parts.upstream_breaker.open_for() >= bench.parts.settings.breaker_recovery_timeout


async def open_breaker_answers_at_once(bench: Bench) -> bool:
    for _ in range(bench.parts.settings.breaker_failure_threshold):
        await _call(bench)
    call = asyncio.create_task(_call(bench))
    for _ in range(5):
        await asyncio.sleep(0)
    return call.done() or not call.cancel()


async def listener_who_is_behind_stays(bench: Bench) -> bool:
    _, wire = bench.client(endpoint="feed")
    wire.seen = replace(NOTHING_SEEN, outstanding=10_000)
    bench.parts.feed.broadcast()
    return not wire.was_cut


async def listener_who_takes_nothing_is_cut(bench: Bench) -> bool:
    connection, wire = bench.client(endpoint="feed")
    for _ in range(connection.outbox.max_messages + 1):
        bench.parts.feed.broadcast()
    return wire.was_cut


async def nobody_waits_for_another_pong(bench: Bench) -> bool:
    bench.client()
    _, second = bench.client()
    bench.parts.heartbeat.beat()
    for _ in range(5):
        await asyncio.sleep(0)
    return len(second.pings) == 1


async def warning_leaves_time(bench: Bench) -> bool:
    clock = TimersByHand()
    connection, _ = make_connection(clock)
    IdleTimer(connection, clock=clock, timeout=10.0, warning=4.0)
    clock.advance(7.0)
    return len(connection.outbox) == 1 and "idle_warning" in str(await connection.outbox.get()) and not connection.ended


async def dead_peer_leaves_no_file(bench: Bench) -> bool:
    _a_dead_peer(bench)
    before = _open_on_nothing()
    bench.parts.sweep.run()
    left = _open_on_nothing() - before
    for descriptor in left:
        os.close(descriptor)
    return not left


async def place_of_the_dead_comes_back(bench: Bench) -> bool:
    bench.parts.admission.try_enter()
    _a_dead_peer(bench)
    bench.parts.sweep.run()
    bench.parts.admission.leave()
    return bench.parts.admission.inside == 0


async def silent_upstream_is_asked_once(bench: Bench) -> bool:
    async def time_out(path: str) -> object:
        bench.hits += 1
        raise DependencyFailed("timeout", "no answer")

    bench.parts.upstream.get = time_out  # type: ignore[method-assign]  # no network here
    await _call(bench)
    return bench.hits == 1


async def time_outs_open_the_breaker(bench: Bench) -> bool:
    return _opens(bench.parts.upstream_breaker, kind="timeout")


async def time_outs_open_the_accept_breaker(bench: Bench) -> bool:
    return _opens(bench.parts.accept_breaker, kind="timeout")


async def accept_breaker_opens_at_the_threshold(bench: Bench) -> bool:
    return _opens(bench.parts.accept_breaker, kind="error")


async def stranger_is_no_failed_establishment(bench: Bench) -> bool:
    websocket = FakeWebSocket()
    websocket.headers = {"origin": "https://elsewhere.test"}
    for _ in range(bench.parts.settings.breaker_failure_threshold + 1):
        bench.parts.gate.stranger(websocket)  # type: ignore[arg-type]  # a stand-in
    return bench.parts.accept_breaker.state is State.CLOSED


async def accept_breaker_is_off_at_999(bench: Bench) -> bool:
    breaker = bench.parts.accept_breaker
    breaker.policy = replace(breaker.policy, failure_threshold=999)
    for _ in range(20):
        permit = breaker.acquire()
        if permit is not None:
            permit.failure("error")
    return breaker.state is State.CLOSED


async def accept_breaker_tries_again(bench: Bench) -> bool:
    breaker = bench.parts.accept_breaker
    _opens(breaker, kind="error")
    bench.time.advance(LONG)
    return breaker.acquire() is not None


async def failed_trial_waits_again(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    _opens(breaker, kind="error")
    bench.time.advance(LONG)
    trial = breaker.acquire()
    assert trial is not None
    trial.failure()
    return breaker.acquire() is None


async def rejection_does_not_prolong_the_wait(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    _opens(breaker, kind="error")
    bench.time.advance(0.9 * breaker.policy.recovery_timeout)
    breaker.acquire()
    bench.time.advance(0.2 * breaker.policy.recovery_timeout)
    return breaker.acquire() is not None


async def success_clears_the_count(bench: Bench) -> bool:
    breaker = bench.parts.upstream_breaker
    for _ in range(breaker.policy.failure_threshold - 1):
        _permit(breaker).failure()
    _permit(breaker).success()
    _permit(breaker).failure()
    return breaker.state is State.CLOSED


async def reply_is_sent_at_once(bench: Bench) -> bool:
    connection, _ = bench.client("echo")
    for _ in range(20):
        reply = asyncio.create_task(Echo().received(connection, "hello"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not reply.done():
            return not reply.cancel()
        await connection.outbox.get()
    return True


async def place_comes_back_once(bench: Bench) -> bool:
    admission = bench.parts.admission
    admission.try_enter()
    place = Place(bench.parts.gate.leave)
    place.give_back()
    place.give_back()
    return admission.inside == 0


async def place_comes_back_at_once(bench: Bench) -> bool:
    admission = bench.parts.admission
    admission.try_enter()
    bench.parts.gate.leave()
    return admission.inside == 0


async def thirty_who_left_are_counted_out(bench: Bench) -> bool:
    inside = [bench.client()[0] for _ in range(30)]
    for connection in inside:
        bench.parts.registry.remove(connection)
    bench.parts.sweep.run()
    return len(bench.parts.registry) == 0


async def nobody_stands_behind_another(bench: Bench) -> bool:
    """With a client that has sent a hundred messages and reads none, the next client's is answered at once."""
    flooding, _ = bench.client("echo")
    polite, _ = bench.client("echo")
    handled = [asyncio.create_task(Echo().received(flooding, "again")) for _ in range(100)]
    await asyncio.sleep(0)
    handled.append(asyncio.create_task(Echo().received(polite, "hello")))
    answered = asyncio.create_task(polite.outbox.get())
    await turns_until(answered.done, fail=False)
    flooding.wire.lost.set_result(None)
    told = answered.done() and answered.result() == "hello"
    for task in (*handled, answered):
        task.cancel()
    return told


async def hundred_messages_at_once_are_no_flood(bench: Bench) -> bool:
    settings = bench.parts.settings
    budget = TokenBucket(
        rate=settings.websocket_message_rate,
        burst=settings.websocket_message_burst,
        monotonic=bench.parts.clock.now,
    )
    return budget.take(100)


async def every_number_is_sent(bench: Bench) -> bool:
    connection, _ = bench.client(endpoint="feed")
    for number in range(1, 9):
        bench.parts.feed.broadcast()
        if not len(connection.outbox):
            return False
        assert f'"sequence": {number}' in str(await connection.outbox.get())
    return True


async def poll_tells_the_last_broadcast(bench: Bench) -> bool:
    feed = bench.parts.feed
    for _ in range(3):
        feed.broadcast()
        if f'"sequence": {feed.sequence},' not in feed.present():
            return False
    return True


async def shutdown_says_that_it_goes_away(bench: Bench) -> bool:
    connection, _ = bench.client()
    connection.close(closes.SHUTDOWN)
    return await connection.outbox.get() == closes.SHUTDOWN


def _opens(breaker: Breaker, *, kind: str) -> bool:
    """Whether as many failures as the threshold says open it."""
    for _ in range(breaker.policy.failure_threshold):
        _permit(breaker).failure(kind)
    return breaker.state is State.OPEN


def _permit(breaker: Breaker) -> Permit:
    permit = breaker.acquire()
    assert permit is not None
    return permit


def _a_dead_peer(bench: Bench) -> None:
    """A client that has owed its pong for long."""
    bench.client()
    bench.parts.heartbeat.beat()
    bench.time.advance(LONG)


async def _call(bench: Bench) -> None:
    """One call of the data endpoint; the upstream fails, so there is nothing to answer with or a cached value."""
    with contextlib.suppress(Unavailable):
        await bench.parts.source.get()


def _open_on_nothing() -> set[int]:
    """Descriptors of /dev/null: other files may be opened meanwhile, by the look itself for one."""
    return {int(file.name) for file in Path("/proc/self/fd").iterdir() if os.path.realpath(file) == os.devnull}


async def those_who_come_back_get_in(bench: Bench) -> bool:
    for _ in range(60):
        connection, _ = bench.client()
        bench.parts.registry.remove(connection)
    return bench.parts.admission.try_enter() is None


def _raised(bench: Bench, alert: str) -> bool:
    return alert in bench.parts.alerts.update()


async def crowd_raises_its_alert(bench: Bench) -> bool:
    quiet = not _raised(bench, "websocket_connections_high")
    bench.parts.admission.inside = 81
    return quiet and _raised(bench, "websocket_connections_high")


async def alert_goes_with_its_reason(bench: Bench) -> bool:
    bench.parts.admission.inside = 81
    raised = _raised(bench, "websocket_connections_high")
    bench.parts.admission.inside = 80
    return raised and not _raised(bench, "websocket_connections_high")


async def one_failure_raises_no_alert(bench: Bench) -> bool:
    await _call(bench)
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


async def limit_is_the_one_that_is_set(bench: Bench) -> bool:
    bench.parts.admission.limit = 10
    return await limit_holds_before_anybody_is_established(bench)


async def idle_timeout_is_the_one_that_is_set(bench: Bench) -> bool:
    clock = AttentiveClock(tick_interval=LONG)
    connection, _ = make_connection(clock)
    timer = IdleTimer(connection, clock=clock, timeout=LONG, warning=1.0)
    timer.cancel()
    return timer._quiet == LONG - 1.0


async def unreadable_setting_is_refused(_bench: Bench) -> bool:
    try:
        load_settings({"WEBSOCKET_MAX_CONNECTIONS": "many"}, profile="fast")
    except BadSetting:
        return True
    return False


CHECKS: dict[str, Check] = {
    "accepted_counted_twice": newcomer_is_counted_once,
    "alert_at_the_first_failure": one_failure_raises_no_alert,
    "alert_compares_with_a_percentage": crowd_raises_its_alert,
    "alert_watches_the_other_breaker": each_breaker_has_its_alert,
    "alerts_are_never_taken_back": alert_goes_with_its_reason,
    "count_is_two_seconds_old": count_follows_at_once,
    "idle_timeout_is_a_constant": idle_timeout_is_the_one_that_is_set,
    "limit_is_a_constant": limit_is_the_one_that_is_set,
    "unreadable_setting_becomes_the_default": unreadable_setting_is_refused,
    "accept_breaker_counts_no_timeouts": time_outs_open_the_accept_breaker,
    "accept_breaker_opens_late": accept_breaker_opens_at_the_threshold,
    "accept_breaker_stays_open": accept_breaker_tries_again,
    "breaker_counts_no_timeouts": time_outs_open_the_breaker,
    "breaker_rejections_count_as_failures": rejection_does_not_prolong_the_wait,
    "breaker_retries_at_once_after_a_trial": failed_trial_waits_again,
    "breaker_success_keeps_the_count": success_clears_the_count,
    "broadcast_loses_every_fourth": every_number_is_sent,
    "polls_answer_from_a_cache": poll_tells_the_last_broadcast,
    "establish_under_a_lock": ten_get_in_at_once,
    "leavers_counted_in_batches": thirty_who_left_are_counted_out,
    "place_given_back_twice": place_comes_back_once,
    "places_given_back_by_a_timer": place_comes_back_at_once,
    "one_queue_for_all": nobody_stands_behind_another,
    "rate_without_a_burst": hundred_messages_at_once_are_no_flood,
    "replies_wait_for_the_log": reply_is_sent_at_once,
    "shutdown_says_goodbye_for_good": shutdown_says_that_it_goes_away,
    "accept_beyond_limit": limit_holds_before_anybody_is_established,
    "accept_breaker_counts_the_turned_away": stranger_is_no_failed_establishment,
    "accept_breaker_keeps_its_threshold": accept_breaker_is_off_at_999,
    "accept_breaker_never_opens": failed_establishments_open_the_breaker,
    "age_starts_anew": age_counts_from_the_start,
    "ban_after_a_storm": those_who_come_back_get_in,
    "block_loop_on_cleanup": cleaning_up_does_not_block_the_loop,
    "block_loop_on_connect": newcomer_does_not_block_the_loop,
    "breaker_calls_while_open": open_breaker_spares_the_upstream,
    "breaker_never_half_opens": open_breaker_tries_again,
    "breaker_opens_late": opens_at_the_threshold,
    "breaker_opens_on_first_failure": one_failure_opens_nothing,
    "breaker_stampede_of_trials": trials_are_counted,
    "breaker_tries_too_early": stays_open_for_the_whole_timeout,
    "breaker_waits_while_open": open_breaker_answers_at_once,
    "broadcast_waits_for_slowest": broadcast_waits_for_nobody,
    "cut_everyone_after_pause": pause_kills_nobody,
    "cut_listeners_who_are_behind": listener_who_is_behind_stays,
    "cut_slow_peers": slow_pong_is_waited_for,
    "cut_unacknowledged": lost_packet_is_waited_for,
    "heartbeat_waits_for_each": nobody_waits_for_another_pong,
    "idle_never_closed": pong_is_no_activity,
    "idle_timer_not_reset": answer_to_the_warning_counts,
    "idle_warning_too_late": warning_leaves_time,
    "keep_dead_connections": silent_peer_is_dead,
    "keep_slow_consumers": listener_who_takes_nothing_is_cut,
    "keep_session_per_connection": ended_connection_leaves_no_session,
    "keep_task_per_connection": ended_connection_leaves_no_task,
    "leak_fd_per_connection": lost_connection_leaves_no_file,
    "leak_fd_per_dead_peer": dead_peer_leaves_no_file,
    "buffer_of_a_megabyte_each": connection_costs_little,
    "history_for_each_client": connection_costs_little,
    "compression_kept_after_the_end": lost_connection_lets_go_of_its_compression,
    "a_page_for_each_request": request_costs_little,
    "replies_pile_up": reply_waits_for_room,
    "no_deadline_before_tls": handshake_of_tls_is_bounded,
    "truncated_tls_is_no_end": truncated_tls_is_told_as_an_end,
    "idle_close_keeps_its_place": idle_close_leaves_the_count_alone,
    "remembers_each_message": message_leaves_nothing_behind,
    "reply_lost_at_the_wrap": every_message_is_answered,
    "warnings_end_with_their_numbers": everyone_is_warned,
    "leak_memory_per_connection": ended_connection_is_forgotten,
    "no_backpressure_warning": warned_at_the_threshold,
    "origins_compared_by_their_beginning": page_of_another_site_is_refused,
    "ping_every_other_time": pinged_at_every_beat,
    "places_not_given_back": all_places_come_back,
    "places_reserved_for_the_dead": place_of_the_dead_comes_back,
    "quiet_newcomers_are_cut_off": newcomer_may_be_silent,
    "serve_one_at_a_time": ten_get_in_at_once,
    "slow_to_start_serving": ten_get_in_at_once,
    "upstream_asked_three_times": silent_upstream_is_asked_once,
    "warned_at_half_of_it": not_warned_below_the_threshold,
}
