"""The scripted upstream, over the wire."""

from __future__ import annotations

import http.client
import json
import socket
import time
from typing import Any

import pytest

from .conftest import Started


def ask(
    upstream: Started, path: str = "/", *, method: str = "GET", body: bytes = b"", timeout: float = 5.0
) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(upstream.data.host, upstream.data.port, timeout=timeout)
    try:
        connection.request(method, path, body=body or None)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def command(upstream: Started, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(upstream.control.host, upstream.control.port, timeout=5)
    try:
        connection.request(method, path, body=None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def hits(upstream: Started, since: float = 0.0) -> list[dict[str, Any]]:
    status, answer = command(upstream, "GET", f"/_hits?since={since!r}")
    assert status == 200
    found = answer["hits"]
    assert isinstance(found, list)
    return found


def test_answers_count_up_and_every_request_is_a_hit(upstream: Started) -> None:
    before = time.monotonic()
    assert [ask(upstream, "/quote")[1]["value"] for _ in range(3)] == [1, 2, 3]
    assert [(hit["path"], hit["status"]) for hit in hits(upstream)] == [("/quote", 200)] * 3
    times = [hit["at"] for hit in hits(upstream)]
    assert before < times[0] < times[1] < times[2] < time.monotonic()
    assert hits(upstream, since=times[1]) == hits(upstream)[2:]


def test_the_health_path_is_no_hit(upstream: Started) -> None:
    assert ask(upstream, "/up") == (200, {"status": "ok"})
    assert hits(upstream) == []


def test_a_post_is_read_to_its_end(upstream: Started) -> None:
    assert ask(upstream, "/rpc", method="POST", body=b"x" * 100_000)[0] == 200


def test_a_chunked_post_leaves_the_connection_usable(upstream: Started) -> None:
    connection = http.client.HTTPConnection(upstream.data.host, upstream.data.port, timeout=5)
    for expected in (1, 2):
        connection.request("POST", "/rpc", body=iter([b"one", b"two"]), encode_chunked=True)
        assert json.loads(connection.getresponse().read())["value"] == expected
    connection.close()


def test_head_has_no_body(upstream: Started) -> None:
    with socket.create_connection((upstream.data.host, upstream.data.port), timeout=5) as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\nconnection: close\r\n\r\n")
        answers = connection.makefile("rb").read().split(b"\r\n\r\n")
    assert [answer[:15] for answer in answers] == [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b""]


def test_error_answers_the_status_asked_for(upstream: Started) -> None:
    assert command(upstream, "POST", "/_control", {"mode": "error", "status": 503})[0] == 200
    assert ask(upstream)[0] == 503
    assert [hit["status"] for hit in hits(upstream)] == [503]
    command(upstream, "POST", "/_control", {"mode": "ok"})
    assert ask(upstream) == (200, {"value": 1, "at": pytest.approx(time.monotonic(), abs=5)})


def test_flap_answers_and_fails_by_turns_and_begins_anew_with_each_script(upstream: Started) -> None:
    for _ in range(2):
        command(upstream, "POST", "/_control", {"mode": "flap", "status": 503})
        assert [ask(upstream, path)[0] for path in ("/", "/", "/up", "/")] == [200, 503, 200, 200]
    assert [hit["status"] for hit in hits(upstream)] == [200, 503, 200] * 2


def test_gives_out_after_the_first_request_of_each_path_and_begins_anew_with_each_script(upstream: Started) -> None:
    for _ in range(2):
        command(upstream, "POST", "/_control", {"mode": "give-out", "status": 503, "delay": 0.3})
        for path in ("/", "/other"):
            began = time.monotonic()
            assert ask(upstream, path)[0] == 200
            assert time.monotonic() - began >= 0.3
            assert [ask(upstream, path)[0] for _ in range(2)] == [503, 503]
        assert ask(upstream, "/up")[0] == 200
    assert [hit["status"] for hit in hits(upstream)] == [200, 503, 503] * 4


def test_gives_out_while_the_first_request_hangs(upstream: Started) -> None:
    command(upstream, "POST", "/_control", {"mode": "give-out"})
    with pytest.raises(TimeoutError):
        ask(upstream, timeout=0.3)
    assert [ask(upstream)[0] for _ in range(2)] == [500, 500]
    assert [hit["status"] for hit in hits(upstream)] == [0, 500, 500]


def test_an_error_may_be_late_as_well(upstream: Started) -> None:
    command(upstream, "POST", "/_control", {"mode": "error", "status": 504, "delay": 0.3})
    began = time.monotonic()
    assert ask(upstream)[0] == 504
    assert time.monotonic() - began >= 0.3


def test_slow_answers_after_the_delay(upstream: Started) -> None:
    command(upstream, "POST", "/_control", {"mode": "slow", "delay": 0.3})
    began = time.monotonic()
    assert ask(upstream)[0] == 200
    assert time.monotonic() - began >= 0.3


def test_hang_never_answers_and_is_a_hit_at_once(upstream: Started) -> None:
    command(upstream, "POST", "/_control", {"mode": "hang"})
    with pytest.raises(TimeoutError):
        ask(upstream, "/stuck", timeout=0.3)
    assert [(hit["path"], hit["status"]) for hit in hits(upstream)] == [("/stuck", 0)]
    command(upstream, "POST", "/_control", {"mode": "ok"})
    assert ask(upstream)[0] == 200


def test_refuse_closes_the_port_and_kept_connections_and_ok_opens_it_again(upstream: Started) -> None:
    kept = http.client.HTTPConnection(upstream.data.host, upstream.data.port, timeout=5)
    kept.request("GET", "/")
    kept.getresponse().read()
    command(upstream, "POST", "/_control", {"mode": "refuse"})
    with pytest.raises(ConnectionRefusedError):
        ask(upstream)
    assert kept.sock.recv(1) == b""
    kept.close()
    command(upstream, "POST", "/_control", {"mode": "ok"})
    assert ask(upstream)[0] == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"mode": "explode"}, "mode is 'explode'; allowed: ok, error, flap, give-out, hang, slow, refuse"),
        ({"mode": "error", "status": 200}, "status is 200; allowed: a whole number from 400 to 599"),
        ({"mode": "slow", "delay": -1}, "delay is -1; allowed: seconds from 0 to 3600"),
    ],
)
def test_a_wrong_script_is_refused_and_changes_nothing(upstream: Started, body: object, message: str) -> None:
    assert command(upstream, "POST", "/_control", body) == (400, {"error": message})
    assert ask(upstream)[0] == 200


def test_an_unknown_control_path_names_the_known_ones(upstream: Started) -> None:
    assert command(upstream, "GET", "/") == (404, {"error": "allowed: POST /_control, GET /_hits?since=T"})


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"hello\r\n\r\n", "not an HTTP/1 request line: 'hello'"),
        (b"POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n", "not a length: b'many'"),
        (b"POST / HTTP/1.1\r\ncontent-length: 2000000\r\n\r\n", "the body is longer than 1048576 bytes"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", "a head or chunk header longer than 64 KiB"),
    ],
)
def test_what_is_not_http_is_answered_with_400_and_is_no_hit(upstream: Started, sent: bytes, message: str) -> None:
    with socket.create_connection((upstream.data.host, upstream.data.port), timeout=5) as connection:
        connection.sendall(sent)
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body) == {"error": message}
    assert hits(upstream) == []
