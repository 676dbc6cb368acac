"""Clients that speak TLS: how they get in or do not, and that each act is still an act on TCP."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from chaos.address import Address
from chaos.crowd.crowd import Crowd
from chaos.crowd.plan import ClientState, Mode, PhaseTimeouts
from chaos.crowd.process import WorkerProcess
from chaos.errors import ConfigurationError, CrowdError
from chaos.journal import Attempt, Ended, Outcome
from chaos.target import Tls
from tests.certificates import Certificates, certificates

from .making import PATIENT, SHORT, WITHIN, Recorded, make_crowd, make_plan, until
from .servers import CLOSE, TEXT, Peer, close_frame, frame, raw_server, reset, websocket_server
from .tls_servers import CutShort, SecurePeer, secure_echo, secure_server

NAME = "server.test"
ASKING: dict[str, Any] = {"send": "hello {n}", "expect": "hello {n}"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("certificates"), NAME)


@pytest.fixture
def context(files: Certificates) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(files.certificate, files.key)
    return made


@pytest.fixture
def tls(files: Certificates) -> Tls:
    return Tls(server_name=NAME, ca=str(files.ca))


def speaking(tls: Tls, **plan: Any) -> dict[str, Any]:
    """Fields of a plan; `secure` is the timeout of the TLS handshake."""
    return {"tls": tls, "secure": PATIENT, **plan}


async def attempt(address: Address, tls: Tls, **plan: Any) -> Attempt:
    """One client's attempt; what it leaves open is closed."""
    crowd, recorded = make_crowd(address, **speaking(tls, **plan))
    (found,) = await crowd.connect(Mode.SIMULTANEOUS)
    await crowd.abandon()
    assert recorded.attempts == [found]
    return found


# -- getting in ------------------------------------------------------------------------------------------------


async def test_open_by_way_of_a_phase_of_its_own(context: ssl.SSLContext, tls: Tls) -> None:
    async with secure_echo(context) as address:
        found = await attempt(address, tls, **ASKING, first_message=True)
    assert (found.outcome, found.phase) == (Outcome.OPEN, "first_message")
    assert found.tcp is not None
    assert found.tls is not None
    assert found.handshake is not None
    assert found.first_message is not None
    assert 0 < found.tcp < found.tls < found.handshake < found.first_message


async def test_the_targets_name_is_asked_for_whatever_the_address(context: ssl.SSLContext, tls: Tls) -> None:
    asked: list[str] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)  # type: ignore[assignment]
    async with secure_echo(context) as address:
        assert address.host == "127.0.0.1"
        assert (await attempt(address, tls)).outcome is Outcome.OPEN
    assert asked == [NAME]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_messages_longer_than_a_record_go_through_both_ways(
    context: ssl.SSLContext, tls: Tls, version: ssl.TLSVersion
) -> None:
    context.maximum_version = version
    long = "x" * 100_000
    async with secure_echo(context) as address:
        crowd, _ = make_crowd(address, 3, **speaking(tls, send=long + "{n}", expect="^x{100000}{n}$"))
        assert {each.outcome for each in await crowd.connect(Mode.SIMULTANEOUS)} == {Outcome.OPEN}
        assert (await crowd.exchange(5, at_once=5)).answered == 15
        assert [(ended.how, ended.code) for ended in await crowd.close()] == [("close", 1000)] * 3


async def test_a_flood_goes_through(context: ssl.SSLContext, tls: Tls) -> None:
    async with secure_echo(context) as address:
        crowd, _ = make_crowd(address, **speaking(tls, **ASKING))
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.flood(messages=2500, seconds=WITHIN)
        flood = crowd._floods[0]
        await until(lambda: flood.reading().acknowledged == 2500)
        assert (await crowd.exchange(1)).complete
        await crowd.reset()


# -- not getting in --------------------------------------------------------------------------------------------


