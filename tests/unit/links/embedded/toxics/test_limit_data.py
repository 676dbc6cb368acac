from __future__ import annotations

import pytest

from chaos.links.embedded.items import End
from chaos.links.embedded.toxics.limit_data import LimitData

from ..rig import LinkBench, setting


def test_closes_when_the_limit_is_reached_even_exactly():
    bench = LinkBench(LimitData(bytes=5))
    bench.feed(b"abc")
    assert bench.ended is None
    bench.feed(b"de")
    assert (bench.sink.data, bench.ended) == (b"abcde", (0, End.CLOSE))


def test_cuts_the_chunk_that_goes_beyond():
    bench = LinkBench(LimitData(bytes=5))
    bench.feed(b"abcdefgh")
    assert (bench.sink.data, bench.ended, bench.source.reading) == (b"abcde", (0, End.CLOSE), False)


@pytest.mark.parametrize("limit", [0, -1])
def test_with_no_bytes_allowed_the_first_chunk_closes(limit: int):
    bench = LinkBench(LimitData(bytes=limit))
    assert bench.ended is None
    bench.feed(b"a")
    assert (bench.arrivals, bench.ended) == ([], (0, End.CLOSE))


def test_an_update_keeps_the_count():
    bench = LinkBench(LimitData(bytes=10))
    bench.feed(b"abcdef")
    bench.link.update(setting(LimitData(bytes=8)))
    bench.feed(b"ghijkl")
    assert (bench.sink.data, bench.ended) == (b"abcdefgh", (0, End.CLOSE))


def test_a_limit_lowered_below_the_count_acts_on_the_next_chunk():
    bench = LinkBench(LimitData(bytes=10))
    bench.feed(b"abcdef")
    bench.link.update(setting(LimitData(bytes=3)))
    assert bench.ended is None
    bench.feed(b"g")
    assert (bench.sink.data, bench.ended) == (b"abcdef", (0, End.CLOSE))


def test_what_waits_for_room_is_not_counted():
    bench = LinkBench(LimitData(bytes=4))
    bench.make_room(False)
    bench.feed(b"abc")
    bench.link.update(setting(LimitData(bytes=5)))
    bench.make_room()
    bench.feed(b"def")
    assert (bench.sink.data, bench.ended) == (b"abcde", (0, End.CLOSE))
