"""Each act, judged by what the server's side sees of it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import fcntl
import socket
import struct
import termios
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chaos.crowd.crowd import Crowd
from chaos.crowd.numbered import Numbered
from chaos.crowd.plan import ClientState, Mode
from chaos.errors import CrowdError
from chaos.journal import Correspondence, Ended

from .making import SHORT, WITHIN, Recorded, make_crowd, until
from .servers import CLOSE, PING, PONG, TEXT, Peer, close_frame, frame, raw_server

ASKING = {"send": "hello {n}", "expect": "hello {n}"}


@dataclasses.dataclass(slots=True)
class Stage:
    """One open client, and the server's end of it in the test's hands."""

    crowd: Crowd
    recorded: Recorded
    peer: Peer

    async def state(self) -> ClientState:
        return (await self.crowd.states())[0]

    async def end(self) -> Ended:
        (ended,) = await self.crowd.wait_ended(timeout=WITHIN)
        assert self.recorded.ends == [ended]
        return ended


@contextlib.asynccontextmanager
async def stage(**plan: Any) -> AsyncIterator[Stage]:
    peers: asyncio.Queue[Peer] = asyncio.Queue()

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        peers.put_nowait(peer)

    async with raw_server(script) as address:
        crowd, recorded = make_crowd(address, **{"trace": True, **ASKING, **plan})
        await crowd.connect(Mode.SIMULTANEOUS)
        async with asyncio.timeout(WITHIN):
            peer = await peers.get()
        try:
            yield Stage(crowd, recorded, peer)
        finally:
            await crowd.abandon()


async def test_reset_is_a_true_rst() -> None:
    async with stage() as on:
        (ended,) = await on.crowd.reset()
        with pytest.raises(ConnectionResetError):
            await on.peer.reader.read(1)
        assert (ended.by, ended.how, ended.code, ended.tcp_closed_after) == ("client", "reset", None, None)
        assert on.recorded.ends == [ended]
        assert await on.state() is ClientState.CLOSED


async def test_reset_also_of_a_stalled_client() -> None:
    async with stage() as on:
        await on.crowd.stall()
        await on.peer.send(frame(TEXT, b"unread"))
        (ended,) = await on.crowd.reset()
        with pytest.raises(ConnectionResetError):
            await on.peer.reader.read(1)
        assert ended.how == "reset"


async def test_fin_is_eof_without_a_close_frame() -> None:
    async with stage() as on:
        (ended,) = await on.crowd.fin()
        assert await on.peer.reader.read() == b""
        assert (ended.by, ended.how) == ("client", "eof")


async def test_fin_stays_a_fin_with_bytes_unread() -> None:
    async with stage() as on:
        await on.crowd.stall()
        await on.peer.send(frame(TEXT, b"unread"))
        await on.crowd.fin()
        assert await on.peer.reader.read() == b""


async def test_after_fin_the_kernel_answers_with_rst() -> None:
    async with stage() as on:
        await on.crowd.fin()
        assert await on.peer.reader.read() == b""
        await until(lambda: _refuses(on.peer))


async def test_half_close_reads_on() -> None:
    async with stage() as on:
        assert await on.crowd.half_close() == [0]
        assert await on.peer.reader.read() == b""
        assert await on.state() is ClientState.HALF_CLOSED
        await on.peer.send(frame(TEXT, b"still there?"))
        await until(lambda: [seen.text for seen in on.recorded.frames] == ["still there?"])
        assert (await on.crowd.exchange(1)).unsent == 1
        on.peer.writer.close()
        ended = await on.end()
        assert (ended.by, ended.how) == ("client", "eof")


async def test_half_close_records_what_the_server_does() -> None:
    async with stage() as on:
        await on.crowd.half_close()
        await on.peer.send(close_frame(1006 - 5, "leaving too"))
        on.peer.writer.close()
        ended = await on.end()
        assert (ended.by, ended.how, ended.code, ended.reason) == ("client", "close", 1001, "leaving too")


async def test_half_a_frame_is_its_header_and_half_of_what_it_announces() -> None:
    async with stage() as on:
        assert await on.crowd.begin_frame() == [0]
        await on.peer.send(frame(PING, b"unanswered"))
        await on.crowd.fin()
        heard = await on.peer.reader.read()
        announced, mask = heard[1] & 0x7F, 4
        assert (heard[0], heard[1] & 0x80) == (0x80 | TEXT, 0x80)
        assert len(heard) == 2 + mask + announced // 2


async def test_a_message_that_is_begun_is_one_whole_fragment() -> None:
    async with stage() as on:
        assert await on.crowd.begin_message() == [0]
        await on.peer.send(frame(PING, b"unanswered"))
        await on.crowd.fin()
        heard = await on.peer.reader.read()
        announced, mask = heard[1] & 0x7F, 4
        assert (heard[0], heard[1] & 0x80) == (TEXT, 0x80)
        assert len(heard) == 2 + mask + announced


async def test_who_is_being_closed_has_ended_before_its_exchanges_are_over() -> None:
    """The close frame has come and TCP goes on: whoever judges what became of them is not to miss the end."""
    async with stage() as on:
        await on.peer.send(close_frame(1000))
        assert await on.peer.frame() == (CLOSE, b"\x03\xe8")
        assert await on.state() is ClientState.CLOSING
        talking = asyncio.create_task(on.crowd.exchange(1))
        await asyncio.wait({talking}, timeout=SHORT)
        assert not talking.done()
        assert on.recorded.ends == []
        on.peer.writer.close()
        assert (await talking).unsent == 1
        assert [(ended.by, ended.code) for ended in on.recorded.ends] == [("server", 1000)]


async def test_whoever_never_ends_is_waited_for_as_long_as_for_an_answer() -> None:
    async with stage(answer_within=SHORT) as on:
        await on.peer.send(close_frame(1000))
        assert await on.peer.frame() == (CLOSE, b"\x03\xe8")
        async with asyncio.timeout(WITHIN):
            assert (await on.crowd.exchange(1)).unsent == 1
        assert on.recorded.ends == []


async def test_silence_reads_and_writes_nothing() -> None:
    async with stage() as on:
        assert await on.crowd.silence() == [0]
        await on.peer.send(frame(PING, b"unanswered") + frame(TEXT, b"read"))
        await until(lambda: len(on.recorded.frames) == 2)
        assert [seen.opcode for seen in on.recorded.frames] == ["ping", "text"]
        assert await on.state() is ClientState.SILENT
        assert (await on.crowd.exchange(2)).unsent == 2
        assert await on.crowd.send("not heard") == 0
        # The first frame since the upgrade is the message after the silence: no pong came before it.
        await on.crowd.resume()
        assert await on.crowd.send("heard") == 1
        assert await on.peer.frame() == (TEXT, b"heard")


async def test_each_pong_comes_later_than_the_one_before_up_to_the_most() -> None:
    async with stage() as on:
        await on.peer.send(frame(PING, b"before"))
        assert await on.peer.frame() == (PONG, b"before")
        assert await on.crowd.grow_pong_delay(step=SHORT, most=2 * SHORT) == [0]
        began = asyncio.get_running_loop().time()
        for payload in (b"first", b"second", b"third"):
            await on.peer.send(frame(PING, payload))
            await until(lambda: on.recorded.frames[-1].opcode == "ping")
            assert await on.peer.frame() == (PONG, payload)
        assert asyncio.get_running_loop().time() - began >= 5 * SHORT - 0.01  # the loop's clock is as coarse as that
        put_off = (await on.crowd.pongs_put_off())[0]
        assert [ping.delay for ping in put_off] == [SHORT, 2 * SHORT, 2 * SHORT]
        assert [ping.pinged_at for ping in put_off] == sorted(ping.pinged_at for ping in put_off)


async def test_silence_does_not_answer_a_close_frame() -> None:
    async with stage(close_timeout=SHORT) as on:
        await on.crowd.silence()
        await on.peer.send(close_frame(1011, "no pong"))
        # Longer than the plan's close timeout: a silent client leaves the end of TCP to the server.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(on.peer.reader.read(), timeout=2 * SHORT)
        on.peer.writer.write_eof()
        assert await on.peer.reader.read() == b""
        ended = await on.end()
        assert (ended.by, ended.how, ended.code) == ("server", "close", 1011)
        assert ended.tcp_closed_after is not None
        assert ended.tcp_closed_after >= 2 * SHORT


async def test_held_back_neither_the_close_frame_nor_the_fin_is_answered() -> None:
    async with stage(close_timeout=SHORT) as on:
        assert await on.crowd.hold_back() == [0]
        await on.peer.send(frame(PING, b"still there?"))
        assert await on.peer.frame() == (PONG, b"still there?")
        assert await on.crowd.close_frames() == {}
        await on.peer.send(close_frame(1001, "idle"))
        on.peer.writer.write_eof()
        # Longer than the plan's close timeout: nothing but the peer ends it.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(on.peer.reader.read(), timeout=2 * SHORT)
        assert (await on.crowd.close_frames()).keys() == {0}
        assert await on.state() is ClientState.CLOSING
        assert (await on.crowd.socket_states())[0].state == "CLOSE_WAIT"
        (ended,) = await on.crowd.reset()
        assert ended.close_frame_at == pytest.approx(ended.said_at)
        with pytest.raises(ConnectionResetError):
            await on.peer.reader.read(1)


async def test_held_on_the_client_closes_and_keeps_tcp() -> None:
    async with stage(close_timeout=SHORT) as on:
        assert await on.crowd.hold_on(code=4001) == [0]
        assert await on.peer.frame() == (CLOSE, struct.pack("!H", 4001))
        await on.peer.send(close_frame(4001))
        on.peer.writer.write_eof()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(on.peer.reader.read(), timeout=2 * SHORT)
        assert (await on.crowd.close_frames()).keys() == {0}
        assert (await on.crowd.socket_states())[0].state == "CLOSE_WAIT"


async def test_the_answer_to_a_close_frame_comes_late() -> None:
    async with stage(close_delay=SHORT) as on:
        began = asyncio.get_running_loop().time()
        await on.peer.send(close_frame(1001, "idle"))
        assert await on.peer.frame() == (CLOSE, struct.pack("!H", 1001) + b"idle")
        assert asyncio.get_running_loop().time() - began >= SHORT - 0.01  # the loop's clock is as coarse as that
        on.peer.writer.close()
        ended = await on.end()
        assert (ended.by, ended.how, ended.code) == ("server", "close", 1001)
        assert ended.close_answered_after == pytest.approx(SHORT, abs=SHORT / 2)


async def test_whoever_is_cut_before_its_late_answer_has_not_answered() -> None:
    async with stage(close_delay=SHORT) as on:
        await on.peer.send(close_frame(1001, "idle"))
        on.peer.writer.write_eof()
        assert await on.peer.reader.read() == b""
        ended = await on.end()
        assert (ended.how, ended.close_answered_after) == ("close", None)
        assert ended.tcp_closed_after is not None
        assert ended.tcp_closed_after < SHORT


async def test_last_words_are_right_before_the_close_frame() -> None:
    numbered = Numbered(send="say {n}", answer="^say {n}$", frames=1)
    async with stage(numbered=numbered) as on:
        assert await on.crowd.say_numbered(1) == [0]
        assert await on.peer.frame() == (TEXT, b"say 1")
        closing = asyncio.create_task(on.crowd.close(saying=2))
        heard = [await on.peer.frame() for _ in range(3)]
        assert heard == [(TEXT, b"say 2"), (TEXT, b"say 3"), (CLOSE, struct.pack("!H", 1000))]
        for number in (1, 2):
            await on.peer.send(frame(TEXT, b"say %d" % number))
        await on.peer.send(close_frame(1000))
        on.peer.writer.close()
        await closing
        await on.crowd.settle(timeout=0.0)
        (books,) = [event for event in on.recorded.events if isinstance(event, Correspondence)]
        assert (books.sent, books.answered, books.unknown) == (3, 2, 1)


async def test_who_keeps_no_books_has_no_last_words() -> None:
    async with stage() as on:
        with pytest.raises(CrowdError, match="numbers no messages"):
            await on.crowd.close(saying=1)
        assert await on.state() is ClientState.OPEN


async def test_stall_closes_the_window_and_resume_opens_it() -> None:
    async with stage(receive_buffer=4096) as on:
        assert await on.crowd.stall() == [0]
        on.peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        chunk = frame(TEXT, b"x" * 1000)
        sent = _fill(on.peer.socket, chunk)
        first = (await on.crowd.socket_states())[0]
        assert first.state == "ESTABLISHED"
        assert first.receive_queue > 0
        assert await on.state() is ClientState.STALLED
        assert on.recorded.frames == []
        stuck = _send_queue(on.peer.socket)
        assert stuck > 0
        await until(lambda: _peer_window(on.peer.socket) == 0)
        await on.crowd.resume()
        await until(lambda: _send_queue(on.peer.socket) == 0)
        await until(lambda: len(on.recorded.frames) == sent // len(chunk))


async def test_stall_leaves_pings_unanswered_until_resume() -> None:
    async with stage() as on:
        await on.crowd.stall()
        await on.peer.send(frame(PING, b"later"))
        assert await on.crowd.send("first") == 1
        assert await on.peer.frame() == (TEXT, b"first")
        await on.crowd.resume()
        assert await on.peer.frame() == (PONG, b"later")


async def test_drop_is_recorded_as_such_and_sends_one_rst_at_most() -> None:
    async with stage() as on:
        (ended,) = await on.crowd.drop()
        # No kernel rule eats the RST here: that is what shows that no FIN is sent.
        with pytest.raises(ConnectionResetError):
            await on.peer.reader.read(1)
        assert (ended.by, ended.how) == ("client", "drop")


async def test_nobody_comes_from_the_address_of_one_who_was_dropped() -> None:
    """The rule that cuts it off would cut off whoever came next from there."""
    # From an address of its own: of 127.0.0.1 a port may be held by what is left of anybody's connection.
    async with stage(source_host="127.0.46.1") as on:
        address = on.peer.writer.get_extra_info("peername")
        await on.crowd.drop()
        with socket.socket() as another, pytest.raises(OSError, match="Address already in use"):
            another.bind(address)
        (taken,) = on.crowd._taken
        await on.crowd.abandon()
        # Not asked of the kernel: by now it may have given the port to anybody.
        assert taken.fileno() == -1


async def test_close_shakes_hands() -> None:
    async with stage() as on:
        closing = asyncio.create_task(on.crowd.close(code=4001))
        opcode, payload = await on.peer.frame()
        assert (opcode, payload) == (CLOSE, struct.pack("!H", 4001))
        assert await on.state() is ClientState.CLOSING
        await on.peer.send(close_frame(4001))
        on.peer.writer.close()
        (ended,) = await closing
        assert (ended.by, ended.how, ended.code) == ("client", "close", 4001)
        assert ended.tcp_closed_after is not None
        assert ended.tcp_closed_after >= 0


async def test_close_is_bounded_when_no_close_frame_comes_back() -> None:
    async with stage(close_timeout=SHORT) as on:
        (ended,) = await on.crowd.close()
        assert (ended.by, ended.how, ended.code) == ("client", "timeout", None)
        assert await on.peer.frame() == (CLOSE, struct.pack("!H", 1000))
        assert await on.peer.reader.read() == b""


async def test_close_is_bounded_when_tcp_is_held() -> None:
    async with stage(close_timeout=SHORT) as on:
        await on.peer.send(close_frame(1001, "but I stay"))
        assert (await on.peer.frame())[0] == CLOSE
        assert await on.peer.reader.read() == b""
        ended = await on.end()
        assert (ended.by, ended.how, ended.code, ended.reason) == ("server", "timeout", 1001, "but I stay")
        assert ended.tcp_closed_after is None
        # What was said in time was, however long TCP is held after it.
        assert ended.announced
        assert ended.at - ended.said_at >= SHORT


async def test_close_without_the_frame_coming_back_but_eof() -> None:
    async with stage() as on:
        closing = asyncio.create_task(on.crowd.close())
        await on.peer.frame()
        on.peer.writer.close()
        (ended,) = await closing
        assert (ended.by, ended.how, ended.code) == ("client", "eof", None)


@pytest.mark.parametrize("before", ["stall", "silence"])
async def test_close_resumes_first(before: str) -> None:
    async with stage() as on:
        await getattr(on.crowd, before)()
        closing = asyncio.create_task(on.crowd.close())
        assert (await on.peer.frame())[0] == CLOSE
        await on.peer.send(close_frame(1000))
        on.peer.writer.close()
        (ended,) = await closing
        assert ended.how == "close"


async def test_close_of_a_half_closed_client_ends_it_at_once() -> None:
    async with stage() as on:
        await on.crowd.half_close()
        (ended,) = await on.crowd.close()
        assert ended.by == "client"
        assert await on.state() is ClientState.CLOSED


async def test_keep_alive_stops_when_muted() -> None:
    async with stage(keep_alive=SHORT / 3) as on:
        assert (await on.peer.frame())[0] == TEXT
        await on.crowd.mute_keep_alive()
        heard = asyncio.create_task(_count_frames(on.peer))
        await asyncio.sleep(SHORT)
        # One may have been on its way already.
        heard.cancel()
        assert await heard <= 1
        await on.crowd.mute_keep_alive(muted=False)
        async with asyncio.timeout(WITHIN):
            assert (await on.peer.frame())[0] == TEXT


async def _count_frames(peer: Peer) -> int:
    count = 0
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await peer.frame()
            count += 1
    return count


def _refuses(peer: Peer) -> bool:
    """Whether the client's kernel has answered what the server sends with RST."""
    peer.writer.write(frame(TEXT, b"into the void"))
    return peer.writer.transport.is_closing()


def _fill(sending: socket.socket, chunk: bytes) -> int:
    """Send whole chunks until the kernel takes no more; the bytes it took."""
    raw = socket.socket(fileno=socket.dup(sending.fileno()))
    with raw:
        raw.setblocking(False)
        total = 0
        for _ in range(10_000):
            rest = chunk
            while rest:
                try:
                    rest = rest[raw.send(rest) :]
                except BlockingIOError:
                    return total + len(chunk) - len(rest)
            total += len(chunk)
    raise AssertionError(f"the kernel took {total} bytes and still takes more")


def _send_queue(sending: socket.socket) -> int:
    (count,) = struct.unpack("i", fcntl.ioctl(sending.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))
    return int(count)


def _peer_window(sending: socket.socket) -> int:
    """Bytes the other side is ready to take: tcpi_snd_wnd of include/uapi/linux/tcp.h, at its offset."""
    info = sending.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    (window,) = struct.unpack_from("I", info, 228)
    return int(window)