async def test_a_certificate_that_nobody_vouches_for(context: ssl.SSLContext, tmp_path: Path) -> None:
    stranger = Tls(server_name=NAME, ca=str(certificates(tmp_path, NAME).ca))
    async with secure_echo(context) as address:
        found = await attempt(address, stranger)
        unverified = await attempt(address, Tls(server_name=NAME, verify=False))
    assert (found.outcome, found.phase, found.tls) == (Outcome.INVALID, "tls", None)
    assert found.detail.startswith("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: ")
    assert "_ssl.c" not in found.detail
    assert unverified.outcome is Outcome.OPEN


async def test_a_certificate_for_another_name(context: ssl.SSLContext, files: Certificates) -> None:
    async with secure_echo(context) as address:
        found = await attempt(address, Tls(server_name="another.test", ca=str(files.ca)))
    assert (found.outcome, found.phase) == (Outcome.INVALID, "tls")
    assert "Hostname mismatch" in found.detail


async def test_a_handshake_that_the_server_never_answers(tls: Tls) -> None:
    over = asyncio.Event()

    async def mute(peer: Peer) -> None:
        assert (await peer.reader.read(1)) == b"\x16"  # a handshake record
        with contextlib.suppress(ConnectionError):
            while await peer.reader.read(65536):
                pass
        over.set()

    async with raw_server(mute) as address:
        found = await attempt(address, tls, secure=SHORT)
        async with asyncio.timeout(WITHIN):
            await over.wait()
    assert (found.outcome, found.phase, found.tls) == (Outcome.TIMEOUT, "tls", None)
    assert found.tcp is not None
    assert found.at - found.began >= SHORT


@pytest.mark.parametrize(
    ("how", "outcome"), [("reset", Outcome.RESET), ("fin", Outcome.EOF), ("http", Outcome.INVALID)]
)
async def test_a_handshake_that_the_server_ends(tls: Tls, how: str, outcome: Outcome) -> None:
    async def ends(peer: Peer) -> None:
        await peer.reader.read(65536)
        if how == "reset":
            reset(peer)
        elif how == "fin":
            peer.writer.close()
        else:
            await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with raw_server(ends) as address:
        found = await attempt(address, tls)
    assert (found.outcome, found.phase) == (outcome, "tls")
    assert found.detail == {"reset": "Connection reset by peer", "fin": "", "http": found.detail}[how]


async def test_after_tls_the_phases_are_as_ever(context: ssl.SSLContext, tls: Tls) -> None:
    async def refuses(peer: SecurePeer) -> None:
        await peer.read()
        await peer.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n")

    async def says_nothing(peer: SecurePeer) -> None:
        await peer.read()

    async with secure_server(context, refuses) as address:
        found = await attempt(address, tls)
    assert (found.outcome, found.phase, found.status, found.retry_after) == (Outcome.HTTP, "handshake", 503, "7")
    async with secure_server(context, says_nothing) as address:
        found = await attempt(address, tls, handshake=SHORT)
    assert (found.outcome, found.phase) == (Outcome.TIMEOUT, "handshake")
    assert found.tls is not None


def test_a_plan_says_how_long_the_handshake_may_take(tls: Tls) -> None:
    timeouts = PhaseTimeouts(tcp=1, tls=2, handshake=3, first_message=4)
    assert timeouts.total == pytest.approx(10)
    with pytest.raises(ConfigurationError, match=r"^tls and timeouts.tls go together; give both or neither$"):
        make_plan(Address("127.0.0.1", 1), tls=tls)
    with pytest.raises(ConfigurationError, match=r"^tls and timeouts.tls go together; give both or neither$"):
        make_plan(Address("127.0.0.1", 1), secure=1)


def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(
        CrowdError, match=r"^the certificates that vouch for the server cannot be read from .*nowhere: "
    ):
        make_crowd(Address("127.0.0.1", 1), **speaking(Tls(server_name=NAME, ca=str(tmp_path / "nowhere"))))


# -- acts, as the server's side of TCP sees them ---------------------------------------------------------------


@dataclasses.dataclass(slots=True)
class Stage:
    """One open client, and the server's end of its TLS in the test's hands."""

    crowd: Crowd
    recorded: Recorded
    peer: SecurePeer

    async def end(self) -> Ended:
        (ended,) = await self.crowd.wait_ended(timeout=WITHIN)
        assert self.recorded.ends == [ended]
        return ended


