"""A soak: what a server promises holds for hours, with clients who come, go and fall silent, near its limit.

Each judgement says for how long it looked. A soak that was cut short is judged on what there is.
"""

from __future__ import annotations

from chaos.expectations.soak.answers import AnsweredThroughout
from chaos.expectations.soak.idle import IdleFoundThroughout
from chaos.expectations.soak.memory import MemoryWithin, NothingKeptOverTime
from chaos.expectations.soak.places import PlacesThroughout

__all__ = [
    "AnsweredThroughout",
    "IdleFoundThroughout",
    "MemoryWithin",
    "NothingKeptOverTime",
    "PlacesThroughout",
]
