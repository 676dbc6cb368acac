from __future__ import annotations

from chaos.links.embedded.items import End
from chaos.links.embedded.toxics.noop import Noop

from ..rig import LinkBench


def test_everything_passes_at_once():
    bench = LinkBench(Noop())
    bench.feed(b"a", b"b")
    bench.end(End.FIN)
    assert (bench.arrivals, bench.ended) == ([(0, b"a"), (0, b"b")], (0, End.FIN))