@pytest.fixture
async def on(context: ssl.SSLContext, tls: Tls) -> AsyncIterator[Stage]:
    peers: asyncio.Queue[SecurePeer] = asyncio.Queue()

    async def script(peer: SecurePeer) -> None:
        await peer.upgrade()
        peers.put_nowait(peer)

    async with secure_server(context, script) as address:
        crowd, recorded = make_crowd(address, **speaking(tls, trace=True, **ASKING))
        await crowd.connect(Mode.SIMULTANEOUS)
        async with asyncio.timeout(WITHIN):
            peer = await peers.get()
        yield Stage(crowd, recorded, peer)
        await crowd.abandon()


async def test_reset_is_a_reset_of_tcp(on: Stage) -> None:
    (ended,) = await on.crowd.reset()
    with pytest.raises(ConnectionResetError):
        await on.peer.read()
    assert (ended.by, ended.how) == ("client", "reset")


async def test_fin_comes_without_close_notify(on: Stage) -> None:
    (ended,) = await on.crowd.fin()
    with pytest.raises(CutShort):
        await on.peer.read()
    assert (ended.by, ended.how) == ("client", "eof")


async def test_half_close_is_a_fin_alone_and_reads_on(on: Stage) -> None:
    await on.crowd.half_close()
    with pytest.raises(CutShort):
        await on.peer.read()
    assert (await on.crowd.states())[0] is ClientState.HALF_CLOSED
    await on.peer.send(frame(TEXT, b"still there?"))
    await until(lambda: [seen.text for seen in on.recorded.frames] == ["still there?"])
    on.peer.tcp.writer.close()
    ended = await on.end()
    assert (ended.by, ended.how) == ("client", "eof")


async def test_after_a_half_close_the_servers_goodbye_is_a_good_end(on: Stage) -> None:
    await on.crowd.half_close()
    await on.peer.notify()
    ended = await on.end()
    assert (ended.by, ended.how) == ("client", "eof")


async def test_a_close_ends_with_close_notify(on: Stage) -> None:
    closing = asyncio.create_task(on.crowd.close())
    assert (await on.peer.read())[0] == 0x80 | CLOSE
    await on.peer.send(close_frame(1000))
    await on.peer.notify()
    assert await on.peer.read() == b""
    assert await on.peer.tcp.reader.read() == b""
    (ended,) = await closing
    assert (ended.how, ended.code) == ("close", 1000)


async def test_a_stalled_client_lets_tcp_fill_up_and_misses_nothing(on: Stage) -> None:
    await on.crowd.stall()
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 200:
            async with asyncio.timeout(SHORT):
                sent += 1
                await on.peer.send(frame(TEXT, b"%06d" % sent + b"x" * 60_000))
    assert sent < 200
    assert on.recorded.frames == []
    assert (await on.crowd.socket_states())[0].receive_queue > 60_000
    assert (await on.crowd.states())[0] is ClientState.STALLED
    await on.crowd.resume()
    await until(lambda: len(on.recorded.frames) == sent)
    assert [int(seen.text[:6]) for seen in on.recorded.frames] == list(range(1, sent + 1))


async def test_a_client_that_stalls_itself_between_two_messages_of_one_record(on: Stage) -> None:
    """What was decrypted with the first message stays with the client as long as it reads nothing."""
    (client,) = on.crowd._clients
    assert client.connection is not None
    heard = client.connection._listener.received

    def stall_after_the_first(message: Any) -> None:
        heard(message)
        if len(on.recorded.frames) == 1:
            assert client.connection is not None
            assert client.connection.transport is not None
            client.connection.transport.pause_reading()
            client.connection.stalled = True

    client.connection._listener.received = stall_after_the_first  # type: ignore[method-assign]
    await on.peer.send(frame(TEXT, b"first"))
    await on.peer.send(frame(TEXT, b"second"))
    await until(lambda: len(on.recorded.frames) == 1)
    await asyncio.sleep(0)
    assert len(on.recorded.frames) == 1
    await on.crowd.resume()
    await until(lambda: len(on.recorded.frames) == 2)


