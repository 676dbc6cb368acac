"""Frames at random: the parser of `websockets` is the oracle of ours, and then a live server is held against it."""

from __future__ import annotations

import re
import socket
from codecs import getincrementaldecoder
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.protocol import State
from websockets.server import ServerProtocol

from chaos.hostile.frames import Opcode, close, frame
from chaos.hostile.reading import Received, Stream
from tests.examples import examples
from tests.unit.hostile.canary import Canary, connect
from tests.unit.reference.running import RunningServer

LIVE = settings(
    # Each is two connections, and some of them a wait for the server's end of TCP: 7 to 18 ms, measured.
    max_examples=examples(0.5, thorough=25_000),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

LIMIT = 2**20


@dataclass(frozen=True)
class Made:
    """One frame, as it was asked for."""

    opcode: int
    payload: bytes
    fin: bool
    reserved: int
    masked: bool

    def __repr__(self) -> str:
        # Of several long ones Hypothesis says that it is too much to print, and not what was wrong.
        payload = repr(self.payload) if len(self.payload) <= 140 else f"bytes({len(self.payload)})"
        return f"Made({self.opcode!r}, {payload}, fin={self.fin}, reserved={self.reserved}, masked={self.masked})"

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


def _refusals(made: Sequence[Made]) -> set[int]:
    """The codes that RFC 6455, 7.4.1, has for what is wrong first; none where all is right.

    Who looks at text as it comes in says 1007 before its message is complete, who waits for its end meets what else is
    wrong there, and who reads frames ahead of their text meets what is wrong behind it, or the end: all are right. A
    close frame in the middle of a message is a control frame like any other (5.4), and nothing completes the message.
    """
    message, text, unreadable = b"", False, False
    inside = False
    for number, each in enumerate(made):
        if _is_broken(made[: number + 1]):
            # Of a reason that is no UTF-8 both may be said.
            return {1002, *([1007] if unreadable or each.opcode == Opcode.CLOSE else [])}
        if each.opcode == Opcode.CLOSE:
            return {NO_ERROR, 1002, *([1007] if unreadable else [])} if inside else set()
        if each.opcode >= 8:
            continue
        inside = not each.fin
        text = each.opcode == Opcode.TEXT if each.opcode != Opcode.CONTINUATION else text
        message += each.payload
        unreadable = text and not _is_utf8(message, whole=each.fin)
        if each.fin and unreadable:
            behind = made[number + 1 :]
            if _is_broken(made):
                return {1007, 1002}
            ended = any(other.opcode == Opcode.CLOSE for other in behind)
            return {1007, *({NO_ERROR, *_refusals(behind)} if ended else ())}
        message = b"" if each.fin else message
    return {1007, NO_ERROR} if unreadable else set()


def _is_utf8(data: bytes, *, whole: bool) -> bool:
    try:
        getincrementaldecoder("utf-8")().decode(data, final=whole)
    except UnicodeDecodeError:
        return False
    return True


NO_ERROR = 0
"""Of what a close frame has cut short, or came right behind: whether anybody looked is the server's affair."""

UNREADABLE = Made(Opcode.TEXT, b"\x80", True, 0, True)
BEGUN = Made(Opcode.TEXT, b"abc", False, 0, True)
END = Made(Opcode.CLOSE, b"", True, 0, True)


@given(SEQUENCES)
@example([BEGUN, END])
@example([UNREADABLE, END])
def test_what_is_built_is_what_another_parser_reads(made: list[Made]) -> None:
    server = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    server.receive_data(b"".join(each.encode() for each in made))
    refused = server.parser_exc is not None
    if not {NO_ERROR, 1002} <= _refusals(made):
        assert refused == _is_broken(made)
    if refused:
        assert server.close_sent is not None
        # That parser leaves text to the layer above it.
        assert server.close_sent.code in _refusals(made) | {1002}


def _until_close_or(connection: socket.socket, stream: Stream, expected: re.Pattern[bytes]) -> int | None:
    """The code of the server's close frame, None once a message fits. Raises EOFError where TCP just ends."""
    while data := connection.recv(65536):
        for found in stream.feed(data):
            if found.opcode == Opcode.CLOSE:
                return found.code
            if found.opcode == Opcode.TEXT and expected.search(found.payload):
                return None
    raise EOFError


@LIVE
@given(made=SEQUENCES)
@example(made=[BEGUN, END])
@example(made=[UNREADABLE, END])
@example(made=[UNREADABLE])
def test_a_live_server_answers_within_what_is_allowed(shared_server: RunningServer, made: list[Made]) -> None:
    # What is left unfinished is finished, or the question behind it would be broken itself.
    made = [*made, Made(Opcode.CONTINUATION, b"", True, 0, True)] if _is_inside(made) else made
    canary = Canary(shared_server)
    connection, stream = connect(shared_server)
    try:
        try:
            # Of what is broken at once and goes on for long, the server does not read the rest.
            connection.sendall(b"".join(each.encode() for each in made) + frame(Opcode.TEXT, PROBE))
            code = _until_close_or(connection, stream, re.compile(re.escape(PROBE)))
        except (EOFError, ConnectionResetError, BrokenPipeError):
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
    refusals = _refusals(made)
    if refusals and NO_ERROR not in refusals:
        return {NO_WORD, *refusals}
    asked = [Received(each.opcode, each.payload).code for each in made if each.opcode == Opcode.CLOSE]
    # Whoever closes is told its own code, or the plain one.
    return {asked[0], 1000, *(refusals - {NO_ERROR})} if asked else {None}


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
