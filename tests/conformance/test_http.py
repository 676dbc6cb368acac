"""The manners of Go's HTTP server, as far as a client can come across them."""

from __future__ import annotations

import pytest

from .servers import Server

VERSION = "GET /version HTTP/1.1\nHost: x\n\n"
OK = (
    "HTTP/1.1 200 OK\nContent-Type: application/json;charset=utf-8\nX-Toxiproxy-Request-Id: ID\nDate: D\n"
    'Content-Length: 22\n\n{"version": "2.12.0"}\n'
)
NO_NAME = '{"error":"missing required field: name","status":400}\n'


def sent(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("latin-1")


def kept_open(server: Server, request: bytes) -> str:
    """The answer to a request that does not end the connection; a second one that does shows it."""
    last = sent("GET /version HTTP/1.1\nHost: x\nConnection: close\n\n")
    first, farewell, rest = server.raw(request + last).partition(OK.replace("22\n", "22\nConnection: close\n"))
    assert (bool(farewell), rest) == (True, "")
    return first


def post(*headers: str, body: str) -> bytes:
    head = "\r\n".join(("POST /proxies HTTP/1.1", "Host: x", *headers))
    return f"{head}\r\n\r\n{body}".encode("latin-1")


def test_requests_on_one_connection_are_answered_in_turn(server: Server):
    assert kept_open(server, sent(VERSION * 2)) == OK * 2


def test_an_error_is_plain_text_although_it_is_json(server: Server):
    assert kept_open(server, post("Content-Length: 2", body="{}")) == (
        "HTTP/1.1 400 Bad Request\nContent-Type: text/plain; charset=utf-8\nX-Content-Type-Options: nosniff\n"
        f"X-Toxiproxy-Request-Id: ID\nDate: D\nContent-Length: 54\n\n{NO_NAME}"
    )


def test_no_content_has_no_length(server: Server):
    text = kept_open(server, sent("POST /reset HTTP/1.1\nHost: x\n\n"))
    assert text == "HTTP/1.1 204 No Content\nX-Toxiproxy-Request-Id: ID\nDate: D\n\n"


def test_close_and_keep_alive(server: Server):
    text = server.raw(sent("GET /version HTTP/1.1\nHost: x\nConnection: close\n\n"))
    assert text == OK.replace("22\n", "22\nConnection: close\n")
    assert server.raw(sent("GET /version HTTP/1.0\n\n")) == OK.replace("1.1", "1.0")
    text = kept_open(server, sent("GET /version HTTP/1.0\nConnection: keep-alive\n\n"))
    assert text == OK.replace("1.1", "1.0").replace("22\n", "22\nConnection: keep-alive\n")


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param("GET /version HTTP/1.2\nHost: x\n\n", id="a later 1.x"),
        pytest.param("GET http://other/version HTTP/1.1\nHost: x\n\n", id="an absolute target"),
        pytest.param("GET /version?a=b HTTP/1.1\nHost: x\nx: a\n folded\n\n", id="a folded header"),
        pytest.param("GET /version HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello", id="a body with a GET"),
        pytest.param("GET /version HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\n\n", id="an upgrade"),
    ],
)
def test_odd_but_valid(server: Server, request_text: str):
    assert kept_open(server, sent(request_text)) == OK


def test_bare_line_feeds(server: Server):
    assert kept_open(server, VERSION.encode()) == OK


