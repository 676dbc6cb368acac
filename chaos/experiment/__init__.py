"""The experiment in a scenario's hands.

It talks to the conductor, which does everything that has a time; this side only awaits. It never imports pytest, so
the same object serves a notebook or another test runner.
"""

from __future__ import annotations

from chaos.experiment.compression import needs_compression
from chaos.experiment.conductor import RemoteConductor
from chaos.experiment.crowd import Crowd, Via
from chaos.experiment.experiment import SAMPLING, Experiment
from chaos.experiment.injection import Injection
from chaos.experiment.outcome import Inconclusive, NotJudged, Violated, Worse
from chaos.experiment.server import ServerControl
from chaos.experiment.soaking import SoakPlan, sampling_of

__all__ = [
    "SAMPLING",
    "Crowd",
    "Experiment",
    "Inconclusive",
    "Injection",
    "NotJudged",
    "RemoteConductor",
    "ServerControl",
    "SoakPlan",
    "Via",
    "Violated",
    "Worse",
    "needs_compression",
    "sampling_of",
]
