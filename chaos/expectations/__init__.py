"""Judgements over the journal and the contract: each gives one finding, the worst finding is the verdict."""

from __future__ import annotations

from chaos.expectations.alerts import AlertGone, AlertNotRaised, AlertRaised
from chaos.expectations.base import Expectation, Provided, Record, Uncertainty, judge_all, quantile
from chaos.expectations.breaker import (
    AnsweredWhileOpen,
    CallsAnswered,
    FollowsTheBreakerModel,
    GivenUpWithin,
    NotTurnedAway,
    OpenedAfter,
    RodeOut,
    TurnedAwayWhileOpen,
    UpstreamCalled,
    UpstreamLeftAlone,
)
from chaos.expectations.cleanup import FilesGivenBack, ReleasedWithin, StatisticsAgree
from chaos.expectations.clients import (
    ClosedWith,
    Established,
    NotWarnedEarly,
    RefusedAtTheDoor,
    RejectedGracefully,
    StayedAfterUpgrade,
    Undisturbed,
    Warned,
)
from chaos.expectations.counters import CounterAgrees
from chaos.expectations.database_sessions import DatabaseSessionsGivenBack
from chaos.expectations.fairness import FloodAnswered
from chaos.expectations.faults import (
    CameBesideTheHostile,
    FailuresReached,
    FaultLasted,
    FaultsBit,
    FaultsHealed,
    KeptOut,
    LeftMidTrial,
    PongsDelayed,
    SteadyBefore,
)
from chaos.expectations.hostile import AnsweredAsAllowed
from chaos.expectations.integrity import Intact, IntactThroughReconnects, PlainlyOver
from chaos.expectations.leaks import FdsNotKept, MemoryNotKept, SessionsNotKept, TasksNotKept
from chaos.expectations.liveness import ClosedByAge, ClosedWhenIdle, PingedAtPeriod, WarnedBeforeClose
from chaos.expectations.memory import CostsAtMost, GivenBack
from chaos.expectations.polling import PolledInTime
from chaos.expectations.reach import ReachedEverybody
from chaos.expectations.sessions import SessionsForgotten
from chaos.expectations.soak import (
    AnsweredThroughout,
    IdleFoundThroughout,
    MemoryWithin,
    NothingKeptOverTime,
    PlacesThroughout,
)
from chaos.expectations.starts import RefusedAtStart
from chaos.expectations.survival import ServerSurvived
from chaos.expectations.timing import DeliveredInSequence, RecoveredWithin, RoundTripsWithin, ShutDownWithin
from chaos.expectations.witnesses import WitnessesAgree

__all__ = [
    "AlertGone",
    "AlertNotRaised",
    "AlertRaised",
    "AnsweredAsAllowed",
    "AnsweredThroughout",
    "AnsweredWhileOpen",
    "CallsAnswered",
    "CameBesideTheHostile",
    "ClosedByAge",
    "ClosedWhenIdle",
    "ClosedWith",
    "CostsAtMost",
    "CounterAgrees",
    "DatabaseSessionsGivenBack",
    "DeliveredInSequence",
    "Established",
    "Expectation",
    "FailuresReached",
    "FaultLasted",
    "FaultsBit",
    "FaultsHealed",
    "FdsNotKept",
    "FilesGivenBack",
    "FloodAnswered",
    "FollowsTheBreakerModel",
    "GivenBack",
    "GivenUpWithin",
    "IdleFoundThroughout",
    "Intact",
    "IntactThroughReconnects",
    "KeptOut",
    "LeftMidTrial",
    "MemoryNotKept",
    "MemoryWithin",
    "NotTurnedAway",
    "NotWarnedEarly",
    "NothingKeptOverTime",
    "OpenedAfter",
    "PingedAtPeriod",
    "PlacesThroughout",
    "PlainlyOver",
    "PolledInTime",
    "PongsDelayed",
    "Provided",
    "ReachedEverybody",
    "Record",
    "RecoveredWithin",
    "RefusedAtStart",
    "RefusedAtTheDoor",
    "RejectedGracefully",
    "ReleasedWithin",
    "RodeOut",
    "RoundTripsWithin",
    "ServerSurvived",
    "SessionsForgotten",
    "SessionsNotKept",
    "ShutDownWithin",
    "StatisticsAgree",
    "StayedAfterUpgrade",
    "SteadyBefore",
    "TasksNotKept",
    "TurnedAwayWhileOpen",
    "Uncertainty",
    "Undisturbed",
    "UpstreamCalled",
    "UpstreamLeftAlone",
    "Warned",
    "WarnedBeforeClose",
    "WitnessesAgree",
    "judge_all",
    "quantile",
]
