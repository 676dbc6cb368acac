from __future__ import annotations

from chaos.links.embedded.items import End
from chaos.links.embedded.toxics.latency import Latency

from ..rig import LinkBench, setting


def test_every_chunk_is_delayed_from_its_own_arrival():
    bench = LinkBench(Latency(latency=100))
    bench.feed(b"a")
    bench.advance(0.03)
    bench.feed(b"b")
    bench.advance(1)
    assert bench.arrivals == [(100, b"a"), (130, b"b")]


def test_the_end_is_not_delayed_but_does_not_overtake():
    idle = LinkBench(Latency(latency=100))
    idle.end(End.FIN)
    assert idle.ended == (0, End.FIN)

    busy = LinkBench(Latency(latency=100))
    busy.feed(b"a")
    busy.end(End.RESET)
    assert busy.ended is None
    busy.advance(1)
    assert (busy.arrivals, busy.ended) == ([(100, b"a")], (100, End.RESET))


def test_two_latencies_add_up_for_chunks_that_queue_too():
    bench = LinkBench(setting(Latency(latency=100), name="one"), setting(Latency(latency=100), name="two"))
    bench.feed(b"a")
    bench.advance(0.05)
    bench.feed(b"b")
    bench.advance(1)
    assert bench.arrivals == [(200, b"a"), (250, b"b")]


def test_jitter_stays_within_its_bounds_and_keeps_the_order():
    bench = LinkBench(Latency(latency=50, jitter=20))
    for number in range(200):
        bench.feed(bytes([number]))
        bench.advance(0.2)
    delays = [at - 200 * number for number, (at, _) in enumerate(bench.arrivals)]
    assert all(30 <= delay < 70 for delay in delays)
    assert min(delays) < 35
    assert max(delays) > 65

    burst = LinkBench(Latency(latency=50, jitter=50))
    burst.feed(*(bytes([number]) for number in range(100)))
    burst.advance(1)
    assert burst.sink.data == bytes(range(100))


def test_jitter_replays_with_the_seed():
    def arrivals(seed: int) -> list[tuple[float, bytes]]:
        bench = LinkBench(Latency(latency=50, jitter=50), seed=seed)
        bench.feed(b"a", b"b", b"c")
        bench.advance(1)
        return bench.arrivals

    assert arrivals(7) == arrivals(7)
    assert arrivals(7) != arrivals(8)


def test_a_negative_latency_delays_nothing():
    bench = LinkBench(Latency(latency=-100))
    bench.feed(b"a")
    assert bench.arrivals == [(0, b"a")]


def test_removed_while_holding_many_chunks_it_lets_them_all_go_in_order():
    bench = LinkBench(Latency(latency=60_000))
    bench.feed(*(bytes([number]) for number in range(50)))
    bench.end(End.FIN)
    bench.advance(0.2)
    bench.link.remove("latency")
    assert bench.sink.data == bytes(range(50))
    assert bench.ended == (200, End.FIN)
    assert bench.clock.pending == 0


def test_an_update_counts_from_the_arrival_of_what_is_held():
    bench = LinkBench(Latency(latency=60_000))
    bench.feed(b"a", b"b")
    bench.advance(0.2)
    bench.link.update(setting(Latency(latency=500)))
    bench.advance(1)
    assert bench.arrivals == [(500, b"a"), (500, b"b")]


def test_the_source_is_held_up_beyond_1024_chunks_waiting():
    bench = LinkBench(Latency(latency=100))
    rest = bench.feed_as_read([b"x"] * 2000)
    assert len(rest) == 2000 - 1025  # 1,024 wait, one is in hand
    bench.advance(0.1)
    assert bench.source.reading
