"""Plans: what is refused, and in which words; what travels."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from chaos.address import Address
from chaos.crowd.plan import ClientPlan, PhaseTimeouts
from chaos.errors import ConfigurationError

TIMEOUTS = PhaseTimeouts(tcp=1, handshake=2, first_message=4)


def plan(**fields: Any) -> ClientPlan:
    return ClientPlan(address=Address("127.0.0.1", 80), timeouts=TIMEOUTS, **fields)


def test_a_plan_travels() -> None:
    made = plan(send="a {n}", expect="{n}", headers=(("X-A", "1"), ("X-A", "2")), keep_alive=1.5, first_message=True)
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(made) == hash(pickle.loads(pickle.dumps(made)))


def test_an_answer_may_take_as_long_as_a_first_message() -> None:
    assert plan().answer_timeout == 4
    assert plan(answer_within=0.5).answer_timeout == 0.5
    assert TIMEOUTS.total == 7


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"path": "ws"}, "path begins with / and holds neither blanks nor #; found 'ws'"),
        ({"path": "/a b"}, "path begins with / and holds neither blanks nor #; found '/a b'"),
        ({"headers": (("X Y", "1"),)}, "headers: 'X Y' is no header name; allowed are letters, digits and -"),
        ({"headers": (("X", "1\r\nY: 2"),)}, "headers: the value of X is one line; found '1\\r\\nY: 2'"),
        (
            {"headers": (("Sec-WebSocket-Key", "x"),)},
            "headers: Sec-WebSocket-Key belongs to the handshake, which a faithful client writes itself; "
            "use origin or subprotocol for those two",
        ),
        ({"send": "a"}, "send and expect make an exchange together; give both or neither"),
        ({"expect": "a"}, "send and expect make an exchange together; give both or neither"),
        ({"keep_alive": 1.0}, "keep_alive repeats an exchange; give send and expect"),
        (
            {"first_message": True},
            "first_message awaits the greeting or an answer; give greeting, or send and expect",
        ),
        ({"greeting": "hi"}, "greeting is awaited as the first message; give first_message=True with it"),
        (
            {"greeting": "(", "first_message": True},
            "greeting is a regular expression; found '(': missing ), unterminated subpattern at position 0",
        ),
        (
            {"send": "a", "expect": "[{n}"},
            "expect is a regular expression; found '[{n}': unterminated character set at position 0",
        ),
        ({"close_timeout": 0}, "close_timeout is above zero; found 0"),
        ({"max_size": 0}, "max_size is above zero; found 0"),
        ({"receive_buffer": -1}, "receive_buffer is above zero; found -1"),
        ({"answer_within": 0.0}, "answer_within is above zero; found 0.0"),
        ({"send": "a", "expect": "a", "keep_alive": 0.0}, "keep_alive is above zero; found 0.0"),
        ({"pong_delay": -1.0}, "pong_delay is seconds, zero or more; found -1.0"),
        ({"close_delay": -1.0}, "close_delay is seconds, zero or more and less than close_timeout; found -1.0"),
        ({"close_delay": 10.0}, "close_delay is seconds, zero or more and less than close_timeout; found 10.0"),
        (
            {"pong_delay": 1.0, "answer_pings": False},
            "pong_delay means nothing with answer_pings=False; leave one of them out",
        ),
    ],
)
def test_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        plan(**fields)
    assert str(caught.value) == message


@pytest.mark.parametrize("phase", ["tcp", "handshake", "first_message"])
def test_timeouts_are_above_zero(phase: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PhaseTimeouts(**{"tcp": 1.0, "handshake": 1.0, "first_message": 1.0, phase: 0.0})
    assert str(caught.value) == f"timeouts.{phase} is above zero; found 0.0"
