"""The fields of a request: what is let through, and the words for what is not."""

from __future__ import annotations

import pytest

from chaos.agent.fields import (
    Field,
    address,
    buffer_size,
    connection,
    direction,
    directory,
    endpoint,
    environment,
    flag,
    listed,
    optional,
    pid,
    port,
    read_fields,
    seconds,
    share,
    text,
    whole,
)
from chaos.errors import AgentError

TEXT = "text that is not empty and has neither zero bytes nor lone surrogates"
FIELDS = {"port": Field(port), "timeout": optional(seconds, 5.0)}


def test_what_is_left_out_or_null_has_its_default() -> None:
    assert read_fields(FIELDS, {"port": 80}, request="connect") == {"port": 80, "timeout": 5.0}
    assert read_fields(FIELDS, {"port": 80, "timeout": None}, request="connect") == {"port": 80, "timeout": 5.0}


def test_an_unknown_field_is_answered_with_the_nearest() -> None:
    with pytest.raises(AgentError) as caught:
        read_fields(FIELDS, {"port": 80, "timout": 3}, request="connect")
    assert str(caught.value) == ("connect has no field 'timout'; did you mean 'timeout'?; its fields: port, timeout")


def test_a_missing_field_is_named() -> None:
    with pytest.raises(AgentError) as caught:
        read_fields(FIELDS, {}, request="connect")
    assert str(caught.value) == "connect needs the field 'port'; its fields: port, timeout"


def test_a_request_without_fields_says_so() -> None:
    with pytest.raises(AgentError, match=r"^hello has no field 'x'; its fields: none$"):
        read_fields({}, {"x": 1}, request="hello")


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (text, "", TEXT),
        (text, "a\0b", TEXT),
        (text, 3, TEXT),
        (text, "\ud800", TEXT),
        (share, 0, "a share above 0, at most 1"),
        (share, 1.5, "a share above 0, at most 1"),
        (share, True, "a share above 0, at most 1"),
        (direction, "upwards", "one of both, to_local, to_remote"),
        (buffer_size, 2**30 + 1, "bytes, at most 1073741824"),
        (flag, 1, "true or false"),
        (whole, True, "a whole number from 0"),
        (whole, -1, "a whole number from 0"),
        (whole, 1.0, "a whole number from 0"),
        (pid, 1, "a pid from 2, as /proc shows it"),
        (pid, 0, "a pid from 2, as /proc shows it"),
        (port, 0, "a port from 1 to 65535"),
        (port, 65536, "a port from 1 to 65535"),
        (port, "80", "a whole number from 0"),
        (seconds, -0.1, "seconds from 0"),
        (seconds, float("nan"), "seconds from 0"),
        (seconds, float("inf"), "seconds from 0"),
        (seconds, True, "seconds from 0"),
        (directory, "here", "an absolute path: the agent's working directory is not its client's"),
        (address, "localhost", "an IP address, not a name"),
        (endpoint, ["127.0.0.1"], "a pair [IP address, port]"),
        (connection, [["127.0.0.1", 80]], "a pair [local end, remote end], each [IP address, port]"),
        (listed(pid), "1234", "a list"),
        (listed(text, least=1), [], "a list of at least 1"),
        (environment, ["A=1"], "an object of texts"),
        (environment, {"A=": "1"}, "an object of texts whose names hold no '='"),
        (environment, {"A": "\0"}, "an object of texts whose names hold no '='"),
        (environment, {"A": 1}, "an object of texts whose names hold no '='"),
    ],
)
def test_what_is_not_allowed_is_told_in_the_request_s_own_words(check: object, value: object, message: str) -> None:
    with pytest.raises(AgentError) as caught:
        read_fields({"it": Field(check)}, {"it": value}, request="cut")  # type: ignore[arg-type]
    assert str(caught.value) == f"cut: it is {message}; found {value!r}"


@pytest.mark.parametrize(
    ("written", "normal"),
    [("127.0.0.1", "127.0.0.1"), ("::ffff:10.1.2.3", "10.1.2.3"), ("0:0::1", "::1"), ("FE80::1", "fe80::1")],
)
def test_addresses_are_brought_into_the_kernel_s_form(written: str, normal: str) -> None:
    assert address(written) == normal


def test_pairs_become_tuples() -> None:
    assert connection([["::ffff:127.0.0.1", 80], ["127.0.0.1", 90]]) == (("127.0.0.1", 80), ("127.0.0.1", 90))
