"""Frames at random: the parser of `websockets` is the oracle of ours, and then a live server is held against it.

Derandomized: the same examples each time, so a red is not gone with the next run.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.protocol import State
from websockets.server import ServerProtocol

from chaos.hostile.frames import Opcode, close, frame
from chaos.hostile.handshakes import Request
from chaos.hostile.reading import Received, Stream
from tests.unit.reference.running import RunningServer

BOUNDED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

PATIENCE = 5.0
"""Seconds for an answer that takes milliseconds: it only tells slow from never."""

LIMIT = 2**20
REFUSED = {1002, 1007, 1009}


@dataclass(frozen=True)
class Made:
    """One frame, as it was asked for."""

    opcode: int
    payload: bytes
    fin: bool
    reserved: int
    masked: bool

    def encode(self) -> bytes:
        return frame(self.opcode, self.payload, fin=self.fin, reserved=self.reserved, masked=self.masked)


def _close_payload() -> st.SearchStrategy[bytes]:
    codes = st.one_of(st.sampled_from([1000, 1001, 1005, 1006, 1015, 2999, 3000, 4999, 5000]), st.integers(0, 65535))
    return st.builds(lambda code, reason: code.to_bytes(2, "big") + reason, codes, st.binary(max_size=8))


OPCODES = st.one_of(st.sampled_from(list(Opcode)), st.integers(0, 15))
PAYLOADS = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=20).map(str.encode),
    _close_payload(),
    st.integers(120, 140).map(bytes),
    st.integers(65530, 65540).map(bytes),
)
# Mostly right: a sequence that is broken at its first frame says nothing of those behind it.
MADE = st.builds(
    Made,
    opcode=OPCODES,
    payload=PAYLOADS,
    fin=st.sampled_from([True, True, True, False]),
    reserved=st.sampled_from([0] * 9 + [1, 2, 4]),
    masked=st.sampled_from([True] * 9 + [False]),
)


def _right(opcode: Opcode, payload: bytes) -> Made:
    return Made(opcode, payload, True, 0, True)


RIGHT = st.lists(
    st.one_of(
        st.builds(_right, st.just(Opcode.TEXT), st.text(max_size=20).map(str.encode)),
        st.builds(_right, st.sampled_from([Opcode.BINARY, Opcode.PING, Opcode.PONG]), st.binary(max_size=20)),
    ),
    max_size=4,
)
MISTAKES = st.sampled_from(
    [{"masked": False}, {"reserved": 1}, {"reserved": 4}, {"opcode": 3}, {"opcode": 11}, {"opcode": 0}]
)


def _with_one_mistake(before: list[Made], mistake: dict[str, Any]) -> list[Made]:
    return [*before, replace(_right(Opcode.TEXT, b"hello"), **mistake)]


# At random nearly everything is broken in several ways; one mistake behind what is right shows who overlooks it.
SEQUENCES = st.one_of(
    st.lists(MADE, min_size=1, max_size=8), st.builds(_with_one_mistake, RIGHT, MISTAKES), RIGHT.filter(bool)
)


def _is_broken(made: Sequence[Made]) -> bool:
    """Whether a sequence breaks RFC 6455, sections 5 and 7.4, before a close frame ends it; by its words alone."""
    inside = False
    for each in made:
        control = each.opcode >= 8
        if not each.masked or each.reserved or each.opcode not in set(Opcode):
            return True
        if control and (not each.fin or len(each.payload) > 125):
            return True
        if each.opcode == Opcode.CLOSE:
            return not _is_close(each.payload)
        if not control:
            if inside != (each.opcode == Opcode.CONTINUATION):
                return True
            inside = not each.fin
    return False


def _is_close(payload: bytes) -> bool:
    if len(payload) < 2:
        return not payload
    code = int.from_bytes(payload[:2], "big")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        return False
    # 1012 to 1014 are registered with IANA, as 7.4.2 says codes are.
    return code in {1000, 1001, 1002, 1003, *range(1007, 1015)} or 3000 <= code <= 4999


def _is_text(made: Sequence[Made]) -> bool:
    """Whether every text message that is complete before a close frame is UTF-8."""
    message, text = b"", False
    for each in made:
        if each.opcode == Opcode.CLOSE:
            break
        if each.opcode >= 8:
            continue
        text = each.opcode == Opcode.TEXT if each.opcode != Opcode.CONTINUATION else text
        message += each.payload
        if each.fin:
            try:
                message.decode() if text else None
            except UnicodeDecodeError:
                return False
            message = b""
    return True


@BOUNDED
@given(SEQUENCES)
def test_what_is_built_is_what_another_parser_reads(made: list[Made]) -> None:
    server = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    server.receive_data(b"".join(each.encode() for each in made))
    refused = server.parser_exc is not None
    assert refused == _is_broken(made)
    if refused:
        assert server.close_sent is not None
        assert server.close_sent.code in REFUSED


def _connect(server: RunningServer) -> tuple[socket.socket, Stream]:
    """An upgraded connection."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    stream = Stream()
    try:
        connection.sendall(Request(host="x", path="/echo").encode())
        while stream.status is None and (data := connection.recv(65536)):
            # A heartbeat may be due just now; who asks at once is gone before its pong would be.
            assert {found.opcode for found in stream.feed(data)} <= {Opcode.PING}
        assert stream.status == 101
    except BaseException:
        connection.close()
        raise
    return connection, stream


