from __future__ import annotations

from chaos.links.embedded.items import End
from chaos.links.embedded.toxics.reset_peer import ResetPeer

from ..rig import LinkBench, setting


def test_the_next_chunk_is_dropped_and_resets():
    bench = LinkBench(ResetPeer(timeout=0))
    bench.advance(5)
    assert bench.ended is None
    bench.feed(b"a")
    assert (bench.arrivals, bench.ended) == ([], (5000, End.RESET))


def test_the_timeout_counts_from_that_chunk():
    bench = LinkBench(ResetPeer(timeout=200))
    bench.advance(1)
    bench.feed(b"a")
    bench.advance(1)
    assert bench.ended == (1200, End.RESET)


def test_the_end_of_the_stream_resets_too():
    bench = LinkBench(ResetPeer(timeout=200))
    bench.end(End.FIN)
    bench.advance(1)
    assert bench.ended == (200, End.RESET)


def test_removed_in_time_it_is_called_off_and_nothing_is_lost():
    bench = LinkBench(ResetPeer(timeout=200))
    bench.feed(b"a", b"b")
    bench.advance(0.1)
    bench.link.remove("reset_peer")
    bench.advance(1)
    assert (bench.arrivals, bench.ended) == ([(100, b"a"), (100, b"b")], None)


def test_its_toxicity_can_be_raised_later_to_reset_an_established_connection():
    bench = LinkBench(setting(ResetPeer(), toxicity=0))
    bench.feed(b"a")
    assert bench.sink.data == b"a"
    bench.link.update(setting(ResetPeer()))
    bench.feed(b"b")
    assert (bench.sink.data, bench.ended) == (b"a", (0, End.RESET))
