"""Toxics as settings: made, shown, changed, deleted."""

from __future__ import annotations

import pytest

from .wire import Wire

ATTRIBUTES = {
    "bandwidth": ["rate"],
    "latency": ["latency", "jitter"],
    "limit_data": ["bytes"],
    "noop": [],
    "reset_peer": ["timeout"],
    "slicer": ["average_size", "size_variation", "delay"],
    "slow_close": ["delay"],
    "timeout": ["timeout"],
}


@pytest.mark.parametrize("kind_of_toxic", sorted(ATTRIBUTES))
def test_every_kind_as_it_is_shown(wire: Wire, kind_of_toxic: str):
    names = ATTRIBUTES[kind_of_toxic]
    for values in ([0] * len(names), list(range(5, 5 + len(names)))):
        given = dict(zip(names, values, strict=True))
        body = {"type": kind_of_toxic, "attributes": given if any(values) else None}
        made = wire.server.request("POST", f"{wire.path}/toxics", body)
        attributes = ",".join(f'"{name}":{value}' for name, value in given.items())
        name = f"{kind_of_toxic}_downstream"
        text = (
            f'{{"attributes":{{{attributes}}},"name":"{name}","type":"{kind_of_toxic}",'
            '"stream":"downstream","toxicity":1}'
        )
        assert (made.status, made.content_type, made.text) == (200, "application/json", text)
        path = f"{wire.path}/toxics/{name}"
        assert wire.server.request("GET", path).text == text
        assert wire.server.request("GET", f"{wire.path}/toxics").text == f"[{text}]"
        deleted = wire.server.request("DELETE", path)
        assert (deleted.status, deleted.text) == (204, "")
    assert wire.server.request("GET", f"{wire.path}/toxics").text == "[]"


@pytest.mark.parametrize("unknown", ["packet_loss", "Latency", "", "down"])
def test_unknown_kinds(wire: Wire, unknown: str):
    answer = wire.server.request("POST", f"{wire.path}/toxics", {"type": unknown})
    assert (answer.status, answer.error) == (400, "invalid toxic type")


@pytest.mark.parametrize("body", [b"null", b"{}"])
def test_no_kind_at_all(wire: Wire, body: bytes):
    answer = wire.server.request("POST", f"{wire.path}/toxics", body)
    assert (answer.status, answer.error) == (400, "invalid toxic type")


@pytest.mark.parametrize("stream", ["", "side", "up stream"])
def test_unknown_streams(wire: Wire, stream: str):
    answer = wire.server.request("POST", f"{wire.path}/toxics", {"type": "latency", "stream": stream})
    expected = (400, "stream was invalid, can be either upstream or downstream")
    assert (answer.status, answer.error) == expected


def test_a_stream_in_odd_letters_is_kept_as_written(wire: Wire):
    made = wire.server.ok("POST", f"{wire.path}/toxics", {"type": "latency", "stream": "UpStream"})
    assert (made["name"], made["stream"]) == ("latency_UpStream", "UpStream")


def test_names_are_unique_over_both_streams(wire: Wire):
    wire.add("latency", name="x")
    answer = wire.server.request(
        "POST", f"{wire.path}/toxics", {"type": "noop", "name": "x", "stream": "upstream", "attributes": {}}
    )
    assert (answer.status, answer.error) == (409, "toxic already exists")


def test_of_several_faults_the_first_counts(wire: Wire):
    wire.add("latency", name="x")
    bodies = [
        (b'{"attributes": 5, "stream": "x"}', "bad request body: json: cannot unmarshal number into Go"),
        (b'{"type": "nope", "stream": "x"}', "stream was invalid, can be either upstream or downstream"),
        (b'{"type": "nope", "name": "x"}', "invalid toxic type"),
        (b'{"type": "latency", "name": "x", "attributes": {"latency": "x"}}', "toxic already exists"),
    ]
    for body, message in bodies:
        assert wire.server.request("POST", f"{wire.path}/toxics", body).error == message


def test_nonsense_that_is_accepted(wire: Wire):
    attributes = {"latncy": 5, "latency": -7, "LATENCY": -8, "jitter": -9}
    body = {"type": "latency", "toxicity": -3, "attributes": attributes}
    made = wire.server.ok("POST", f"{wire.path}/toxics", body)
    assert (made["attributes"], made["toxicity"]) == ({"latency": -8, "jitter": -9}, -3)


def test_upstream_is_listed_first_each_in_the_order_of_adding(wire: Wire):
    for name, stream in (("d1", "downstream"), ("u1", "upstream"), ("d2", "downstream"), ("u2", "upstream")):
        wire.add("noop", name=name, stream=stream)
    shown = wire.server.ok("GET", wire.path)["toxics"]
    assert [toxic["name"] for toxic in shown] == ["u1", "u2", "d1", "d2"]
    assert shown == wire.server.ok("GET", f"{wire.path}/toxics")


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_change_keeps_what_it_does_not_mention_and_name_type_and_stream(wire: Wire, method: str):
    path = wire.add("latency", latency=1, jitter=2, toxicity=0.5)
    body = {"name": "n", "type": "noop", "stream": "upstream", "attributes": {"jitter": 3}}
    changed = wire.server.request(method, path, body)
    assert (changed.status, changed.text) == (
        200,
        '{"attributes":{"latency":1,"jitter":3},"name":"latency","type":"latency","stream":"downstream","toxicity":0.5}',
    )
    assert wire.server.ok(method, path, {"toxicity": 1})["toxicity"] == 1
    assert wire.server.ok(method, path, {"toxicity": None, "attributes": None}) == wire.server.ok("GET", path)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "unexpected EOF"),
        (b"5", "json: cannot unmarshal number into Go"),
        (b'{"toxicity": "x"}', "json: cannot unmarshal string into Go"),
        (b'{"attributes": []}', "json: cannot unmarshal array into Go"),
    ],
)
def test_a_change_that_is_none(wire: Wire, body: bytes, why: str):
    path = wire.add("latency", latency=1)
    before = wire.server.ok("GET", path)
    answer = wire.server.request("PATCH", path, body)
    assert (answer.status, answer.error) == (400, f"bad request body: {why}")
    assert wire.server.ok("GET", path) == before


def test_names_that_no_path_can_hold(wire: Wire):
    wire.server.ok("POST", f"{wire.path}/toxics", {"type": "noop", "name": "a/b"})
    assert wire.server.request("GET", f"{wire.path}/toxics/a%2Fb").text == "404 page not found\n"
    wire.server.ok("POST", f"{wire.path}/toxics", {"type": "noop", "name": "a b"})
    assert wire.server.ok("GET", f"{wire.path}/toxics/a%20b")["name"] == "a b"
