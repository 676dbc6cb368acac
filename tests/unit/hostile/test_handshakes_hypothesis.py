"""Handshakes at random: `websockets` is the oracle of our reading of the RFC, a live server is held against that."""

from __future__ import annotations

import base64
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.server import ServerProtocol

from chaos.hostile.frames import Opcode, frame
from chaos.hostile.handshakes import KEY
from chaos.hostile.reading import Stream
from tests.examples import examples
from tests.unit.hostile.canary import PATIENCE, Canary
from tests.unit.reference.running import RunningServer

LIVE = settings(
    # 6 ms each, measured.
    max_examples=examples(1, thorough=60_000),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NO_ANSWER = 0
"""TCP ended without a status line."""


@dataclass(frozen=True)
class Asked:
    """An upgrade request; each header that matters has any number of lines."""

    method: str = "GET"
    http: str = "HTTP/1.1"
    host: tuple[str, ...] = ("localhost",)
    upgrade: tuple[str, ...] = ("websocket",)
    connection: tuple[str, ...] = ("Upgrade",)
    key: tuple[str, ...] = (KEY,)
    version: tuple[str, ...] = ("13",)
    besides: tuple[tuple[str, str], ...] = ()
    upper: bool = False
    """Whether the names of headers are in capitals."""
    cuts: tuple[float, ...] = field(default=(), compare=False)
    """Where it is cut in pieces, as parts of its length."""

    def encode(self) -> bytes:
        named = [
            *(("Host", value) for value in self.host),
            *(("Upgrade", value) for value in self.upgrade),
            *(("Connection", value) for value in self.connection),
            *(("Sec-WebSocket-Key", value) for value in self.key),
            *(("Sec-WebSocket-Version", value) for value in self.version),
            *self.besides,
        ]
        head = [f"{self.method} /echo {self.http}", *(f"{self._name(name)}: {value}" for name, value in named)]
        return "".join(f"{line}\r\n" for line in head).encode("latin-1") + b"\r\n"

    def _name(self, name: str) -> str:
        return name.upper() if self.upper else name

    def pieces(self) -> list[bytes]:
        whole = self.encode()
        at = [0, *sorted(int(cut * len(whole)) for cut in self.cuts), len(whole)]
        return [whole[start:end] for start, end in pairwise(at) if end > start]


def _lines(right: Sequence[str], wrong: Sequence[str]) -> st.SearchStrategy[tuple[str, ...]]:
    """A header: as a rule once and right; else wrong, missing, or there twice."""
    one = st.sampled_from([*right]).map(lambda value: (value,))
    odd = st.lists(st.sampled_from([*right, *wrong]), max_size=2).map(tuple)
    return st.one_of(one, one, odd)


def _keys() -> st.SearchStrategy[tuple[str, ...]]:
    right = st.binary(min_size=16, max_size=16).map(lambda raw: (base64.b64encode(raw).decode(),))
    short = st.binary(max_size=30).map(lambda raw: (base64.b64encode(raw).decode(),))
    text = st.text("abcXYZ019+/=_-", max_size=26).map(lambda value: (value,))
    return st.one_of(right, right, right, short, text, st.sampled_from([(), (KEY, KEY)]))


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30)
BESIDES = st.lists(
    st.one_of(
        st.tuples(TOKENS.map("X-".__add__), VALUES),
        st.tuples(st.just("Sec-WebSocket-Protocol"), st.lists(TOKENS, min_size=1, max_size=3).map(", ".join)),
        st.tuples(st.just("Sec-WebSocket-Extensions"), TOKENS.map("x-{}; a=1".format)),
        st.tuples(
            st.just("Sec-WebSocket-Extensions"),
            st.sampled_from(
                [
                    "permessage-deflate",
                    "permessage-deflate; client_max_window_bits",
                    "permessage-deflate; server_max_window_bits=10",
                    "permessage-deflate; server_no_context_takeover, permessage-deflate",
                    "permessage-deflate; client_max_window_bits=99",
                    "permessage-deflate; no_such_parameter",
                ]
            ),
        ),
    ),
    max_size=3,
    # A protocol that is asked for in two lines is asked for once; websockets takes one line of it.
    unique_by=lambda header: header[0],
).map(tuple)
RIGHT = st.builds(Asked, besides=BESIDES, upper=st.booleans(), cuts=st.lists(st.floats(0, 1), max_size=3).map(tuple))
AT_RANDOM: Mapping[str, st.SearchStrategy[Any]] = {
    "method": st.sampled_from(["GET"] * 9 + ["POST", "HEAD", "OPTIONS"]),
    "http": st.sampled_from(["HTTP/1.1"] * 9 + ["HTTP/1.0"]),
    "host": _lines(["localhost", "[::1]:80"], []),
    "upgrade": _lines(["websocket", "WebSocket", "WEBSOCKET"], ["h2c", "web socket", ""]),
    "connection": _lines(
        ["Upgrade", "upgrade", "keep-alive, Upgrade", "Upgrade,keep-alive"], ["keep-alive", "close", ""]
    ),
    "key": _keys(),
    "version": _lines(["13"], ["8", "14", "0", "", "thirteen"]),
}


