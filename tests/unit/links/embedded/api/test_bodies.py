from __future__ import annotations

import pytest

from chaos.links.embedded.api.bodies import (
    read_new_proxy,
    read_new_toxic,
    read_proxies,
    read_toxic_changes,
    toxic_to_json,
)
from chaos.links.embedded.chain import Chain
from chaos.links.embedded.collection import ProxySpecification
from chaos.links.embedded.errors import ApiError
from chaos.links.embedded.golang.scanner import scan
from chaos.links.embedded.items import Direction
from chaos.links.embedded.setting import Setting
from chaos.links.embedded.toxics.latency import Latency

from ..rig import setting


def test_a_new_proxy_is_enabled_and_listens_anywhere_unless_told():
    assert read_new_proxy(scan(b'{"name": "n", "upstream": "u", "x": 1}')) == ProxySpecification("n", "", "u", True)
    text = b'{"name": "n", "upstream": "u", "listen": "l", "enabled": false}'
    assert read_new_proxy(scan(text)) == ProxySpecification("n", "l", "u", False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{}", "missing required field: name"),
        (b'{"name": ""}', "missing required field: name"),
        (b'{"name": "n"}', "missing required field: upstream"),
        (b"[]", "bad request body: json: cannot unmarshal array into Go value of type toxiproxy.Proxy"),
    ],
)
def test_a_proxy_needs_a_name_and_an_upstream(text: bytes, message: str):
    with pytest.raises(ApiError) as caught:
        read_new_proxy(scan(text))
    assert (caught.value.message, caught.value.status) == (message, 400)


def test_in_a_list_the_number_is_told():
    with pytest.raises(ApiError, match=r"^missing required field: upstream at proxy 2$"):
        read_proxies(scan(b'[{"name": "a", "upstream": "u"}, {"name": "b"}]'))
    assert read_proxies(None) == []


def test_a_new_toxic_goes_downstream_under_a_name_made_of_type_and_stream():
    expected = Setting("latency_downstream", "downstream", Direction.DOWNSTREAM, 1.0, Latency())
    assert read_new_toxic(scan(b'{"type": "latency"}'), Chain()) == expected
    made = read_new_toxic(scan(b'{"type": "latency", "stream": "UPSTREAM"}'), Chain())
    assert (made.name, made.stream, made.direction) == ("latency_UPSTREAM", "UPSTREAM", Direction.UPSTREAM)


@pytest.mark.parametrize(
    ("text", "message", "status"),
    [
        # In this order: a body with several faults is refused for the first of them.
        (
            b'{"attributes": 5, "stream": "x"}',
            "bad request body: json: cannot unmarshal number into Go struct field "
            "ToxicWrapper.attributes of type toxics.NoopToxic",
            400,
        ),
        (b'{"stream": "x"}', "stream was invalid, can be either upstream or downstream", 400),
        (b'{"type": "x", "name": "taken"}', "invalid toxic type", 400),
        (b'{"type": "latency", "name": "taken", "attributes": {"latency": "x"}}', "toxic already exists", 409),
        (
            b'{"type": "slicer", "attributes": {"delay": 1.5}}',
            "bad request body: json: cannot unmarshal number 1.5 into Go struct field "
            "SlicerToxic.attributes.delay of type int",
            400,
        ),
    ],
)
def test_a_new_toxic_is_refused_for_the_first_fault(text: bytes, message: str, status: int):
    chain = Chain()
    chain.add(setting(Latency(), name="taken"))
    with pytest.raises(ApiError) as caught:
        read_new_toxic(scan(text), chain)
    assert (caught.value.message, caught.value.status) == (message, status)


def test_misspelt_attributes_are_accepted_as_toxiproxy_accepts_them():
    assert read_new_toxic(scan(b'{"type": "latency", "attributes": {"latncy": 5}}'), Chain()).toxic == Latency()


def test_changes_leave_alone_what_they_do_not_mention():
    old = setting(Latency(latency=5, jitter=6), toxicity=0.5)
    for text, expected in (
        (b"{}", (Latency(latency=5, jitter=6), 0.5)),
        (b'{"attributes": {"jitter": 7}}', (Latency(latency=5, jitter=7), 0.5)),
        (b'{"toxicity": 1, "type": "noop", "stream": "upstream"}', (Latency(latency=5, jitter=6), 1.0)),
        (b'{"attributes": null, "toxicity": null}', (Latency(latency=5, jitter=6), 0.5)),
    ):
        assert read_toxic_changes(scan(text), old) == expected


def test_attributes_come_first_and_in_their_order():
    shown = toxic_to_json(setting(Latency(latency=5, jitter=6)))
    assert list(shown) == ["attributes", "name", "type", "stream", "toxicity"]
    assert list(shown["attributes"].items()) == [("latency", 5), ("jitter", 6)]
