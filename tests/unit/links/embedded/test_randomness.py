from __future__ import annotations

import dataclasses

import pytest

from chaos.links.embedded.items import Direction
from chaos.links.embedded.randomness import LinkSeed, fresh_seed

SEED = LinkSeed(seed=1, proxy="p", connection=1, direction=Direction.UPSTREAM)


def draw(seed: LinkSeed, toxic: str = "t", purpose: str = "data") -> float:
    return seed.generator(toxic, purpose).random()


def test_the_same_name_gives_the_same_numbers():
    assert draw(SEED) == draw(dataclasses.replace(SEED))


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(SEED, seed=2),
        dataclasses.replace(SEED, proxy="q"),
        dataclasses.replace(SEED, connection=2),
        dataclasses.replace(SEED, direction=Direction.DOWNSTREAM),
    ],
)
def test_every_part_of_the_name_matters(other: LinkSeed):
    assert draw(SEED) != draw(other)


def test_toxic_and_purpose_matter():
    assert len({draw(SEED), draw(SEED, toxic="u"), draw(SEED, purpose="toxicity")}) == 3


def test_the_numbers_do_not_depend_on_the_version_of_python():
    assert draw(SEED) == 0.31874068880878725


def test_fresh_seeds_differ():
    assert fresh_seed() != fresh_seed()