def _changed(fields: Sequence[str]) -> st.SearchStrategy[Asked]:
    drawn = st.fixed_dictionaries({name: AT_RANDOM[name] for name in fields})
    return st.builds(lambda right, changed: replace(right, **changed), RIGHT, drawn)


# All at random there is more than one mistake as a rule, and who overlooks one of them is not seen.
ASKED = st.one_of(_changed([*AT_RANDOM]), st.sampled_from([*AT_RANDOM]).flatmap(lambda name: _changed([name])))


def _is_upgrade(asked: Asked) -> bool:
    """Whether RFC 6455, 4.2.1, has a server take it; by its words alone."""
    if (asked.method, asked.http) != ("GET", "HTTP/1.1") or len(asked.host) != 1:
        return False
    if "websocket" not in _tokens(asked.upgrade) or "upgrade" not in _tokens(asked.connection):
        return False
    return len(asked.key) == 1 and _is_key(asked.key[0]) and asked.version == ("13",)


def _tokens(lines: Sequence[str]) -> set[str]:
    """The values of a list that may be spread over lines (RFC 9110, 5.3), without case (RFC 6455, 4.2.1)."""
    return {token.strip().lower() for line in lines for token in line.split(",")}


def _is_key(value: str) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except ValueError:
        return False


def _is_disputed(asked: Asked) -> bool:
    """What the RFCs let a server take, and `websockets` refuses: several protocols to upgrade to, or an empty element
    in a list (RFC 9110, 5.6.1.2)."""
    protocols, options = (
        [token.strip() for line in lines for token in line.split(",")] for lines in (asked.upgrade, asked.connection)
    )
    return len(protocols) > 1 or "" in protocols or "" in options


@given(ASKED)
def test_what_is_asked_is_what_another_parser_reads(asked: Asked) -> None:
    server = ServerProtocol()
    server.receive_data(asked.encode())
    requests = server.events_received()
    taken = False
    if requests and server.handshake_exc is None:
        taken = server.accept(requests[0]).status_code == 101  # type: ignore[arg-type]  # the first event is the request
    # It does not look at Host.
    if not _is_disputed(asked):
        assert taken == _is_upgrade(replace(asked, host=("localhost",)))


@LIVE
@given(asked=ASKED)
def test_a_live_server_answers_within_what_is_allowed(shared_server: RunningServer, asked: Asked) -> None:
    canary = Canary(shared_server)
    try:
        status = _ask(shared_server, asked)
        if _is_upgrade(asked) and not _is_disputed(asked):
            assert status == 101
        elif not _is_upgrade(asked):
            assert status == NO_ANSWER or 200 <= status < 600
        canary.exchange()
        assert shared_server.process.poll() is None
        assert "Traceback" not in shared_server.log_text()
    finally:
        canary.close()


def _ask(server: RunningServer, asked: Asked) -> int:
    """The status it was answered with; whoever gets a 101 is served, too."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        # Each piece is a segment of its own.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = Stream()
        try:
            for piece in asked.pieces():
                connection.sendall(piece)
            while stream.status is None and (data := connection.recv(65536)):
                assert {found.opcode for found in stream.feed(data)} <= {Opcode.PING}
        except ConnectionError:
            return NO_ANSWER
        if stream.status == 101:
            _exchange(connection, stream)
        return stream.status or NO_ANSWER


def _exchange(connection: socket.socket, stream: Stream) -> None:
    """Ask and be answered; what it says may be compressed, and is the frames' affair."""
    connection.sendall(frame(Opcode.TEXT, b"are you there?"))
    while data := connection.recv(65536):
        if any(found.opcode == Opcode.TEXT for found in stream.feed(data)):
            return
    raise AssertionError("it was upgraded, and never served")
