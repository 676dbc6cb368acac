from __future__ import annotations

import dataclasses

import pytest

from chaos.links.embedded.chain import Chain
from chaos.links.embedded.errors import ApiError
from chaos.links.embedded.items import Direction
from chaos.links.embedded.toxics.latency import Latency
from chaos.links.embedded.toxics.noop import Noop

from .rig import LinkBench, setting


def upstream(name: str):
    return dataclasses.replace(setting(Noop(), name=name), direction=Direction.UPSTREAM, stream="Upstream")


def test_upstream_first_and_each_direction_in_the_order_of_adding():
    chain = Chain()
    for item in (setting(Noop(), name="d1"), upstream("u1"), setting(Noop(), name="d2"), upstream("u2")):
        chain.add(item)
    assert [item.name for item in chain.settings()] == ["u1", "u2", "d1", "d2"]


def test_names_are_unique_over_both_directions():
    chain = Chain()
    chain.add(setting(Noop(), name="x"))
    with pytest.raises(ApiError, match=r"^toxic already exists$") as caught:
        chain.add(upstream("x"))
    assert caught.value.status == 409


def test_what_is_not_there_is_404():
    chain = Chain()
    for attempt in (
        lambda: chain.get("x"),
        lambda: chain.remove("x"),
        lambda: chain.update("x", toxic=Noop(), toxicity=1),
    ):
        with pytest.raises(ApiError, match=r"^toxic not found$") as caught:
            attempt()
        assert caught.value.status == 404


def test_an_update_keeps_name_and_stream():
    chain = Chain()
    chain.add(upstream("u"))
    assert chain.update("u", toxic=Latency(latency=5), toxicity=0.5) == chain.get("u")
    assert chain.get("u") == dataclasses.replace(upstream("u"), toxic=Latency(latency=5), toxicity=0.5)


def test_changes_reach_the_attached_links_of_their_direction_only():
    chain = Chain()
    chain.add(setting(Latency(latency=100)))
    bench = LinkBench()
    chain.attach(bench.link)
    chain.add(upstream("u"))
    bench.feed(b"a")
    assert bench.arrivals == []
    chain.update("latency", toxic=Latency(latency=50), toxicity=1)
    bench.advance(0.05)
    assert bench.arrivals == [(50, b"a")]
    chain.clear()
    bench.feed(b"b")
    assert bench.arrivals[1:] == [(50, b"b")]
    assert chain.settings() == []
    chain.detach(bench.link)
    chain.add(setting(Latency(latency=100)))
    bench.feed(b"c")
    assert bench.arrivals[2:] == [(50, b"c")]
