from __future__ import annotations

import pytest

from chaos.links.embedded.items import End
from chaos.links.embedded.toxics.noop import Noop
from chaos.links.embedded.toxics.timeout import Timeout

from ..rig import LinkBench, setting


def test_data_disappears_and_the_connection_is_closed_in_the_end():
    bench = LinkBench(Timeout(timeout=100))
    bench.feed(b"a")
    bench.advance(1)
    assert (bench.arrivals, bench.ended) == ([], (100, End.CLOSE))


def test_every_chunk_starts_the_clock_again():
    bench = LinkBench(Timeout(timeout=100))
    for _ in range(3):
        bench.advance(0.08)
        bench.feed(b"a")
    bench.advance(1)
    assert bench.ended == (340, End.CLOSE)


@pytest.mark.parametrize("timeout", [0, -1])
def test_without_a_time_it_never_closes(timeout: int):
    bench = LinkBench(Timeout(timeout=timeout))
    bench.feed(b"a")
    bench.advance(3600)
    assert (bench.arrivals, bench.ended, bench.source.reading) == ([], None, True)


def test_the_end_passes():
    bench = LinkBench(Timeout(timeout=0))
    bench.end(End.FIN)
    assert bench.ended == (0, End.FIN)


def test_removing_it_closes():
    bench = LinkBench(Timeout(timeout=0))
    bench.link.remove("timeout")
    assert bench.ended == (0, End.CLOSE)


def test_removing_it_spares_a_link_it_was_not_drawn_for():
    bench = LinkBench(setting(Timeout(timeout=0), toxicity=0))
    bench.link.remove("timeout")
    bench.feed(b"a")
    assert (bench.sink.data, bench.ended) == (b"a", None)


def test_removing_it_closes_also_if_it_acted_only_before_an_update():
    bench = LinkBench(Timeout(timeout=0))
    bench.feed(b"lost")
    bench.link.update(setting(Timeout(timeout=0), toxicity=0))
    bench.feed(b"a")
    bench.link.remove("timeout")
    assert (bench.sink.data, bench.ended) == (b"a", (0, End.CLOSE))


def test_after_closing_nothing_more_is_read():
    bench = LinkBench(Noop(), Timeout(timeout=100))
    bench.advance(0.1)
    assert not bench.source.reading