async def test_half_a_record_and_nothing_after_it(on: Stage) -> None:
    assert await on.crowd.begin_record() == [0]
    async with asyncio.timeout(WITHIN):
        half = await on.peer.tcp.reader.read(65536)
    assert half[:3] == b"\x17\x03\x03"  # application data
    assert (int.from_bytes(half[3:5], "big") + 5) // 2 == len(half)
    assert (await on.crowd.states())[0] is ClientState.SILENT
    (ended,) = await on.crowd.fin()
    assert await on.peer.tcp.reader.read() == b""
    assert (ended.by, ended.how) == ("client", "eof")


async def test_who_speaks_no_tls_has_no_record_to_begin() -> None:
    async with websocket_server() as address:
        crowd, _ = make_crowd(address)
        await crowd.connect(Mode.SIMULTANEOUS)
        with pytest.raises(CrowdError, match=r"^client 0 speaks no TLS, so it has no record to begin$"):
            await crowd.begin_record()
        await crowd.reset()


async def test_a_silent_client_writes_nothing(on: Stage) -> None:
    await on.crowd.silence()
    await on.peer.send(frame(9, b"ping"))
    await until(lambda: [seen.opcode for seen in on.recorded.frames] == ["ping"])
    reading = asyncio.create_task(on.peer.read())
    await on.crowd.reset()
    with pytest.raises(ConnectionResetError):
        await reading


async def test_close_notify_alone_is_the_end(on: Stage) -> None:
    await on.peer.notify()
    assert await on.peer.read() == b""
    ended = await on.end()
    assert (ended.by, ended.how) == ("server", "eof")


async def test_a_fin_alone_is_the_end_as_well(on: Stage) -> None:
    on.peer.tcp.writer.close()
    ended = await on.end()
    assert (ended.by, ended.how) == ("server", "eof")


async def test_a_servers_reset(on: Stage) -> None:
    reset(on.peer.tcp)
    ended = await on.end()
    assert (ended.by, ended.how) == ("server", "reset")


async def test_what_is_no_record_ends_it_as_invalid(on: Stage) -> None:
    await on.peer.tcp.send(b"this is no record, whatever else it may be")
    ended = await on.end()
    assert (ended.by, ended.how) == ("server", "invalid")
    assert ended.reason.startswith("[SSL: ")


async def test_a_crowd_that_is_removed_leaves_no_handshake_behind(tls: Tls) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def mute(peer: Peer) -> None:
        await peer.reader.read(1)
        begun.set()
        with contextlib.suppress(ConnectionError):
            while await peer.reader.read(65536):
                pass
        ended.set()

    async with raw_server(mute) as address:
        crowd, _ = make_crowd(address, **speaking(tls))
        connecting = asyncio.create_task(crowd.connect(Mode.SIMULTANEOUS))
        async with asyncio.timeout(WITHIN):
            await begun.wait()
            await crowd.abandon()
            with pytest.raises(CrowdError):
                await connecting
            await ended.wait()


async def test_a_process_that_is_killed_says_no_goodbye(context: ssl.SSLContext, tls: Tls, tmp_path: Path) -> None:
    peers: asyncio.Queue[SecurePeer] = asyncio.Queue()

    async def script(peer: SecurePeer) -> None:
        await peer.upgrade()
        peers.put_nowait(peer)

    async with (
        secure_server(context, script) as address,
        await WorkerProcess.start(tmp_path, name="crowd") as worker,
    ):
        await worker.open_cell(tmp_path / "cell", run="run", cell="cell")
        crowd = await worker.create("guests", make_plan(address, **speaking(tls)), 1)
        assert [each.outcome for each in await crowd.connect(Mode.SIMULTANEOUS)] == [Outcome.OPEN]
        await worker.kill()
        async with asyncio.timeout(WITHIN):
            with pytest.raises(CutShort):
                await (await peers.get()).read()
