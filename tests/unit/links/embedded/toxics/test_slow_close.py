from __future__ import annotations

import pytest

from chaos.links.embedded.items import End
from chaos.links.embedded.toxics.slow_close import SlowClose

from ..rig import LinkBench, setting


def test_data_passes_at_once():
    bench = LinkBench(SlowClose(delay=500))
    bench.feed(b"a")
    assert bench.arrivals == [(0, b"a")]


@pytest.mark.parametrize("how", list(End))
def test_the_end_comes_later_and_as_what_it_was(how: End):
    bench = LinkBench(SlowClose(delay=500))
    bench.end(how)
    bench.advance(0.499)
    assert bench.ended is None
    bench.advance(1)
    assert bench.ended == (500, how)


def test_removed_it_lets_the_end_go():
    bench = LinkBench(SlowClose(delay=500))
    bench.end(End.FIN)
    bench.advance(0.1)
    bench.link.remove("slow_close")
    assert bench.ended == (100, End.FIN)


def test_updated_it_counts_again():
    bench = LinkBench(SlowClose(delay=500))
    bench.end(End.FIN)
    bench.advance(0.4)
    bench.link.update(setting(SlowClose(delay=300)))
    bench.advance(1)
    assert bench.ended == (700, End.FIN)


def test_a_reset_that_follows_a_held_fin_leaves_as_a_reset():
    bench = LinkBench(SlowClose(delay=500))
    bench.end(End.FIN)
    bench.end(End.RESET)
    bench.advance(1)
    assert bench.ended == (500, End.RESET)