def _until_close_or(connection: socket.socket, stream: Stream, expected: re.Pattern[bytes]) -> int | None:
    """The code of the server's close frame, None once a message fits. Raises EOFError where TCP just ends."""
    while data := connection.recv(65536):
        for found in stream.feed(data):
            if found.opcode == Opcode.CLOSE:
                return found.code
            if found.opcode == Opcode.TEXT and expected.search(found.payload):
                return None
    raise EOFError


class Canary:
    """One faithful client that is connected all along."""

    def __init__(self, server: RunningServer) -> None:
        self._connection, self._stream = _connect(server)
        self._number = 0

    def exchange(self) -> None:
        """Ask, and wait for the right answer, pings in between answered."""
        self._number += 1
        wanted = Received(Opcode.TEXT, b"canary %d" % self._number)
        self._connection.sendall(frame(Opcode.TEXT, wanted.payload))
        while data := self._connection.recv(65536):
            for found in self._stream.feed(data):
                if found.opcode == Opcode.PING:
                    self._connection.sendall(frame(Opcode.PONG, found.payload))
                elif found == wanted:
                    return
                else:
                    raise AssertionError(f"the canary was sent {found}")
        raise AssertionError("the canary was cut off")

    def close(self) -> None:
        self._connection.close()


@BOUNDED
@given(made=SEQUENCES)
def test_a_live_server_answers_within_what_is_allowed(shared_server: RunningServer, made: list[Made]) -> None:
    # What is left unfinished is finished, or the question behind it would be broken itself.
    made = [*made, Made(Opcode.CONTINUATION, b"", True, 0, True)] if _is_inside(made) else made
    canary = Canary(shared_server)
    connection, stream = _connect(shared_server)
    try:
        connection.sendall(b"".join(each.encode() for each in made) + frame(Opcode.TEXT, PROBE))
        try:
            code = _until_close_or(connection, stream, re.compile(re.escape(PROBE)))
        except (EOFError, ConnectionResetError):
            code = NO_WORD
        assert code in _allowed(made)
        canary.exchange()
        assert shared_server.process.poll() is None
        assert "Traceback" not in shared_server.log_text()
    finally:
        connection.close()
        canary.close()


PROBE = b"are you there?"

NO_WORD = -1
"""TCP ended without a close frame."""


def _allowed(made: Sequence[Made]) -> set[int | None]:
    """The close codes that a sequence may be answered with; None is being served."""
    if _is_broken(made) or not _is_text(made):
        return {NO_WORD, *REFUSED}
    asked = [Received(each.opcode, each.payload).code for each in made if each.opcode == Opcode.CLOSE]
    # Whoever closes is told its own code, or the plain one.
    return {asked[0], 1000} if asked else {None}


def _is_inside(made: Sequence[Made]) -> bool:
    data = [each for each in made if each.opcode < 8]
    return bool(data) and not data[-1].fin


@pytest.mark.parametrize("code", [1004, 1005, 1006, 1015, 1016, 2999, 5000, 0])
def test_codes_that_nobody_may_send_are_broken_by_both_words(code: int) -> None:
    made = Made(Opcode.CLOSE, code.to_bytes(2, "big"), True, 0, True)
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(close(code))
    assert _is_broken([made])
    assert server.parser_exc is not None
