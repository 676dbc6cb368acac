"""What travels over the agent's socket."""

from __future__ import annotations

import errno
from pathlib import Path
from signal import Signals

import pytest

from chaos.agent.protocol import check_socket_path, decode_answer, encode, gone, grace, result_of
from chaos.errors import AgentError


def test_a_path_of_107_bytes_is_the_longest_a_socket_can_have() -> None:
    longest = Path("/tmp/" + "a" * 102)
    assert check_socket_path(longest) == longest
    with pytest.raises(AgentError) as caught:
        check_socket_path(Path("/tmp/" + "a" * 103))
    assert str(caught.value) == (
        f"the agent's socket path has 108 bytes and a unix socket's may have 107: /tmp/{'a' * 103}; "
        "choose a shorter state directory, for instance below /tmp or $XDG_RUNTIME_DIR"
    )


def test_bytes_are_counted_not_characters() -> None:
    with pytest.raises(AgentError, match="has 205 bytes"):
        check_socket_path(Path("/tmp/" + "ö" * 100))


def test_a_request_carries_paths_absolute_and_signals_as_numbers() -> None:
    assert encode({"id": 1, "log": Path("x.log"), "signal": Signals.SIGTERM}) == (
        f'{{"id":1,"log":"{Path.cwd()}/x.log","signal":15}}\n'.encode()
    )
    with pytest.raises(AgentError, match=r"^a request cannot carry a object$"):
        encode({"x": object()})


def test_an_answer_is_an_object_with_a_number() -> None:
    assert decode_answer(b'{"id":1,"ok":null}') == {"id": 1, "ok": None}
    with pytest.raises(AgentError, match=r"^the agent sent something that is not JSON: b'nonsense'$"):
        decode_answer(b"nonsense")
    with pytest.raises(AgentError, match=r"^the agent sent something that is no answer: b'\[1\]'$"):
        decode_answer(b"[1]")


def test_a_refusal_is_raised_in_the_agent_s_words() -> None:
    assert result_of({"id": 1, "ok": 3}) == 3
    with pytest.raises(AgentError, match=r"^no such thing$"):
        result_of({"id": 1, "error": "no such thing"})


@pytest.mark.parametrize(
    ("why", "told"),
    [
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "it closed the connection"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "it closed the connection"),
        (OSError(errno.EBADF, "Bad file descriptor"), "Bad file descriptor"),
        ("this connection was closed", "this connection was closed"),
    ],
)
def test_an_agent_that_ended_is_told_alike_whatever_its_kernel_sent(why: OSError | str, told: str) -> None:
    assert str(gone(Path("/tmp/a.sock"), why)) == f"the agent on /tmp/a.sock is gone: {told}; its log says why"


def test_a_request_may_take_as_long_as_it_waits_and_some_time_more() -> None:
    usual = grace({})
    assert usual is not None
    assert grace({"timeout": 7.0}) == 7.0 + usual
    assert grace({"timeout": None}) is None
