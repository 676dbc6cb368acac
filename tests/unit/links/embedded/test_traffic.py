from __future__ import annotations

from chaos.links.embedded.items import Direction
from chaos.links.embedded.traffic import Flow, Traffic


def test_counts_add_up_per_flow():
    traffic = Traffic()
    for _ in range(2):
        traffic.add(Direction.UPSTREAM, proxy="p", listener="l", upstream="u", received=5, sent=4)
    traffic.add(Direction.DOWNSTREAM, proxy="p", listener="l", upstream="u", received=1, sent=1)
    assert traffic.received == {Flow("upstream", "l", "p", "u"): 10, Flow("downstream", "l", "p", "u"): 1}
    assert traffic.sent == {Flow("upstream", "l", "p", "u"): 8, Flow("downstream", "l", "p", "u"): 1}
