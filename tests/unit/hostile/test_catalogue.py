"""The catalogue against `websockets`: what it calls broken is refused with one of its codes, and the odd is taken."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from dataclasses import replace

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from chaos.dialects import SOCKET_IO
from chaos.hostile.answers import Allowed, Reaction
from chaos.hostile.catalogue import CASES, Case, Grounds, Input, case_named
from chaos.hostile.handshakes import Request

LIMIT = 4096
GROUNDS = Grounds(request=Request(host="127.0.0.1:80", path="/"), text=b"hello 1", max_message=LIMIT)

OF_FRAMES = (Input.BROKEN_FRAMES, Input.ALLOWED_FRAMES, Input.SIZES)

LEFT_TO_UVICORN = {"not UTF-8", "not UTF-8 in fragments"}
"""Text is decoded above the Sans-I/O protocol, so it has no opinion of it."""


def _code(case: Case) -> int | None:
    """With which close code `websockets` refuses a case or answers it; None where it takes it."""
    server = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    for piece in case.send(GROUNDS):
        server.receive_data(piece)
    return None if server.close_sent is None else server.close_sent.code


@pytest.mark.parametrize("case", [case for kind in OF_FRAMES for case in CASES[kind]], ids=lambda case: case.name)
def test_another_parser_agrees(case: Case) -> None:
    code = _code(case)
    if case.name in LEFT_TO_UVICORN:
        assert code is None
    elif code is None:
        assert case.allowed.served
    else:
        assert case.allowed.fits(Reaction.CLOSED, code=code, status=None), f"answered with {code}"


def test_the_bomb_is_small_and_inflates_beyond_the_limit() -> None:
    assert _inflated(case_named("compression bomb")) == GROUNDS.text.ljust(8 * LIMIT)


def test_its_counterpart_inflates_to_just_the_limit() -> None:
    case = case_named("largest message, compressed")
    assert _inflated(case) == GROUNDS.text.ljust(LIMIT)
    assert (case.allowed, case.note) == (case_named("largest message").allowed, case_named("largest message").note)


def _inflated(case: Case) -> bytes:
    """The message of a small frame."""
    (data,) = case.send(GROUNDS)
    assert len(data) < LIMIT / 20
    assert data[0] & 0x0F == Opcode.TEXT
    unmasked = bytes(byte ^ mask for byte, mask in zip(data[6:], data[2:6] * len(data), strict=False))
    return zlib.decompressobj(wbits=-15).decompress(unmasked + b"\0\0\xff\xff")


def test_a_request_with_pauses_is_a_good_one_in_three_packets() -> None:
    pieces = case_named("request with pauses").send(GROUNDS)
    assert (b"".join(pieces), len(pieces)) == (GROUNDS.request.encode(), 3)


SIZED = {"flood of fragments": 12_000, "largest message": LIMIT, "message too big": LIMIT + 1,
         "fragments too big": LIMIT + 1}  # fmt: skip


@pytest.mark.parametrize("name", SIZED)
def test_a_message_of_a_size_is_one_that_the_endpoint_takes(name: str) -> None:
    """Bytes, or text that is no JSON, would be refused for what they are by a server that takes the size."""
    grounds = replace(GROUNDS, text=b'{"ping": 1}')
    server = ServerProtocol(state=State.OPEN)
    for piece in case_named(name).send(grounds):
        server.receive_data(piece)
    first, *others = (event for event in server.events_received() if isinstance(event, Frame))
    assert {frame.opcode for frame in others} <= {Opcode.CONT}
    payload = b"".join(bytes(frame.data) for frame in (first, *others))
    assert (first.opcode, len(payload)) == (Opcode.TEXT, SIZED[name])
    assert json.loads(payload) == {"ping": 1}


def test_a_message_of_a_size_is_an_event_that_nobody_listens_for_in_the_dialect() -> None:
    server = ServerProtocol(state=State.OPEN)
    for piece in case_named("largest message").send(replace(GROUNDS, dialect=SOCKET_IO, namespace="/own")):
        server.receive_data(piece)
    (found,) = (event for event in server.events_received() if isinstance(event, Frame))
    assert found.opcode == Opcode.TEXT
    assert len(found.data) == LIMIT
    assert bytes(found.data).startswith(b'42/own,["chaos-unheard","xxx')


def test_who_does_not_understand_a_message_has_borne_it() -> None:
    for name in ("flood of fragments", "largest message"):
        allowed = case_named(name).allowed
        assert all(allowed.fits(Reaction.CLOSED, code=code, status=None) for code in (1003, 1007))
    others = [case for kind in (Input.FLOODS, Input.SIZES, Input.ALLOWED_FRAMES) for case in CASES[kind]]
    assert {case.name for case in others if 1003 in case.allowed.codes} == {"flood of fragments", "largest message"}
    assert {case.name for case in others if case.note} == {"largest message"}


def test_the_codes_of_a_flood_are_given_one_by_one() -> None:
    sentence = case_named("flood of fragments").allowed.sentence()
    assert sentence == "close 1002/1003/1007/1008/1009/1011/1013 or the end of TCP or being served"


@pytest.mark.parametrize("case", CASES[Input.ALLOWED_FRAMES][:3], ids=lambda case: case.name)
def test_what_is_answered_holds_the_message_once(case: Case) -> None:
    assert case.answered
    server = ServerProtocol(state=State.OPEN)
    for piece in case.send(GROUNDS):
        server.receive_data(piece)
    data = (Opcode.TEXT, Opcode.CONT)
    frames = [event for event in server.events_received() if isinstance(event, Frame) and event.opcode in data]
    assert b"".join(bytes(frame.data) for frame in frames) == GROUNDS.text


def test_names_are_unique_and_found() -> None:
    names = Counter(case.name for cases in CASES.values() for case in cases)
    assert set(names.values()) == {1}
    assert case_named("unmasked").description == "a text frame without a mask (5.1)"


@pytest.mark.parametrize(
    ("allowed", "sentence"),
    [
        (Allowed(codes=frozenset({1002}), ended=True), "close 1002 or the end of TCP"),
        (Allowed(statuses=frozenset({426, 400}), served=True), "HTTP 400/426 or being served"),
        (Allowed(statuses=frozenset(range(400, 500))), "HTTP 400 to 499"),
        (Allowed(statuses=frozenset({404}), upgraded=True), "HTTP 404 or a 101"),
        (Allowed(left=True), "nothing, for the client has left"),
    ],
)
def test_what_is_allowed_in_words(allowed: Allowed, sentence: str) -> None:
    assert allowed.sentence() == sentence


def test_a_101_may_do() -> None:
    for allowed in (Allowed(upgraded=True), Allowed(statuses=frozenset({101}))):
        assert allowed.fits(Reaction.HTTP, code=None, status=101)
        assert not allowed.fits(Reaction.HTTP, code=None, status=200)
    assert not Allowed(served=True).fits(Reaction.HTTP, code=None, status=101)


@pytest.mark.parametrize("reaction", list(Reaction))
def test_what_is_not_named_is_not_allowed(reaction: Reaction) -> None:
    assert not Allowed().fits(reaction, code=1002, status=400)
