from __future__ import annotations

import pytest

from chaos.links.embedded.http.message import MalformedRequest, parse_head


def test_a_head():
    head = parse_head(b"POST /a%20b?c HTTP/1.1\r\nHost: x\r\nX-One:  1 \r\nx-one: 2\r\nFolded: a\r\n b")
    assert (head.method, head.target, head.path, head.query) == ("POST", "/a%20b?c", "/a b", "c")
    assert head.headers == {"host": ["x"], "x-one": ["1", "2"], "folded": ["a b"]}
    assert head.header("x-one") == "1"
    assert head.header("none") == ""


@pytest.mark.parametrize(
    ("version", "connection", "keep_alive"),
    [
        ("1.1", "", True),
        ("1.1", "Close", False),
        ("1.1", "upgrade, close", False),
        ("1.0", "", False),
        ("1.0", "Keep-Alive", True),
        ("1.2", "", True),
    ],
)
def test_who_wants_to_go_on(version: str, connection: str, keep_alive: bool):
    lines = f"GET / HTTP/{version}\r\nHost: x\r\nConnection: {connection}"
    assert parse_head(lines.encode()).keep_alive is keep_alive


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"garbage", "400 Bad Request"),
        (b"GET  / HTTP/1.1\r\nHost: x", "400 Bad Request"),
        (b"GET /a b HTTP/1.1\r\nHost: x", "400 Bad Request"),
        (b" GET / HTTP/1.1\r\nHost: x", "400 Bad Request"),
        (b"G@T / HTTP/1.1\r\nHost: x", "400 Bad Request"),
        (b"GET / HTTP/x\r\nHost: x", "400 Bad Request"),
        (b"GET /%zz HTTP/1.1\r\nHost: x", "400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon", "400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nx: a\x00b", "400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x", "400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nbad name: x", "400 Bad Request: invalid header name"),
        (b"GET / HTTP/1.1", "400 Bad Request: missing required Host header"),
        (b"GET / HTTP/1.1\r\nHost: a b", "400 Bad Request: malformed Host header"),
        (
            b"GET / HTTP/2.0\r\nHost: x",
            "505 HTTP Version Not Supported: unsupported protocol version",
        ),
    ],
)
def test_malformed_heads_get_go_s_answers(head: bytes, answer: str):
    with pytest.raises(MalformedRequest) as caught:
        parse_head(head)
    assert (caught.value.status_line, caught.value.body) == (answer, answer)


def test_http_1_0_needs_no_host():
    assert parse_head(b"GET / HTTP/1.0").is_http_1_0