def test_options_of_the_server_as_a_whole(server: Server):
    assert kept_open(server, sent("OPTIONS * HTTP/1.1\nHost: x\n\n")).startswith("HTTP/1.1 200 OK\n")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("garbage\n\n", "400 Bad Request"),
        ("GET /version HTTP/1.1\n\n", "400 Bad Request: missing required Host header"),
        ("GET /version HTTP/1.1\nHost: a b\n\n", "400 Bad Request: malformed Host header"),
        ("GET /version HTTP/1.1\nHost: x\nHost: x\n\n", "400 Bad Request"),
        ("GET /version HTTP/2.0\nHost: x\n\n", "505 HTTP Version Not Supported: unsupported protocol version"),
        ("GET /version HTTP/x\nHost: x\n\n", "400 Bad Request"),
        ("GET version HTTP/1.1\nHost: x\n\n", "400 Bad Request"),
        ("GET  /version HTTP/1.1\nHost: x\n\n", "400 Bad Request"),
        ("GET /ver sion HTTP/1.1\nHost: x\n\n", "400 Bad Request"),
        ("G@T /version HTTP/1.1\nHost: x\n\n", "400 Bad Request"),
        ("\nGET /version HTTP/1.1\nHost: x\n\n", "400 Bad Request"),
        ("GET /version HTTP/1.1\nHost: x\nno colon\n\n", "400 Bad Request"),
        ("GET /version HTTP/1.1\nHost: x\nbad name: x\n\n", "400 Bad Request: invalid header name"),
        ("GET /version HTTP/1.1\nHost: x\nx: a\x00b\n\n", "400 Bad Request"),
        ("GET /%zz HTTP/1.1\nHost: x\n\n", "400 Bad Request"),
        ("GET /a\x01b HTTP/1.1\nHost: x\n\n", "400 Bad Request"),
        ("POST /proxies HTTP/1.1\nHost: x\nContent-Length: x\n\n", "400 Bad Request"),
        ("POST /proxies HTTP/1.1\nHost: x\nContent-Length: -1\n\n", "400 Bad Request"),
        ("POST /proxies HTTP/1.1\nHost: x\nContent-Length: 2\nContent-Length: 3\n\n{}", "400 Bad Request"),
    ],
)
def test_malformed_requests_are_answered_and_closed(server: Server, request_text: str, status: str):
    assert server.raw(sent(request_text)) == (
        f"HTTP/1.1 {status}\nContent-Type: text/plain; charset=utf-8\nConnection: close\n\n{status}"
    )


def test_a_head_of_two_megabytes_is_too_much(server: Server):
    text = server.raw(sent("GET /version HTTP/1.1\nHost: x\nx: " + "a" * (1 << 21) + "\n\n"))
    assert text.startswith("HTTP/1.1 431 Request Header Fields Too Large\n")


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        pytest.param(("Content-Length: 2", "Content-Length: 2"), "{}", "missing required field: name", id="same twice"),
        pytest.param((), "", "bad request body: EOF", id="no length, no body"),
        pytest.param(
            ("Transfer-Encoding: chunked",),
            "1;ext=1\r\n{\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n",
            "missing required field: name",
            id="chunks",
        ),
        pytest.param(("Transfer-Encoding: Chunked",), "0\r\n\r\n", "bad request body: EOF", id="no chunks"),
        pytest.param(
            ("Transfer-Encoding: chunked", "Content-Length: 9"),
            "2\r\n{}\r\n0\r\n\r\n",
            "missing required field: name",
            id="chunks and a length",
        ),
    ],
)
def test_bodies(server: Server, headers: tuple[str, ...], body: str, message: str):
    text = kept_open(server, post(*headers, body=body))
    assert text.startswith("HTTP/1.1 400 Bad Request\n")
    assert text.endswith(f'\n\n{{"error":"{message}","status":400}}\n')


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("zz\r\n{}\r\n0\r\n\r\n", "bad request body: invalid byte in chunk length"),
        ("FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", "bad request body: http chunk length too large"),
        ("2\r\n{}xx0\r\n\r\n", "missing required field: name"),
    ],
)
def test_broken_chunks_end_the_connection_after_the_answer(server: Server, body: str, message: str):
    text = server.raw(post("Transfer-Encoding: chunked", body=body))
    assert "\nConnection: close\n\n" in text
    assert text.endswith(f'\n\n{{"error":"{message}","status":400}}\n')


def test_unknown_transfer_encodings(server: Server):
    assert server.raw(post("Transfer-Encoding: gzip", body="")) == (
        "HTTP/1.1 501 Not Implemented\nContent-Type: text/plain; charset=utf-8\nConnection: close\n\n"
        "Unsupported transfer encoding"
    )


def test_expectations(server: Server):
    text = kept_open(server, post("Expect: 100-continue", "Content-Length: 2", body="{}"))
    assert text.startswith("HTTP/1.1 100 Continue\n\nHTTP/1.1 400 Bad Request\n")
    text = server.raw(post("Expect: magic", "Content-Length: 2", body="{}"))
    assert text.startswith("HTTP/1.1 417 Expectation Failed\n")
