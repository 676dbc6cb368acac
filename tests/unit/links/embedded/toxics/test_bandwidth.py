from __future__ import annotations

import pytest

from chaos.links.embedded.items import End
from chaos.links.embedded.toxics.bandwidth import Bandwidth

from ..rig import LinkBench, setting


def test_a_small_chunk_takes_its_share_of_a_second():
    bench = LinkBench(Bandwidth(rate=10))
    bench.feed(b"x" * 500)
    bench.advance(1)
    assert bench.arrivals == [(50, b"x" * 500)]


def test_a_large_chunk_comes_in_pieces_of_a_tenth_of_a_second():
    bench = LinkBench(Bandwidth(rate=10))
    bench.feed(b"x" * 2500)
    bench.advance(1)
    assert [(at, len(data)) for at, data in bench.arrivals] == [(100, 1000), (200, 1000), (250, 500)]


def test_chunks_queue_behind_each_other():
    bench = LinkBench(Bandwidth(rate=1))
    bench.feed(b"a" * 50, b"b" * 50)
    bench.advance(1)
    assert [at for at, _ in bench.arrivals] == [50, 100]


def test_a_late_timer_is_caught_up_with():
    bench = LinkBench(Bandwidth(rate=1))
    bench.feed(b"a" * 50, b"b" * 50)
    bench.clock.now += 0.07  # the loop was busy elsewhere: the first timer comes 20 ms late
    bench.advance(1)
    assert [at for at, _ in bench.arrivals] == [70, 100]


def test_waiting_for_the_sink_does_not_come_back_as_a_burst():
    bench = LinkBench(Bandwidth(rate=1))
    bench.feed(b"a" * 100, b"b" * 100)
    bench.make_room(False)
    bench.advance(1)
    bench.make_room()
    bench.advance(1)
    assert [at for at, _ in bench.arrivals] == [1000, 1100]


@pytest.mark.parametrize("rate", [0, -5])
def test_without_a_rate_nothing_passes_until_it_is_removed(rate: int):
    bench = LinkBench(Bandwidth(rate=rate))
    bench.feed(b"abc")
    bench.end(End.FIN)
    bench.advance(3600)
    assert (bench.arrivals, bench.ended) == ([], None)
    bench.link.remove("bandwidth")
    assert (bench.sink.data, bench.ended) == (b"abc", (3_600_000, End.FIN))


def test_an_update_applies_to_what_is_left_of_a_chunk():
    bench = LinkBench(Bandwidth(rate=1))
    bench.feed(b"x" * 1000)
    bench.advance(0.25)
    bench.link.update(setting(Bandwidth(rate=100)))
    bench.advance(1)
    assert [(at, len(data)) for at, data in bench.arrivals] == [(100, 100), (200, 100), (258, 800)]


def test_removed_it_lets_the_rest_go_at_once():
    bench = LinkBench(Bandwidth(rate=1))
    bench.feed(b"x" * 1000)
    bench.advance(0.25)
    bench.link.remove("bandwidth")
    assert [(at, len(data)) for at, data in bench.arrivals] == [(100, 100), (200, 100), (250, 800)]


def test_the_source_is_held_up_by_the_second_chunk():
    bench = LinkBench(Bandwidth(rate=1))
    assert len(bench.feed_as_read([b"x" * 100] * 10)) == 8
