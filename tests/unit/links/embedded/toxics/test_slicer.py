from __future__ import annotations

import pytest

from chaos.links.embedded.toxics.slicer import Slicer

from ..rig import LinkBench


def pieces(toxic: Slicer, size: int = 1000) -> list[bytes]:
    bench = LinkBench(toxic)
    data = bytes(number % 251 for number in range(size))
    bench.feed(data)
    bench.advance(60)
    assert bench.sink.data == data
    return [piece for _, piece in bench.arrivals]


def test_halves_until_the_pieces_are_small_enough():
    assert [len(piece) for piece in pieces(Slicer(average_size=300))] == [250, 250, 250, 250]
    assert [len(piece) for piece in pieces(Slicer(average_size=1), size=5)] == [1, 1, 1, 1, 1]


def test_a_chunk_within_the_variation_stays_whole():
    assert len(pieces(Slicer(average_size=900, size_variation=100))) == 1


def test_variation_moves_the_cuts():
    sizes = {len(piece) for piece in pieces(Slicer(average_size=50, size_variation=20))}
    assert len(sizes) > 5
    assert max(sizes) <= 70


def test_the_delay_is_in_microseconds_and_follows_each_piece():
    bench = LinkBench(Slicer(average_size=500, delay=2500))
    bench.feed(b"x" * 1000)
    bench.feed(b"y")
    bench.advance(1)
    assert [at for at, _ in bench.arrivals] == [0, 2.5, 5]


@pytest.mark.parametrize(
    "toxic",
    [
        pytest.param(Slicer(), id="no size at all: Toxiproxy dies of it"),
        pytest.param(Slicer(average_size=-5, size_variation=3), id="negative size"),
    ],
)
def test_without_a_size_nothing_is_cut(toxic: Slicer):
    assert len(pieces(toxic)) == 1


@pytest.mark.parametrize(
    "toxic",
    [
        pytest.param(Slicer(average_size=1, size_variation=100), id="variation larger than the pieces"),
        pytest.param(Slicer(average_size=10, size_variation=-20), id="negative variation"),
        pytest.param(Slicer(average_size=2**62, size_variation=2**62), id="enormous"),
    ],
)
def test_odd_sizes_lose_nothing(toxic: Slicer):
    assert all(pieces(toxic))
