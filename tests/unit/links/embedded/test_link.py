from __future__ import annotations

import pytest

from chaos.links.embedded.items import End
from chaos.links.embedded.toxics.bandwidth import Bandwidth
from chaos.links.embedded.toxics.latency import Latency
from chaos.links.embedded.toxics.limit_data import LimitData
from chaos.links.embedded.toxics.noop import Noop
from chaos.links.embedded.toxics.slow_close import SlowClose

from .rig import LinkBench, setting


def test_without_toxics_bytes_go_straight_through():
    bench = LinkBench()
    bench.feed(b"a", b"b")
    assert bench.arrivals == [(0, b"a"), (0, b"b")]


@pytest.mark.parametrize("how", list(End))
def test_without_toxics_the_end_goes_straight_through(how: End):
    bench = LinkBench()
    bench.end(how)
    assert bench.ended == (0, how)


def test_a_stalled_sink_stops_the_reading():
    bench = LinkBench()
    bench.make_room(False)
    bench.feed(b"a")
    assert not bench.source.reading
    bench.make_room()
    assert bench.source.reading


def test_a_reset_overtakes_a_stalled_sink_through_toxics():
    bench = LinkBench(Latency(latency=100), Bandwidth(rate=1))
    bench.make_room(False)
    bench.feed(b"x" * 10, b"y" * 10)
    bench.end(End.RESET)
    bench.advance(0.05)
    assert bench.ended is None  # an RST takes its time through toxics like everything else
    bench.advance(1)
    assert bench.ended == (120, End.RESET)


def test_a_reset_frees_what_waits_for_a_stalled_sink_already():
    bench = LinkBench(Noop(), setting(Noop(), name="another"))
    bench.make_room(False)
    bench.feed(b"a", b"b", b"c")
    assert bench.arrivals == []
    bench.end(End.RESET)
    assert (bench.sink.data, bench.ended) == (b"abc", (0, End.RESET))


def test_a_fin_waits_for_a_stalled_sink():
    bench = LinkBench(Latency(latency=100))
    bench.make_room(False)
    bench.feed(b"a")
    bench.end(End.FIN)
    bench.advance(1)
    assert bench.ended is None
    bench.make_room()
    assert (bench.sink.data, bench.ended) == (b"a", (1000, End.FIN))


def test_a_reset_after_a_fin_that_has_left_follows_it():
    bench = LinkBench()
    bench.end(End.FIN)
    bench.end(End.RESET)
    assert bench.ended == (0, End.RESET)


def test_a_fin_after_a_toxic_has_closed_changes_nothing():
    bench = LinkBench(LimitData(bytes=1))
    bench.feed(b"abc")
    bench.end(End.FIN)
    assert bench.ended == (0, End.CLOSE)


def test_the_source_s_reset_makes_a_held_close_a_reset():
    bench = LinkBench(LimitData(bytes=1), SlowClose(delay=100))
    bench.feed(b"abc")
    bench.end(End.RESET)
    bench.advance(1)
    assert bench.ended == (100, End.RESET)


def test_stopped_it_reads_and_delivers_nothing_more():
    bench = LinkBench(Latency(latency=100), SlowClose(delay=100))
    bench.feed(b"a")
    bench.link.stop()
    bench.end(End.RESET)
    bench.advance(1)
    assert (bench.arrivals, bench.ended, bench.source.reading) == ([], None, False)
    assert bench.clock.pending == 0


def test_toxics_may_come_and_go_on_a_link_that_has_ended():
    bench = LinkBench(LimitData(bytes=1))
    bench.feed(b"abc")
    bench.link.add(setting(Latency(latency=100)))
    bench.link.update(setting(Latency(latency=200)))
    bench.link.remove("limit_data")
    bench.link.remove("latency")
    bench.advance(1)
    assert (bench.sink.data, bench.ended, bench.source.reading) == (b"a", (0, End.CLOSE), False)


def test_a_toxic_added_behind_one_that_holds_the_end_is_passed_too():
    bench = LinkBench(SlowClose(delay=100))
    bench.end(End.FIN)
    bench.link.add(setting(SlowClose(delay=50), name="another"))
    bench.advance(1)
    assert bench.ended == (150, End.FIN)


def test_a_toxic_added_to_an_established_link_acts_on_what_comes():
    bench = LinkBench()
    bench.feed(b"a")
    bench.link.add(setting(Latency(latency=100)))
    bench.feed(b"b")
    bench.advance(1)
    assert bench.arrivals == [(0, b"a"), (100, b"b")]


def test_what_waits_before_a_toxic_that_has_cut_the_link_is_not_delivered_when_both_are_removed():
    bench = LinkBench(setting(Noop(), name="first"), setting(Noop(), name="second"), LimitData(bytes=0))
    bench.feed(b"a")
    assert bench.ended is not None
    bench.feed(b"b", b"c", b"d")
    for name in ("limit_data", "second", "first"):
        bench.link.remove(name)
    assert bench.sink.data == b""
